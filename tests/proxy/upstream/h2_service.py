"""A raw service of HTTP/2 that sends what a test says, and a request on a lease of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import hpack

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.h2_connection import H2ServerConnection
from gateway.proxy.upstream.h2_stream import H2ServerStream
from gateway.proxy.upstream.lease import TunnelPeer
from tests.hanging import LIMIT_SECONDS
from tests.proxy.h2.frames import (
    FRAME_HEAD_BYTES,
    PREFACE,
    Field,
    Flag,
    Frame,
    Kind,
    Setting,
    frame,
    settings,
    window_update,
)
from tests.proxy.pools import eventually
from tests.proxy.wire import Wire

GET = b"GET /a HTTP/1.1\r\nHost: api.test\r\nX-Request-Id: 1\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"
_PLENTY = 1 << 30


@dataclass(slots=True)
class Received:
    """What came on one stream of a service."""

    heads: list[list[Field]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_ended: bool = False
    reset: int | None = None

    @property
    def head(self) -> dict[bytes, bytes]:
        return dict(self.heads[0])


class H2Peer:
    """One connection as its service sees it; it acknowledges SETTINGS, and nothing else."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.frames: list[Frame] = []
        self.streams: dict[int, Received] = {}
        self.window_updates: dict[int, int] = {}
        self._at = len(PREFACE)
        self._open: tuple[int, int, bytearray] | None = None
        self._decoder = hpack.Decoder()

    def send(self, *raw: bytes) -> None:
        if not self.wire.transport.is_closing():
            self.wire.send(b"".join(raw))

    def begin(self, *values: tuple[int, int], window: int = _PLENTY) -> None:
        """Send SETTINGS, and by default plenty of credit."""
        self.send(settings(((Setting.INITIAL_WINDOW_SIZE, window), *values)))
        self.send(window_update(0, _PLENTY))

    def credit(self, stream: int, size: int) -> None:
        self.send(window_update(stream, size))

    async def stream(self, number: int, *, ended: bool = False) -> Received:
        """Return what came on stream *number*, once its head is there, or all of it."""

        def is_there() -> bool:
            self.read()
            found = self.streams.get(number)
            return found is not None and (not ended or found.is_ended)

        await self.wire.wait_for(is_there)
        return self.streams[number]

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        def is_there() -> bool:
            self.read()
            return condition()

        await self.wire.wait_for(is_there)

    def read(self) -> None:
        """Read the frames that have come."""
        raw = self.wire.received
        assert PREFACE.startswith(raw[: len(PREFACE)]), "the preface"
        while len(raw) >= self._at + FRAME_HEAD_BYTES:
            size = int.from_bytes(raw[self._at : self._at + 3], "big")
            end = self._at + FRAME_HEAD_BYTES + size
            if len(raw) < end:
                return
            head = raw[self._at : self._at + FRAME_HEAD_BYTES]
            stream = int.from_bytes(head[5:9], "big")
            self._take(Frame(head[3], head[4], stream, bytes(raw[end - size : end])))
            self._at = end

    def _take(self, one: Frame) -> None:
        self.frames.append(one)
        if one.kind == Kind.SETTINGS and not one.has(Flag.ACK):
            self.send(frame(Kind.SETTINGS, 0, flags=Flag.ACK))
        elif one.kind == Kind.WINDOW_UPDATE:
            credit = self.window_updates.get(one.stream, 0)
            self.window_updates[one.stream] = credit + one.number
        elif one.kind == Kind.HEADERS:
            self._open = (one.stream, one.flags, bytearray(one.payload))
        elif one.kind == Kind.CONTINUATION and self._open is not None:
            self._open[2].extend(one.payload)
        elif one.kind == Kind.DATA:
            self.streams[one.stream].body += one.payload
            self.streams[one.stream].is_ended |= one.has(Flag.END_STREAM)
        elif one.kind == Kind.RST_STREAM:
            self.streams.setdefault(one.stream, Received()).reset = one.number
        if one.kind in {Kind.HEADERS, Kind.CONTINUATION} and one.has(Flag.END_HEADERS):
            assert self._open is not None
            stream, flags, block = self._open
            found = self.streams.setdefault(stream, Received())
            found.heads.append([*self._decoder.decode(bytes(block), raw=True)])
            found.is_ended |= bool(flags & Flag.END_STREAM)

    def kinds(self, kind: Kind) -> list[Frame]:
        self.read()
        return [one for one in self.frames if one.kind == kind]


