"""A raw recording service: every byte is kept, whole requests are counted and answered."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from tests.proxy.messages import Message, make_answer, parse_fields, parse_head

# A client's ping and the answer to it, as frames of a WebSocket (RFC 6455 §5.5).
PING = b"\x89\x84\0\0\0\0ping"
PONG = b"\x8a\x04ping"

# RFC 6455 §1.3
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Reply = Callable[[Message], bytes | None]


def split_request(raw: bytes) -> tuple[Message, bytes] | None:
    """Return the first request in *raw* and what is behind it; None where it is not whole.

    Raises ValueError for what no proxy should send: the tests of other proxies see that.
    """
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = parse_head(raw[: end + 4])
    if head.start.count(b" ") != 2:
        raise ValueError(f"no request line: {head.start!r}")
    return split_body(head, raw[end + 4 :])


def split_body(head: Message, rest: bytes) -> tuple[Message, bytes] | None:
    """Return *head* with its body, and what is behind that; None where it is not whole."""
    codings, lengths = head.all(b"transfer-encoding"), head.all(b"content-length")
    if codings:
        if codings != [b"chunked"] or lengths:
            raise ValueError(f"two meanings: {codings}, {lengths}")
        return _split_chunked(head, rest)
    if not lengths:
        return head, rest
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise ValueError(f"lengths {lengths}")
    size = int(lengths[0])
    if len(rest) < size:
        return None
    return Message(head.start, head.fields, rest[:size]), rest[size:]


def _split_chunked(head: Message, rest: bytes) -> tuple[Message, bytes] | None:
    body = bytearray()
    at = 0
    while True:
        end = rest.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(rest[at:end], 16)  # an extension raises ValueError: none may come through
        at = end + 2
        if size == 0:
            break
        if len(rest) < at + size + 2:
            return None
        if rest[at + size : at + size + 2] != b"\r\n":
            raise ValueError(f"a chunk: {rest[at : at + 80]!r}")
        body += rest[at : at + size]
        at += size + 2
    # From the end of the last line on: without trailers, the next one is empty at once.
    end = rest.find(b"\r\n\r\n", at - 2)
    if end < 0:
        return None
    lines = rest[at:end].split(b"\r\n") if end > at else []
    if any(line[:1] in b" \t" or b":" not in line for line in lines):
        raise ValueError(f"trailers: {lines!r}")
    message = Message(head.start, head.fields, bytes(body), (), parse_fields(lines))
    return message, rest[end + 4 :]


def echo(request: Message) -> bytes:
    """Answer a request with its target and body, and an upgrade with a tunnel."""
    if request.has(b"upgrade"):
        key = request.all(b"sec-websocket-key") or [b""]
        accept = base64.b64encode(hashlib.sha1(key[0] + _ACCEPT_GUID).digest())
        lines = (
            b"Connection: Upgrade",
            b"Upgrade: " + request.one(b"upgrade"),
            b"Sec-WebSocket-Accept: " + accept,
        )
        return b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", *lines, b"", b""))
    if request.method == b"HEAD":
        return make_answer()
    return make_answer(request.target + b" " + request.body)


class Recorder:
    """One connection to the service; in a tunnel it answers pings.

    A *reply* of None is no answer: the request is not counted, and nothing more is read.
    """

    def __init__(self, requests: list[Message], reply: Reply = echo) -> None:
        self.requests = requests
        self.pending = b""  # what is not a whole request, or not answered
        self.is_tunnel = False
        self.is_odd = False
        self.reply = reply

    def feed(self, data: bytes) -> bytes:
        """Take *data*; return what to send."""
        if self.is_tunnel:
            return PONG
        self.pending += data
        out = b""
        while not (self.is_odd or self.is_tunnel):
            answer = self._answer_next()
            if answer is None:
                break
            out += answer
        return out

    def _answer_next(self) -> bytes | None:
        try:
            found = split_request(self.pending)
        except ValueError:
            self.is_odd = True
            return None
        if found is None:
            return None
        request, rest = found
        answer = self.reply(request)
        if answer is None:
            return None
        self.pending = rest
        self.requests.append(request)
        self.is_tunnel = answer.startswith(b"HTTP/1.1 101 ") and request.has(b"upgrade")
        return answer


class _Connection(asyncio.Protocol):
    def __init__(self, service: "RecordingService") -> None:
        self._service = service
        self.recorder = Recorder(service.requests, self._reply)
        self.is_open = True

    def _reply(self, request: Message) -> bytes | None:
        self._service.sources.append(self)
        return self._service.reply(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._service.connections.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False

    def data_received(self, data: bytes) -> None:
        self._service.received_bytes += len(data)
        answer = self.recorder.feed(data)
        if answer:
            self.transport.write(answer)
        if self.recorder.is_odd or (self._service.closes and self._service.sources):
            self.transport.close()


class RecordingService:
    """The service on a socket.

    *sources* are the connections that whole requests came on. *closes* says that a
    connection is closed behind an answer.
    """

    def __init__(self) -> None:
        self.reply: Reply = echo
        self.requests: list[Message] = []
        self.sources: list[object] = []
        self.connections: list[_Connection] = []
        self.received_bytes = 0
        self.closes = False
        self.port = 0

    def begin(self) -> None:
        """Forget what was recorded."""
        self.connections = [one for one in self.connections if one.is_open]
        self.requests.clear()
        self.sources.clear()
        self.received_bytes = 0
        self.reply = echo
        self.closes = False

    @property
    def saw_more(self) -> bool:
        """Return whether more came than whole requests."""
        return any(one.recorder.pending for one in self.connections)

    @property
    def odd(self) -> list[bytes]:
        """Return what came in place of requests."""
        return [one.recorder.pending for one in self.connections if one.recorder.is_odd]


@asynccontextmanager
async def running_recorder() -> AsyncIterator[RecordingService]:
    """Yield a recording service on a free port of loopback."""
    service = RecordingService()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        for connection in service.connections:
            connection.transport.abort()
