"""Apache with mod_auth_openidc in front of the application, as Debian ships them."""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.certificates import write_pair
from tests.end_to_end.browser.names import APP, CERTIFICATE
from tests.end_to_end.browser.provider import CLIENT_ID, CLIENT_SECRET, ORIGIN, STRONG, People
from tests.end_to_end.conftest import Program, program
from tests.hanging import LIMIT_SECONDS

# Apache takes no socket that is open already: a port is tried until one is free. These are not
# among those that the kernel gives to clients.
_PORTS = range(20_000, 30_000)
_TRIES = 20

_MODULE_FOLDER = Path("/usr/lib/apache2/modules")
_MODULES = (
    "mpm_event authn_core authz_host authz_core authz_user headers proxy proxy_http "
    "proxy_wstunnel socache_shmcb ssl auth_openidc"
)

# What is not said is as mod_auth_openidc has it by default. Forwarded to the application is what
# it needs to know of a person, and the access token, which the gateway keeps to itself.
CONFIG = """
{modules}
ServerRoot {folder}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog /dev/stderr
LogLevel warn
Listen 127.0.0.1:{port}
ServerName https://{host}
UseCanonicalName On
User www-data
Group www-data
StartServers 2
ServerLimit 4
GracefulShutdownTimeout 1
DocumentRoot {folder}/htdocs
SSLEngine on
SSLCertificateFile {folder}/server.pem
SSLCertificateKeyFile {folder}/server.key
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {client_secret}
OIDCRedirectURI {origin}/oauth/callback
OIDCCryptoPassphrase a-passphrase-of-the-tests-alone-32b
OIDCScope "openid profile orders:read"
OIDCPKCEMethod S256
OIDCIDTokenSignedResponseAlg ES256
OIDCResponseType code
OIDCProviderAuthRequestMethod PAR
OIDCRefreshAccessTokenBeforeExpiry 1
OIDCPassClaimsAs headers
OIDCPassAccessToken Off
OIDCRedirectURLsAllowed ^{origin}/
<Location />
    AuthType openid-connect
    Require valid-user
    ProxyPass {service}/ upgrade=websocket flushpackets=on
</Location>
<LocationMatch "^/(public/)?$">
    AuthType None
    Require all granted
</LocationMatch>
<Location /strong/>
    OIDCUnAutzAction auth
    OIDCPathAuthRequestParams acr_values={strong}
    Require claim acr:{strong}
</Location>
"""


def _config(folder: Path, port: int, people: People, service: str) -> str:
    modules = "\n".join(
        f"LoadModule {name}_module {_MODULE_FOLDER}/mod_{name}.so" for name in _MODULES.split()
    )
    return CONFIG.format(
        modules=modules,
        folder=folder,
        host=APP,
        port=port,
        issuer=people.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        origin=ORIGIN,
        service=service,
        strong=STRONG,
    )


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[Program]:
    with (
        output.open("wb") as file,
        subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            yield Program(process, output)
        finally:
            # Its children wait for the connections they have, which tests leave open.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(LIMIT_SECONDS)


@contextmanager
def running_apache(folder: Path, people: People, service: str) -> Iterator[int]:
    """Yield the port of an Apache in front of *service*."""
    apache = program("apache2")
    if not (_MODULE_FOLDER / "mod_auth_openidc.so").exists():
        pytest.skip("mod_auth_openidc is missing")
    write_pair(folder, CERTIFICATE)
    (folder / "htdocs").mkdir()
    config = folder / "apache.conf"
    for port in random.sample(_PORTS, _TRIES):
        config.write_text(_config(folder, port, people, service))
        command = [apache, "-D", "FOREGROUND", "-f", str(config)]
        with _running(command, folder / "apache.log") as started:
            said = started.wait_for("resuming normal operations|Address already in use")[0]
            if said == "resuming normal operations":
                yield port
                return
    raise AssertionError("no free port")


class Apache:
    """The contender."""

    cookie = "mod_auth_openidc_session"
    logout_url = f"{ORIGIN}/oauth/callback?logout=https%3A%2F%2F{APP}%2F"
    backchannel_path = "/oauth/callback?logout=backchannel"
    # It does not end streams, and what does not happen cannot be waited for.
    patience_seconds = 2.0

    async def log_out(self, page: Page) -> None:
        """Log out in *page*, until the provider's own page is there."""
        await page.goto(self.logout_url)
        await page.wait_for_selector("button")