class Owner:
    """The pool of a connection, as far as it needs one."""

    authority = "api.test"
    body_seconds = 30.0

    def __init__(self) -> None:
        self.write_buffer = WriteBuffer(asyncio.get_running_loop())
        self.rooms: list[int] = []
        self.failed: list[float] = []
        self.abandoned = 0
        self.is_lost = False

    def observe(self, method: str, status: int, seconds: float) -> None:
        raise AssertionError

    def room_changed(self, server: H2ServerConnection) -> None:
        self.rooms.append(server.room())

    def lost(self, server: H2ServerConnection) -> None:
        self.is_lost = True

    def fail(self, sent_at: float) -> None:
        self.failed.append(sent_at)

    def abandon(self, sent_at: float) -> None:
        self.abandoned += 1


class Asker:
    """A request that keeps what comes of its response."""

    is_head = wants_upgrade = False
    takes_trailers = True

    def __init__(self, *, sends_body: bool = False, repeats: bool = False) -> None:
        self.sends_body = sends_body
        self.complete = not sends_body
        self.repeats = repeats
        self.out: list[bytes] = []
        self.sent_at = monotonic()
        self.interims: list[tuple[int, bytes]] = []
        self.status = 0
        self.fields = b""
        self.length: int | None = None
        self.has_body = False
        self.trailers = b""
        self.pieces = 0  # how often a part was to be sent on
        self.blocked = 0
        self.is_ended = False
        self.failure: tuple[Reason, str, bool, bool] | None = None
        self.gave_up = False
        self.changed = asyncio.Event()

    @property
    def body(self) -> bytes:
        return b"".join(self.out)

    async def over(self) -> None:
        """Wait for the end of the response, or a failure."""
        await self.until(lambda: self.is_ended or self.failure is not None or self.gave_up)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def request_complete(self) -> bool:
        return self.complete

    def interim_received(self, status: int, fields: bytes) -> None:
        self.interims.append((status, fields))

    def login_received(self) -> None:
        raise AssertionError

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        assert not self.status, "a second head"
        self.status, self.fields, self.length, self.has_body = status, fields, length, has_body

    def trailers_received(self, fields: bytes) -> None:
        self.trailers = fields

    def response_continued(self) -> None:
        self.pieces += 1
        self.changed.set()

    def response_ended(self) -> None:
        assert not self.is_ended
        assert self.failure is None
        self.is_ended = True
        self.changed.set()

    def protocol_switched(
        self, protocol: bytes, lines: list[bytes], rest: bytes
    ) -> TunnelPeer | None:
        raise AssertionError

    def is_repeatable(self) -> bool:
        return self.repeats

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        assert not self.is_ended
        assert self.failure is None
        self.failure = (reason, detail, unsent, stale)
        self.changed.set()

    def server_blocked(self) -> None:
        self.blocked += 1

    def server_ready(self) -> None:
        self.blocked -= 1
        self.changed.set()

    def give_up(self) -> None:
        self.gave_up = True
        self.changed.set()


@dataclass(slots=True)
class H2World:
    """One connection: *server* is its end in the gateway, *peer* that of the service."""

    owner: Owner
    server: H2ServerConnection
    peer: H2Peer

    def ask(
        self, asker: Asker, head: bytes = GET, seconds: float = LIMIT_SECONDS
    ) -> H2ServerStream:
        """Send a request of *asker* on a new lease."""
        lease = self.server.lease()
        lease.send(asker, head, monotonic(), seconds)
        return lease


@asynccontextmanager
async def h2_world(
    idle_seconds: float = 55.0, *, begins: bool = True, faults: int = 0
) -> AsyncIterator[H2World]:
    """Yield a connection to a service, which *begins* with SETTINGS; expect so many *faults*."""
    loop = asyncio.get_running_loop()
    wires: asyncio.Queue[Wire] = asyncio.Queue()
    listener = await loop.create_server(lambda: Wire(wires.put_nowait), "127.0.0.1", 0)
    owner = Owner()
    seen: list[object] = []
    loop.set_exception_handler(lambda _, context: seen.append(context))
    address = listener.sockets[0].getsockname()
    _, server = await loop.create_connection(
        lambda: H2ServerConnection(owner, b"http", idle_seconds), *address
    )
    async with asyncio.timeout(LIMIT_SECONDS):
        peer = H2Peer(await wires.get())
    if begins:
        peer.begin()
        await eventually(lambda: bool(owner.rooms))
    try:
        yield H2World(owner, server, peer)
    finally:
        server.close()
        peer.wire.transport.abort()
        listener.close()
    assert len(seen) == faults, seen
