"""A service of HTTP/2 on a raw socket: it keeps every frame that comes, and sends any bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import hpack

from tests.hanging import LIMIT_SECONDS
from tests.proxy.h2.frames import (
    FRAME_HEAD_BYTES,
    PREFACE,
    Field,
    Flag,
    Frame,
    Kind,
    Setting,
    body,
    frame,
    headers,
    rst_stream,
    settings,
    window_update,
)
from tests.proxy.wire import Wire

# So much credit at once that no test needs more, unless flow control is what it is about.
_PLENTY = 1 << 30
PLENTY = settings([(Setting.INITIAL_WINDOW_SIZE, _PLENTY)]) + window_update(0, _PLENTY)


@dataclass(slots=True)
class Call:
    """A request on one stream, and how a script answers it."""

    peer: "Peer"
    number: int
    fields: list[Field]
    body: bytearray = field(default_factory=bytearray)
    trailers: list[Field] = field(default_factory=list)
    is_ended: bool = False
    reset: int | None = None

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every field called *name*."""
        return [value for given, value in self.fields if given == name]

    def one(self, name: bytes) -> bytes:
        """Return the value of the only field called *name*."""
        (value,) = self.all(name)
        return value

    @property
    def path(self) -> bytes:
        return self.one(b":path")

    @property
    def is_over(self) -> bool:
        return self.is_ended or self.reset is not None

    async def wait_whole(self) -> None:
        """Wait until the request has ended, or was given up, or the connection has."""
        await self.peer.wait_for(lambda: self.is_over or self.peer.has_ended)

    async def wait_reset(self) -> int:
        """Return the code with which the gateway gave the request up, once it did."""
        await self.peer.wait_for(lambda: self.reset is not None)
        assert self.reset is not None
        return self.reset

    def begin(self, *fields: Field, status: int = 200, ends: bool = False) -> None:
        """Send the head of a response."""
        told = [(b":status", b"%d" % status), *fields]
        self.peer.put(headers(self.number, told, ends=ends))

    def data(self, content: bytes, *, ends: bool = False) -> None:
        """Send a piece of the body, whatever the window is."""
        self.peer.put(body(self.number, content, ends=ends))

    def end(self, *trailers: Field) -> None:
        """End the response, with *trailers* if there are any."""
        if trailers:
            self.peer.put(headers(self.number, trailers, ends=True))
        else:
            self.data(b"", ends=True)

    def respond(self, content: bytes = b"", *fields: Field, status: int = 200) -> None:
        """Send a whole response."""
        self.begin(*fields, status=status)
        self.data(content, ends=True)

    def cancel(self, code: int) -> None:
        """Reset the stream."""
        self.peer.put(rst_stream(self.number, code))


