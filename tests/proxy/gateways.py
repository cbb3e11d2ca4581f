"""A gateway of the real parts, in this process, on a configuration made for a test."""

import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jwt.algorithms import ECAlgorithm

from gateway.app import Gateway
from gateway.fetched import MakeLogins
from gateway.fetching.clock import Clock
from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.streams.open_streams import Clocks
from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.configuration import Settings
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.wire import Wire, connect
from tests.tokens import make_private, mint

ISSUER = "https://login.example.com/"
AUDIENCE = "orders-api"

# Longer than any run of the tests: some tokens are made while they are collected.
TOKEN_SECONDS = 24 * 60 * 60
EXPIRED = TOKEN_SECONDS + 31  # so much later, and the leeway is over, too

ROUTES: tuple[Mapping[str, Any], ...] = (
    {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    {
        "name": "api",
        "match": {"path_prefix": "/api/"},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
    },
    {
        "name": "admin",
        "match": {"path_prefix": "/admin/"},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
    },
    {
        "name": "maybe",
        "match": {"path_prefix": "/maybe/"},
        "upstream": "main",
        "require": {"optional": True},
    },
    {
        "name": "socket",
        "match": {"path_prefix": "/socket/"},
        "upstream": "main",
        "require": {},
        "upgrades": ["websocket"],
    },
    {
        "name": "open-socket",
        "match": {"path_prefix": "/open-socket/"},
        "upstream": "main",
        "public": True,
        "upgrades": ["websocket"],
    },
)


def make_token(scope: str | None = "api:read", **claims: Any) -> bytes:
    """Return a good token of the test issuer; a claim of None leaves it out."""
    now = int(time.time())
    standard = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "client_id": "shop",
        "jti": "token-1",
        "scope": scope,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    merged = {name: value for name, value in (standard | claims).items() if value is not None}
    return mint(make_private("ES256"), "ES256", merged)


@cache
def good_token() -> bytes:
    """Return one token with the scope ``api:read``, the same in one run."""
    return make_token()


def bearer(token: bytes | None = None) -> bytes:
    """Return an Authorization line with *token*, by default a good one."""
    return b"Authorization: Bearer " + (good_token() if token is None else token)


def write_config(directory: Path, servers: list[str], changes: Mapping[str, Any]) -> Path:
    """Write a configuration whose upstream ``main`` has *servers*; *changes* replace sections.

    Of the sections ``upstream`` is special: it adds to the settings of ``main``.
    """
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
    keys = [{**jwk, "kid": "k1", "alg": "ES256", "use": "sig"}]
    (directory / "keys.json").write_text(json.dumps({"keys": keys}))
    sections = dict(changes)
    main = {"servers": servers, **sections.pop("upstream", {})}
    config = {
        "version": 1,
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "access_log": "none",
        "issuers": {
            "main": {
                "issuer": ISSUER,
                "jwks_file": "keys.json",
                "audiences": [AUDIENCE],
                "algorithms": ["ES256"],
            }
        },
        "upstreams": {"main": main},
        "routes": [dict(route) for route in ROUTES],
    }
    path = directory / "gateway.yaml"
    path.write_text(yaml.safe_dump(config | sections, sort_keys=False))
    return path


def load(path: Path) -> Settings:
    """Return the settings in *path*; a faulty file fails the test with its faults."""
    loaded = load_settings(path, {})
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings


class MovableClocks:
    """The clocks of the machine, which a test can put forward.

    *set_by_seconds* is the wall clock's alone, and may be negative: somebody set it.
    """

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        self.set_by_seconds = 0.0

    def wall(self) -> float:
        return time.time() + self.ahead_seconds + self.set_by_seconds

    def steady(self) -> float:
        return time.monotonic() + self.ahead_seconds


class RunningGateway:
    """A started gateway, and how tests talk to it."""

    def __init__(self, gateway: Gateway, clocks: MovableClocks) -> None:
        self.gateway = gateway
        self.clocks = clocks
        self.address = gateway.data_address  # kept: it is not known any more after draining
        self.tls: ssl.SSLContext | None = None  # what its clients trust, if its port has TLS
        self.wires: list[Wire] = []
        self._is_stopped = False

    async def connect(self, receive_bytes: int | None = None) -> Wire:
        """Return a new client connection."""
        wire = await connect(self.address, receive_bytes, self.tls)
        self.wires.append(wire)
        return wire

    async def ask(self, request: bytes, *, is_head: bool = False) -> Message:
        """Return the answer to *request*, sent on a connection of its own."""
        wire = await self.connect()
        wire.send(request)
        answer = await read_answer(wire, is_head=is_head)
        wire.close()
        return answer

    def only_client(self) -> ClientConnection:
        """Return the gateway's side of the only connection, which speaks HTTP/1.1."""
        (client,) = self.gateway.data._listener._clients
        assert isinstance(client, ClientConnection)
        return client

    def page(self) -> str:
        """Return what ``/metrics`` shows, at once."""
        return self.gateway._exposition.expose(self.gateway.data.counts()).decode()

    def metric(self, name: str, **labels: str) -> float:
        """Return one sample of ``/metrics``; 0 where it is not there."""
        inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        wanted = f"{name}{{{inside}}}" if inside else name
        for line in self.page().splitlines():
            sample, _, value = line.rpartition(" ")
            if sample == wanted:
                return float(value)
        return 0.0

    async def wait_still(self, count: Callable[[], int]) -> int:
        """Return *count* once many round trips through the gateway leave it as it is."""
        wire = await self.connect()
        unchanged = 0
        last = count()
        while unchanged < 50:
            wire.send(make_request("/nowhere"))
            await read_answer(wire)
            unchanged = unchanged + 1 if count() == last else 0
            last = count()
        wire.close()
        return last

    def pass_time(self, seconds: float) -> None:
        """Put the clocks forward, and end the streams whose time it is, as the next sweep does."""
        self.clocks.ahead_seconds += seconds
        self.gateway.data._serving.port.streams.sweep()

    def expire(self, seconds: float) -> None:
        """Check all timeouts, except those of streams, as the sweep will do in *seconds*.

        So a test can have long timeouts, which no machine is too slow for, and need not wait.
        """
        self.gateway.data._listener._expire(time.monotonic() + seconds)

    async def stop(self) -> None:
        """Stop the gateway, once."""
        if not self._is_stopped:
            self._is_stopped = True
            await self.gateway.stop()


@asynccontextmanager
async def running_gateway(
    settings: Settings, fetch_clock: Clock | None = None, make_logins: MakeLogins | None = None
) -> AsyncIterator[RunningGateway]:
    """Yield a gateway that listens; every client connection made through it is cut in the end."""
    clocks = MovableClocks()
    gateway = Gateway(
        settings, Clocks(clocks.wall, clocks.steady), fetch_clock, make_logins=make_logins
    )
    try:
        await gateway.start()
    except BaseException:
        await gateway.stop()
        raise
    running = RunningGateway(gateway, clocks)
    try:
        yield running
    finally:
        for wire in running.wires:
            wire.transport.abort()
        await running.stop()
