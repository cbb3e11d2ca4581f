"""Real parts on loopback: the OpenID provider from npm, nginx, and the installed gateway."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.hanging import LIMIT_SECONDS

PROVIDER_FOLDER = Path(__file__).parent / "provider"
AUDIENCE = "https://orders.example.test"
CLIENT = "shop:shop-secret-of-the-end-to-end-tests"

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        location / {{
            return 200 '{{"method": "$request_method", "target": "$request_uri",
                "subject": "$http_x_gateway_subject", "issuer": "$http_x_gateway_issuer",
                "client": "$http_x_gateway_client", "scopes": "$http_x_gateway_scopes",
                "token_id": "$http_x_gateway_token_id", "authorization": "$http_authorization",
                "via": "$http_via"}}';
        }}
    }}
}}
"""

GATEWAY_CONFIG = """
version: 1
listen: 127.0.0.1:0
admin: 127.0.0.1:0
issuers:
  provider:
    issuer: {issuer}
    discovery: true
    audiences: ["{audience}"]
    algorithms: [ES256]
    profile: rfc9068
    keys: {{fresh: {fresh}}}
upstreams:
  orders:
    servers: ["{service}"]
routes:
  - name: health
    match: {{path: /healthz}}
    public: true
    upstream: orders
  - name: read-orders
    match: {{path_prefix: /orders/, methods: [GET]}}
    upstream: orders
    require: {{scopes: [orders:read]}}
  - name: write-orders
    match: {{path_prefix: /orders/, methods: [POST]}}
    upstream: orders
    require: {{scopes: [orders:write]}}
"""


def program(name: str) -> str:
    """Return the path of *name*, or skip the test that needs it."""
    # Debian keeps nginx in /usr/sbin, which a plain user's PATH may lack.
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is missing")
    return path


@dataclass(frozen=True)
class Program:
    """A running program; what it says is in *output*."""

    process: subprocess.Popen[bytes]
    output: Path

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match of *pattern* in what it said, once it has said it."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = re.search(pattern, self.output.read_text(errors="replace"))
            if found:
                return found
            if ended:
                break
            time.sleep(0.02)
        raise AssertionError(f"never said {pattern!r}: {self.output.read_text(errors='replace')}")

    def stop(self) -> int:
        """End it by its process id; return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(LIMIT_SECONDS)


@contextmanager
def running(
    command: list[str],
    output: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Iterator[Program]:
    """Run *command* for as long as the block lasts."""
    with (
        output.open("wb") as file,
        subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=env, pass_fds=pass_fds
        ) as process,
    ):
        started = Program(process, output)
        try:
            yield started
        finally:
            started.stop()


class Provider:
    """The OpenID provider, which can be stopped and come back as the same issuer.

    *settings* are those of ``provider.mjs``.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._settings = dict(settings or {})
        self._port = self._control_port = 0
        self._running: AbstractContextManager[Program] | None = None
        self.issuer = ""
        self._control = ""

    def start(self) -> None:
        """Serve, with the keys and at the port of before."""
        command = [
            program("node"),
            str(PROVIDER_FOLDER / "provider.mjs"),
            str(self._port),
            str(self._control_port),
            str(self._folder / "keys.json"),
            json.dumps(self._settings),
        ]
        self._running = running(command, self._folder / "provider.log")
        said = json.loads(self._running.__enter__().wait_for(r"(?m)^\{.*\}$")[0])
        self.issuer, self._control = said["issuer"], said["control"]
        self._port = int(said["port"])
        self._control_port = urllib.parse.urlsplit(self._control).port or 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, whatever its issuer is."""
        return "127.0.0.1", self._port

    def stop(self) -> None:
        """Answer nobody from now on."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None

    def token(self, scope: str) -> str:
        """Return a fresh access token for the service (RFC 8707: `resource`)."""
        form = {"grant_type": "client_credentials", "resource": AUDIENCE, "scope": scope}
        request = urllib.request.Request(
            self.issuer + "/token",
            urllib.parse.urlencode(form).encode(),
            {"Authorization": "Basic " + b64encode(CLIENT.encode()).decode()},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return str(json.load(answer)["access_token"])

    def rotate(self) -> str:
        """Sign with a new key from now on; return its `kid`."""
        return self._tell("POST", b"")

    def change(self, **settings: Any) -> None:
        """Change settings while it runs; see ``provider.mjs``."""
        self._tell("PATCH", json.dumps(settings).encode())

    def _tell(self, method: str, body: bytes) -> str:
        request = urllib.request.Request(self._control, body, method=method)
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return str(answer.read().decode())


class RunningGateway(NamedTuple):
    """The origins of both ports of a gateway."""

    data: str
    admin: str


def install_modules(folder: Path) -> None:
    """Install what package-lock.json in *folder* says, unless it is there."""
    program("node")
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    done = subprocess.run(
        [program("npm"), "ci"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def provider_modules() -> None:
    """Install the provider."""
    install_modules(PROVIDER_FOLDER)


@pytest.fixture
def provider(provider_modules: None, tmp_path: Path) -> Iterator[Provider]:
    """Start the provider with a key of its own."""
    started = Provider(tmp_path)
    started.start()
    yield started
    started.stop()


@contextmanager
def running_service(folder: Path) -> Iterator[str]:
    """Run nginx, which answers the identity it saw; yield its origin."""
    nginx = program("nginx")
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(folder=folder, port=port))
        # nginx takes over sockets that the variable names: no other test can take the port.
        environ = {**os.environ, "NGINX": f"{bound.fileno()};"}
        command = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(config)]
        with running(command, folder / "nginx.log", environ, (bound.fileno(),)):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def running_gateway(
    folder: Path, service: str, issuer: str, fresh: str = "5m"
) -> Iterator[RunningGateway]:
    """Run the command that users install, in front of *service*."""
    command = Path(sys.executable).with_name("gateway")
    config = folder / "gateway.yaml"
    config.write_text(
        GATEWAY_CONFIG.format(issuer=issuer, audience=AUDIENCE, fresh=fresh, service=service)
    )
    with running([str(command), "run", str(config)], folder / "gateway.log") as started:
        data = started.wait_for(r"listening on (127\.0\.0\.1:[0-9]+)\n")[1]
        admin = started.wait_for(r"admin on (127\.0\.0\.1:[0-9]+)\n")[1]
        yield RunningGateway(f"http://{data}", f"http://{admin}")
        assert started.stop() == 0, started.output.read_text()
        # 6750.10: no token, and no part of one, in whatever it said and logged.
        assert "eyJ" not in started.output.read_text()