class Peer(Wire):
    """One connection of the gateway; SETTINGS and PING are acknowledged where it is *polite*."""

    def __init__(self, service: "Http2Service") -> None:
        super().__init__(service.take)
        self.service = service
        self.polite = True
        self.frames: list[Frame] = []
        self.calls: dict[int, Call] = {}
        self.settings: dict[int, int] | None = None
        self.goaways: list[int] = []
        self.pongs: list[bytes] = []
        self.window_updates: dict[int, int] = {}
        self._parsed = 0
        self._open: tuple[int, int, bytearray] | None = None
        self._decoder = hpack.Decoder(max_header_list_size=1 << 24)

    def put(self, *raw: bytes) -> None:
        """Send any bytes, unless the connection is lost."""
        if not self.transport.is_closing():
            self.send(b"".join(raw))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._parsed == 0:
            if len(self.received) < len(PREFACE):
                return
            assert self.received.startswith(PREFACE), bytes(self.received[:80])
            self._parsed = len(PREFACE)
        self._parse()

    def _parse(self) -> None:
        while len(self.received) - self._parsed >= FRAME_HEAD_BYTES:
            head = self.received[self._parsed : self._parsed + FRAME_HEAD_BYTES]
            end = self._parsed + FRAME_HEAD_BYTES + int.from_bytes(head[:3], "big")
            if len(self.received) < end:
                return
            payload = bytes(self.received[self._parsed + FRAME_HEAD_BYTES : end])
            self._parsed = end
            one = Frame(head[3], head[4], int.from_bytes(head[5:9], "big"), payload)
            self.frames.append(one)
            self._take(one)

    def _take(self, one: Frame) -> None:
        assert self._open is None or one.kind == Kind.CONTINUATION, one
        match one.kind:
            case Kind.HEADERS | Kind.CONTINUATION:
                self._take_block(one)
            case Kind.DATA:
                call = self.calls[one.stream]
                assert not call.is_over, f"DATA behind the end: {one}"
                assert not one.has(Flag.PADDED), one
                call.body += one.payload
                call.is_ended = one.has(Flag.END_STREAM)
            case Kind.RST_STREAM:
                assert one.stream in self.calls, f"a reset of nothing: {one}"
                self.calls[one.stream].reset = one.number
            case Kind.SETTINGS if not one.has(Flag.ACK):
                pairs = [one.payload[at : at + 6] for at in range(0, len(one.payload), 6)]
                self.settings = {
                    int.from_bytes(pair[:2], "big"): int.from_bytes(pair[2:], "big")
                    for pair in pairs
                }
                self._acknowledge(frame(Kind.SETTINGS, 0, b"", Flag.ACK))
            case Kind.PING if one.has(Flag.ACK):
                self.pongs.append(one.payload)
            case Kind.PING:
                self._acknowledge(frame(Kind.PING, 0, one.payload, Flag.ACK))
            case Kind.GOAWAY:
                self.goaways.append(int.from_bytes(one.payload[4:8], "big"))
            case Kind.WINDOW_UPDATE:
                had = self.window_updates.get(one.stream, 0)
                self.window_updates[one.stream] = had + one.number
            case _:
                assert one.kind == Kind.SETTINGS, f"a client does not send {one}"

    def _acknowledge(self, raw: bytes) -> None:
        if self.polite:
            self.put(raw)

    def _take_block(self, one: Frame) -> None:
        if one.kind == Kind.HEADERS:
            assert not one.flags & (Flag.PADDED | Flag.PRIORITY), one
            self._open = (one.stream, one.flags, bytearray(one.payload))
        else:
            assert self._open is not None, one
            assert self._open[0] == one.stream, one
            self._open[2].extend(one.payload)
        if not one.has(Flag.END_HEADERS):
            return
        number, flags, raw = self._open
        self._open = None
        decoded = self._decoder.decode(bytes(raw), raw=True)
        fields = [(bytes(name), bytes(value)) for name, value in decoded]
        assert all(name == name.lower() for name, _ in fields), fields
        ends = bool(flags & Flag.END_STREAM)
        if number in self.calls:
            call = self.calls[number]
            assert not call.is_over, f"trailers behind the end: {fields}"
            assert ends, f"trailers that do not end their stream: {fields}"
            call.trailers, call.is_ended = fields, True
            return
        assert number % 2 == 1, one
        assert not self.calls or number > max(self.calls), one
        call = self.calls[number] = Call(self, number, fields, is_ended=ends)
        self.service.called(call)

    async def wait_read(self, seen: bytes = b"a fence!") -> bool:
        """Return whether the gateway is still there, and has read all that was sent."""
        before = self.pongs.count(seen)
        self.put(frame(Kind.PING, 0, seen))
        await self.wait_for(lambda: self.has_ended or self.pongs.count(seen) > before)
        return self.pongs.count(seen) > before


Script = Callable[[Call], Awaitable[None]]


async def echo(call: Call) -> None:
    """Answer a request with its own target and body."""
    await call.wait_whole()
    call.respond(call.path + b" " + bytes(call.body))


class Http2Service:
    """Runs *script* for every request, from its head on; *greeting* opens each connection."""

    def __init__(self) -> None:
        self.script: Script = echo
        self.greeting: bytes = PLENTY
        self.peers: list[Peer] = []
        self.calls: list[Call] = []
        self.scheme = "http"
        self.address = ("", 0)
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        host, port = self.address
        return f"{self.scheme}://{host}:{port}"

    def take(self, wire: Wire) -> None:
        """Greet a new connection."""
        assert isinstance(wire, Peer)
        self.peers.append(wire)
        wire.put(self.greeting)
        self._changed.set()

    def called(self, call: Call) -> None:
        """Start the script for a new request."""
        self.calls.append(call)
        self._changed.set()
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._play(call)))

    async def _play(self, call: Call) -> None:
        await self.script(call)

    async def call(self, number: int = 0) -> Call:
        """Return request *number*, once its head is there."""
        await self.wait_for(lambda: len(self.calls) > number)
        return self.calls[number]

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a connection or a request that comes makes *condition* true."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def finish(self) -> None:
        """Stop every script; raises what went wrong in one."""
        for task in self._tasks:
            if not task.done():
                task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in self.peers:
            peer.transport.abort()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


@asynccontextmanager
async def running_http2_service(
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Http2Service]:
    """Yield a service on a free port of loopback; with TLS it selects h2 by ALPN."""
    service = Http2Service()
    if tls is not None:
        service.scheme = "https"
        tls.set_alpn_protocols(["h2"])
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(service), "127.0.0.1", 0, ssl=tls
    )
    service.address = server.sockets[0].getsockname()[:2]
    try:
        yield service
    finally:
        server.close()
        await service.finish()
