"""A client of HTTP/2 on a socket that sends any bytes, and keeps every frame that comes."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import hpack

from tests.proxy.gateways import RunningGateway, good_token
from tests.proxy.h2.frames import (
    FRAME_HEAD_BYTES,
    PREFACE,
    Code,
    Field,
    Flag,
    Frame,
    Kind,
    Setting,
    body,
    frame,
    headers,
    request_fields,
    settings,
    window_update,
)
from tests.proxy.messages import Message
from tests.proxy.wire import Wire

# So much credit at once that no test needs more, unless flow control is what it is about.
_PLENTY = 1 << 30
_PLENTY_FOR_STREAMS = ((Setting.INITIAL_WINDOW_SIZE, _PLENTY),)


@dataclass(slots=True)
class Stream:
    """What came on one stream; *heads* are its header sections, interim ones and trailers too."""

    heads: list[list[Field]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    data_sizes: list[int] = field(default_factory=list)
    is_ended: bool = False
    reset: int | None = None

    @property
    def is_over(self) -> bool:
        return self.is_ended or self.reset is not None

    @property
    def final(self) -> list[Field]:
        """Return the head of the final response; empty where there is none yet."""
        return next((one for one in self.heads if _status(one) >= 200), [])

    @property
    def status(self) -> int:
        return _status(self.final)

    @property
    def trailers(self) -> list[Field]:
        """Return the fields behind the body."""
        last = self.heads[-1] if self.heads else []
        return [] if any(name == b":status" for name, _ in last) else last

    @property
    def message(self) -> Message:
        """Return the response as the tests of HTTP/1.1 have one."""
        start = b"HTTP/2 %d" % self.status
        fields = tuple(one for one in self.final if not one[0].startswith(b":"))
        return Message(start, fields, bytes(self.body))

    @property
    def label(self) -> str:
        """Return what came: a status, for a refusal of ours with its reason, or a reset."""
        if self.reset is not None and not (self.is_ended and self.reset == Code.NO_ERROR):
            return f"reset {name_of(self.reset)}"
        if not self.final:
            return "nothing"
        if not self.is_ended:
            return f"{self.status} unfinished"
        if (b"content-type", b"application/problem+json") in self.final and self.body:
            return f"{self.status} {json.loads(self.body)['reason']}"
        return str(self.status)


def _status(head: list[Field]) -> int:
    return next((int(value) for name, value in head if name == b":status"), 0)


def name_of(code: int) -> str:
    """Return the name of an error code, or its number."""
    return Code(code).name if code in Code.__members__.values() else str(code)


class Http2Client:
    """One connection; nothing is answered by itself but SETTINGS, and PING where *polite*."""

    def __init__(self, wire: Wire, *, polite: bool = True) -> None:
        self.wire = wire
        self.frames: list[Frame] = []
        self.streams: dict[int, Stream] = {}
        self.settings: dict[int, int] | None = None
        self.acks = 0
        self.pongs: list[bytes] = []
        self.goaways: list[tuple[int, int]] = []  # last stream, code
        self.window_updates: dict[int, int] = {}
        self.polite = polite
        self.uploaded_bytes = 0
        self._at = 0
        self._open: tuple[int, int, bytearray] | None = None
        self._decoder = hpack.Decoder(max_header_list_size=1 << 24)
        self._next = 1

    # --- sending

    def send(self, *raw: bytes) -> None:
        if not self.wire.transport.is_closing():
            self.wire.send(b"".join(raw))

    def begin(self, values: Iterable[tuple[int, int]] = _PLENTY_FOR_STREAMS) -> None:
        """Send the preface, and plenty of credit for the connection."""
        self.send(PREFACE, settings(values), window_update(0, _PLENTY))

    def ask(self, fields: Iterable[Field], content: bytes | None = None) -> int:
        """Send a request on the next stream, and return its number."""
        stream = self._next
        self._next += 2
        raw = headers(stream, fields, ends=content is None)
        self.send(raw, b"" if content is None else body(stream, content))
        return stream

    async def upload(
        self,
        stream: int,
        content: bytes,
        piece_bytes: int = 16384,
        trailers: tuple[Field, ...] = (),
    ) -> None:
        """Send all of a body on *stream*, as the server gives credit.

        END_STREAM comes alone, or with *trailers*.
        """
        sent = 0

        def room() -> int:
            self.read()
            first = (self.settings or {}).get(Setting.INITIAL_WINDOW_SIZE, 65535)
            of_all = 65535 + self.window_updates.get(0, 0) - self.uploaded_bytes
            return min(first + self.window_updates.get(stream, 0) - sent, of_all, piece_bytes)

        while sent < len(content):
            await self.wire.wait_for(lambda: self.is_gone or room() > 0)
            if self.is_gone or self.stream(stream).is_over:
                return
            piece = content[sent : sent + room()]
            self.send(frame(Kind.DATA, stream, piece))
            sent += len(piece)
            self.uploaded_bytes += len(piece)
        if trailers:
            self.send(headers(stream, trailers))
        else:
            self.send(frame(Kind.DATA, stream, b"", Flag.END_STREAM))

    def skip_to(self, stream: int) -> None:
        """Go on with *stream* as the next one."""
        self._next = stream

    # --- reading

    def read(self) -> None:
        """Take in every whole frame that has come."""
        received = self.wire.received
        while len(received) - self._at >= FRAME_HEAD_BYTES:
            size = int.from_bytes(received[self._at : self._at + 3], "big")
            end = self._at + FRAME_HEAD_BYTES + size
            if len(received) < end:
                return
            kind, flags = received[self._at + 3], received[self._at + 4]
            stream = int.from_bytes(received[self._at + 5 : self._at + 9], "big") & 0x7FFFFFFF
            payload = bytes(received[self._at + FRAME_HEAD_BYTES : end])
            self._at = end
            one = Frame(kind, flags, stream, payload)
            self.frames.append(one)
            self._take(one)

    def stream(self, number: int) -> Stream:
        return self.streams.setdefault(number, Stream())

    def _take(self, one: Frame) -> None:
        assert self._open is None or one.kind == Kind.CONTINUATION, one
        match one.kind:
            case Kind.HEADERS | Kind.CONTINUATION:
                self._take_block(one)
            case Kind.DATA:
                self._take_data(one)
            case Kind.RST_STREAM:
                self.stream(one.stream).reset = one.number
            case Kind.SETTINGS:
                self._take_settings(one)
            case Kind.PING if one.has(Flag.ACK):
                self.pongs.append(one.payload)
            case Kind.PING if self.polite:
                self.send(frame(Kind.PING, 0, one.payload, Flag.ACK))
            case Kind.GOAWAY:
                last = int.from_bytes(one.payload[:4], "big") & 0x7FFFFFFF
                self.goaways.append((last, int.from_bytes(one.payload[4:8], "big")))
            case Kind.WINDOW_UPDATE:
                had = self.window_updates.get(one.stream, 0)
                self.window_updates[one.stream] = had + one.number
            case _:
                assert one.kind == Kind.PING, f"a server does not send {one}"

    def _take_data(self, one: Frame) -> None:
        stream = self.stream(one.stream)
        assert not stream.is_over, f"DATA behind the end: {one}"
        assert stream.final, f"DATA before a head: {one}"
        pad_bytes = 1 + one.payload[0] if one.has(Flag.PADDED) else 0
        stream.body += one.payload[min(pad_bytes, 1) : len(one.payload) - max(pad_bytes - 1, 0)]
        stream.data_sizes.append(len(one.payload))
        stream.is_ended = one.has(Flag.END_STREAM)

    def _take_settings(self, one: Frame) -> None:
        if one.has(Flag.ACK):
            self.acks += 1
            return
        pairs = [one.payload[at : at + 6] for at in range(0, len(one.payload), 6)]
        self.settings = (self.settings or {}) | {
            int.from_bytes(pair[:2], "big"): int.from_bytes(pair[2:], "big") for pair in pairs
        }
        if self.polite:
            self.send(frame(Kind.SETTINGS, 0, b"", Flag.ACK))

    def _take_block(self, one: Frame) -> None:
        if one.kind == Kind.HEADERS:
            assert not one.has(Flag.PADDED), one
            at = 5 if one.has(Flag.PRIORITY) else 0
            self._open = (one.stream, one.flags, bytearray(one.payload[at:]))
        else:
            assert self._open is not None, one
            assert self._open[0] == one.stream, one
            self._open[2].extend(one.payload)
        if not one.has(Flag.END_HEADERS):
            return
        number, flags, raw = self._open
        self._open = None
        stream = self.stream(number)
        assert not stream.is_over, f"HEADERS behind the end: {one}"
        decoded = self._decoder.decode(bytes(raw), raw=True)
        fields = [(bytes(name), bytes(value)) for name, value in decoded]
        assert all(name == name.lower() for name, _ in fields), fields
        stream.heads.append(fields)
        stream.is_ended = bool(flags & Flag.END_STREAM)

    # --- waiting

    @property
    def is_gone(self) -> bool:
        return self.wire.has_ended

    async def wait_over(self, *numbers: int) -> None:
        """Wait until every one of the streams, or the connection, has ended."""

        def are_over() -> bool:
            self.read()
            return self.is_gone or all(self.stream(one).is_over for one in numbers)

        await self.wire.wait_for(are_over)
        self.read()

    async def wait_gone(self) -> None:
        """Wait until the server has ended the connection."""
        await self.wire.wait_end()
        self.read()

    async def wait_read(self, seen: bytes = b"a fence!") -> bool:
        """Return whether the server is still there, and has read all that was sent."""
        before = self.pongs.count(seen)
        self.send(frame(Kind.PING, 0, seen))

        def is_answered() -> bool:
            self.read()
            return self.is_gone or self.pongs.count(seen) > before

        await self.wire.wait_for(is_answered)
        self.read()
        return self.pongs.count(seen) > before

    async def fetch(self, fields: Iterable[Field], content: bytes | None = None) -> Stream:
        """Return the response to a request of its own."""
        number = self.ask(fields, content)
        await self.wait_over(number)
        return self.stream(number)


TOKEN: Field = (b"authorization", b"Bearer " + good_token())


def api(path: bytes = b"/api/x", *fields: Field, method: bytes = b"GET") -> list[Field]:
    """Return the head of a request with a token that is good today."""
    return request_fields(path, TOKEN, *fields, method=method)


async def speak(gateway: RunningGateway, window: int | None = None) -> Http2Client:
    """Return a client that has begun; each of its streams has room for *window* bytes."""
    client = Http2Client(await gateway.connect())
    client.begin([] if window is None else [(Setting.INITIAL_WINDOW_SIZE, window)])
    return client


async def see(client: Http2Client, holds: Callable[[], bool]) -> None:
    """Wait until frames that came make *holds* true."""

    def is_seen() -> bool:
        client.read()
        return holds()

    await client.wire.wait_for(is_seen)
