"""A client between the OpenID provider, the gateway and a browser, every message recorded."""

import asyncio
import re
import shlex
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.app import Gateway
from gateway.settings.load import Loaded, load_settings
from tests.assertion.callers import signing_key, signing_pem
from tests.end_to_end.conftest import AUDIENCE, Provider
from tests.end_to_end.flows.drawing import Names
from tests.end_to_end.flows.relay import Record, Relay, ask, relaying
from tests.hanging import LIMIT_SECONDS
from tests.proxy.messages import Message
from tests.proxy.service import running_service, serve

GATEWAY = str(Path(sys.executable).with_name("gateway"))
LOGIN, API = "login.example.com", "api.example.com"
CALLBACK = "127.0.0.1:49152"
SECRET = "{}-secret-of-the-end-to-end-tests"

CONFIG = """
version: 1
listen: 127.0.0.1:0
admin: false
access_log: none
issuers:
  main:
    issuer: {issuer}
    discovery: true
    audiences: ["{audience}"]
    algorithms: [ES256]
    profile: rfc9068
upstreams:
  orders: {{servers: ["{service}"]}}
routes:
  - name: read-orders
    match: {{path_prefix: /orders/, methods: [GET]}}
    upstream: orders
    require: {{scopes: [orders:read]}}
  - name: write-orders
    match: {{path_prefix: /orders/, methods: [POST]}}
    upstream: orders
    require: {{scopes: [orders:write]}}
"""

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Command:
    """A running command of the page."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said = b""

    async def find(self, pattern: bytes) -> str:
        """Return what *pattern* finds in what it says on stderr, once it has said it."""
        assert self._process.stderr is not None
        while (found := re.search(pattern, self._said)) is None:
            piece = await self._process.stderr.read(4096)
            assert piece, self._said
            self._said += piece
        return found[1].decode()

    async def finish(self) -> tuple[int | None, str]:
        """Return its exit code, and what it printed."""
        async with asyncio.timeout(LIMIT_SECONDS):
            printed, _ = await self._process.communicate()
        return self._process.returncode, printed.decode().strip()


@dataclass
class ClientWorld:
    """Everything that runs; the page's commands run in *folder*."""

    folder: Path
    issuer: str
    gateway: Relay
    record: Record
    names: Names

    async def start(self, command: str, *more: str) -> Command:
        """Start a *command* of the page, with the real addresses in place of those it shows."""
        text = command.replace(f"https://{LOGIN}", self.issuer)
        words = shlex.split(text.replace(f"https://{API}", AUDIENCE))
        assert words[0] == "gateway"
        process = await asyncio.create_subprocess_exec(
            GATEWAY,
            *(*words[1:], *more),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return Command(process)

    async def run(self, command: str) -> str:
        """Return what a *command* of the page prints."""
        code, printed = await (await self.start(command)).finish()
        assert code == 0
        return printed

    async def call(self, method: str, token: str) -> Message:
        """Return the gateway's answer to a request with *token*."""
        fields = (
            (b"Host", f"127.0.0.1:{self.gateway.port}".encode()),
            (b"Authorization", b"Bearer " + token.encode()),
        )
        request = Message(f"{method} /orders/7 HTTP/1.1".encode(), fields)
        return await ask(self.gateway.port, request)


@asynccontextmanager
async def running_clients(folder: Path) -> AsyncIterator[ClientWorld]:
    """Yield a world that runs."""
    for name in ("shop", "shop-post"):
        (folder / f"{name}.secret").write_text(SECRET.format(name))
    (folder / "shop-key.pem").write_bytes(signing_pem("ES256"))
    jwks = {"keys": [dict(signing_key("ES256").public_jwk)]}
    record = Record()
    async with AsyncExitStack() as stack:
        login = await stack.enter_async_context(relaying(Relay("provider", "client", record)))
        front = await stack.enter_async_context(relaying(Relay("gateway", "client", record)))
        behind = await stack.enter_async_context(relaying(Relay("service", "gateway", record)))
        service = await stack.enter_async_context(running_service())
        service.script = serve(_ANSWER)
        behind.target = service.address[1]
        settings = {"issuer": login.origin, "clients": {"shop-key": {"jwks": jwks}}}
        provider = Provider(folder, settings)
        stack.callback(provider.stop)
        await asyncio.to_thread(provider.start)
        login.target = provider.address[1]
        config = CONFIG.format(issuer=login.origin, audience=AUDIENCE, service=behind.origin)
        running = await stack.enter_async_context(_gateway(folder, config))
        front.target = running.data_address[1]
        yield ClientWorld(folder, login.origin, front, record, _names(front, login))


@asynccontextmanager
async def _gateway(folder: Path, config: str) -> AsyncIterator[Gateway]:
    (folder / "gateway.yaml").write_text(config)
    outcome = load_settings(folder / "gateway.yaml", {})
    assert isinstance(outcome, Loaded), outcome
    running = Gateway(outcome.settings)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


def _names(front: Relay, login: Relay) -> Names:
    basic = b64encode(f"shop:{SECRET.format('shop')}".encode()).decode()
    places = {
        basic: "{client_id:client_secret}",
        AUDIENCE: f"https://{API}",
    }
    for relay, host in ((front, API), (login, LOGIN)):
        places[relay.origin] = f"https://{host}"
        places[f"127.0.0.1:{relay.port}"] = host
    return Names(places)
