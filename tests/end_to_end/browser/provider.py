"""The OpenID provider that people log in at, and its controls."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.certificates import AUTHORITY
from tests.end_to_end.browser.names import APP
from tests.end_to_end.conftest import PROVIDER_FOLDER, program, running
from tests.hanging import LIMIT_SECONDS

ORIGIN = f"https://{APP}"
CLIENT_ID = "web"
CLIENT_SECRET = "web-secret-of-the-end-to-end-tests"
STRONG = "urn:example:two-factors"


def client(backchannel_path: str) -> dict[str, Any]:
    """Return the metadata of the proxy under test (OpenID Connect Registration 1.0 §2)."""
    return {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": [f"{ORIGIN}/oauth/callback"],
        "post_logout_redirect_uris": [f"{ORIGIN}/"],
        "backchannel_logout_uri": ORIGIN + backchannel_path,
        "backchannel_logout_session_required": True,
        "id_token_signed_response_alg": "ES256",
    }


class People:
    """The running provider; *issuer* is its URL, *address* the one that it listens on."""

    def __init__(self, issuer: str, control: str, address: str) -> None:
        self.issuer = issuer
        self.address = address
        self._control = control

    def shorten(self, subject: str, seconds: int) -> None:
        """Let the first access token of a login of *subject* live so long; refreshed ones: long."""
        self._ask("/people", {subject: {"seconds": seconds}})

    def lose(self, subject: str, *, is_lost: bool) -> None:
        """Fail to refresh the tokens of *subject*, or do so again."""
        self._ask("/people", {subject: {"isLost": is_lost}})

    def lead(self, host: str, port: int) -> None:
        """Have logout tokens for *host* sent to *port*."""
        self._ask("/names", {host: port})

    def log_out(self, subject: str) -> int:
        """End the sessions of *subject* by the back channel; return how many were told."""
        return int(self._ask("/logout", {"client": CLIENT_ID, "subject": subject}))

    def asked(self, subject: str) -> dict[str, Any]:
        """Return the parameters of their last authorization request, and ``isPushed``."""
        return dict(self._seen(subject)["asked"])

    def expires_at(self, subject: str) -> float:
        """Return when their last access token expires, in seconds since the epoch."""
        return float(self._seen(subject)["expiresAt"])

    def refreshes(self, subject: str) -> int:
        """Return how often their tokens were refreshed."""
        return int(self._seen(subject)["grants"].get("refresh_token", 0))

    def knows(self, subject: str) -> bool:
        """Return whether *subject* was here."""
        return subject in self._ask("/seen", None)

    def _seen(self, subject: str) -> dict[str, Any]:
        return dict(self._ask("/seen", None)[subject])

    def _ask(self, path: str, body: object) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self._control + path, data, LIMIT_SECONDS) as answer:
            return json.load(answer)


@contextmanager
def running_people(
    folder: Path, *clients: dict[str, Any], issuer: str | None = None
) -> Iterator[People]:
    """Yield a provider with *clients* that trusts our certificates.

    *issuer* is the address by which others reach it, if that is not its own.
    """
    (folder / "clients.json").write_text(json.dumps(clients))
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    command = [program("node"), str(PROVIDER_FOLDER / "people.mjs"), str(folder / "clients.json")]
    command += [] if issuer is None else [issuer]
    environ = {"PATH": "/usr/bin:/bin", "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem")}
    with running(command, folder / "people.log", environ) as started:
        said = json.loads(started.wait_for(r"(?m)^\{.*\}$")[0])
        yield People(said["issuer"], said["control"], said["address"])
