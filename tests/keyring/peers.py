"""Working stand-ins for what the keyring meets: an issuer on loopback, a clock, settings."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.decision.policy import Issuer, Profile
from gateway.settings.values.configuration import IssuerSettings, KeySource, KeyTimes, SourceKind
from tests.hanging import LIMIT_SECONDS

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class IssuerPeer:
    """An HTTP server that answers as *answer* says, and counts what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Answer = body(b"")
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.server = web.Server(self)

    @property
    def open_connections(self) -> int:
        return len(self.server.connections)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        return await self.answer(request)  # type: ignore[arg-type]


def body(octets: bytes, status: int = 200, **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=octets, status=status, headers=fields)

    return answer


def gate(answer: Answer) -> tuple[Answer, asyncio.Event]:
    """Return *answer* behind an event that lets it out."""
    opened = asyncio.Event()

    async def waiting(request: web.Request) -> web.StreamResponse:
        await opened.wait()
        return await answer(request)

    return waiting, opened


@asynccontextmanager
async def issuer_peer(tls: ssl.SSLContext | None = None) -> AsyncIterator[IssuerPeer]:
    peer = IssuerPeer()
    runner = web.ServerRunner(peer.server, shutdown_timeout=0.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    peer.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield peer
    finally:
        await runner.cleanup()


class MovableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._sleepers: dict[asyncio.Event, float] = {}

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0.0:
            return
        woken = asyncio.Event()
        self._sleepers[woken] = self._now + seconds
        try:
            await woken.wait()
        finally:
            del self._sleepers[woken]

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for woken, moment in self._sleepers.items():
            if moment <= self._now:
                woken.set()

    @property
    def next_wake_in_seconds(self) -> float:
        """How long the next sleeper still sleeps: 0 while one is waking, inf without any."""
        return max(0.0, min(self._sleepers.values(), default=float("inf")) - self._now)

    @property
    def wakes_in_seconds(self) -> list[float]:
        """How long each sleeper still sleeps, the next one first."""
        return sorted(moment - self._now for moment in self._sleepers.values())


def issuer_settings(
    kind: SourceKind,
    location: str,
    *,
    name: str = "main",
    issuer: str = "https://login.example.com/",
    secret: bytes | None = None,
    fetch_timeout_seconds: float = 5.0,
) -> IssuerSettings:
    return IssuerSettings(
        Issuer(
            name=name,
            issuer=issuer,
            audiences=None,
            algorithms=frozenset({"RS256", "ES256", "EdDSA"}),
            profile=Profile.ANY,
            leeway_seconds=0.0,
        ),
        KeySource(kind, location, secret),
        KeyTimes(
            fresh_seconds=300.0,
            stale_seconds=3600.0,
            fetch_timeout_seconds=fetch_timeout_seconds,
            unknown_kid_cooldown_seconds=30.0,
        ),
    )


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run until *holds*; a bound keeps a broken test from hanging."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds():  # noqa: ASYNC110 - what is awaited has no event to wait for
            await asyncio.sleep(0.001)
