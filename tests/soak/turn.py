"""One request at the raw service: read it, check it, and do what its target orders."""

import asyncio
from collections.abc import Callable

from tests.proxy.messages import Message, make_chunked, parse_head, read_chunk
from tests.soak.frames import CLOSE, accept_of, read_frame, write_frame
from tests.soak.long_wire import LongWire
from tests.soak.order import RESET, Order, read_target
from tests.soak.patterns import answered_body, asked_body, pieces_of

_PHRASE = b"Words of its own"


class Turn:
    """One request on a connection, and its answer; *note* takes what is to be written down."""

    def __init__(self, note: Callable[[str], None], wire: LongWire) -> None:
        self._note = note
        self._wire = wire
        self._order = Order()
        self._nonce = self._prefix = ""
        self._is_head = False

    async def serve(self) -> bool:
        """Serve one request; return whether another may follow. Raises Cut."""
        request = parse_head(await self._wire.read_until(b"\r\n\r\n"))
        self._nonce, self._order = read_target(request.target)
        self._prefix = request.target.decode().split("/")[1]
        self._is_head = request.method == b"HEAD"
        self._note(f"seen {self._nonce}")
        self._check(request)
        if request.has(b"upgrade"):
            await self._switch(request)
            return False
        if self._order.do == "early":
            await self._answer_sized(b"Connection: close\r\n")
            await self._drain()
            return False
        await self._read_body(request)
        return await self._answer()

    def _check(self, request: Message) -> None:
        public = self._prefix == "open"
        faults = {
            "not one Host": len(request.all(b"host")) != 1,
            "a token": request.has(b"authorization"),
            "no identity": request.has(b"x-gateway-subject") is public,
            "two framings": request.has(b"content-length") and request.has(b"transfer-encoding"),
        }
        for name, is_so in faults.items():
            if is_so:
                self._note(f"fault {name}: {self._nonce}")

    async def _read_body(self, request: Message) -> None:
        """Read the body; what ends as if it were complete must be complete."""
        body = b""
        if request.has(b"transfer-encoding"):
            chunks = []
            while chunk := await read_chunk(self._wire):
                chunks.append(chunk)
            body = b"".join(chunks)
        elif request.has(b"content-length"):
            body = await self._wire.read(int(request.one(b"content-length")))
        if body != asked_body(self._nonce, self._order.body):
            self._note(f"fault another body: {self._nonce} ({len(body)} bytes)")

    # --- answers

    async def _answer(self) -> bool:
        match self._order.do:
            case "sized":
                await self._answer_sized()
            case "interim":
                nonce = self._nonce.encode()
                self._wire.send(b"HTTP/1.1 103 Early Hints\r\nX-Nonce: %b\r\n\r\n" % nonce)
                await self._pause()
                await self._answer_sized()
            case "chunked" | "events":
                await self._answer_chunked()
            case "until-close":
                await self._send(self._head(b"Connection: close\r\n"), self._pieces())
                return False
            case "half-close":
                await self._answer_sized(self._announced())
                self._wire.end()
                await self._drain()
                return False
            case "excess":
                forged = b"HTTP/1.1 200 OK\r\nX-Nonce: forged\r\nContent-Length: 6\r\n\r\nforged"
                self._wire.send(self._sized_head() + self._body() + forged)
            case _:
                await self._break_off()
                return False
        return True

    async def _answer_sized(self, lines: bytes = b"") -> None:
        await self._send(self._sized_head(lines), self._pieces())

    async def _answer_chunked(self) -> None:
        kind = b"text/event-stream" if self._order.do == "events" else b"text/plain"
        head = self._head(b"Content-Type: %b\r\nTransfer-Encoding: chunked\r\n" % kind)
        ending = b"" if self._is_head or not self._order.has_body else make_chunked()
        pieces = [make_chunked(piece)[: -len(make_chunked())] for piece in self._pieces()]
        await self._send(head, [*pieces, ending] if ending else pieces)

    async def _break_off(self) -> None:
        """Send the beginning of an answer, and end the connection."""
        body = self._body()
        half = body[: len(body) // 2]
        # To HEAD it is complete without a body.
        lines = self._announced() if self._is_head else b""
        match self._order.do:
            case "half-head":
                self._wire.send(self._sized_head()[:-9])
            case "half-sized":
                self._wire.send(self._sized_head(lines) + half)
            case "half-chunked":
                begun = b"%x\r\n" % len(body) + half
                self._wire.send(self._head(b"Transfer-Encoding: chunked\r\n" + lines) + begun)
            case "bad-chunk":
                begun = make_chunked(half)[: -len(make_chunked())] + b"no size\r\n"
                self._wire.send(self._head(b"Transfer-Encoding: chunked\r\n" + lines) + begun)
            case "garbage":
                self._wire.send(b"\x16\x03\x01 is not HTTP\r\n\r\n")
        await self._pause()
        if self._order.end == RESET:
            self._wire.reset()

    # --- pieces

    def _announced(self) -> bytes:
        """Return the field that announces the end of the connection, on a steady service.

        Unannounced, it is a race that a request sent meanwhile may lose, with 502.
        """
        return b"" if self._prefix.startswith("shaky") else b"Connection: close\r\n"

    def _head(self, lines: bytes = b"") -> bytes:
        order = self._order
        start = b"HTTP/1.1 %d %b\r\n" % (order.status, _PHRASE)
        return b"%bX-Nonce: %b\r\n%b\r\n" % (start, self._nonce.encode(), lines)

    def _sized_head(self, lines: bytes = b"") -> bytes:
        if self._order.status == 204:
            return self._head(lines)
        return self._head(b"Content-Length: %d\r\n%b" % (self._order.size, lines))

    def _body(self) -> bytes:
        if self._is_head or not self._order.has_body:
            return b""
        return answered_body(self._nonce, self._order.size)

    def _pieces(self) -> list[bytes]:
        return pieces_of(self._body(), self._order.pieces)

    async def _send(self, head: bytes, pieces: list[bytes]) -> None:
        first, *rest = pieces or [b""]
        self._wire.send(head + first)
        for piece in rest:
            await self._pause()
            await self._wire.wait_writable()
            self._wire.send(piece)

    async def _pause(self) -> None:
        await asyncio.sleep(self._order.pause_ms / 1000)

    async def _drain(self) -> None:
        """Read until the gateway ends, and forget it."""
        while not self._wire.has_ended:
            await self._wire.wait_for(lambda: bool(self._wire.unread) or self._wire.has_ended)
            await self._wire.read(len(self._wire.unread))

    # --- tunnels

    async def _switch(self, request: Message) -> None:
        """Become a WebSocket that sends every message back, until it is told to close."""
        accept = accept_of(request.one(b"sec-websocket-key"))
        self._wire.send(
            b"HTTP/1.1 101 Switching Protocols\r\nX-Nonce: %b\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n\r\n"
            % (self._nonce.encode(), accept)
        )
        left = self._order.pieces
        while left:
            opcode, payload = await read_frame(self._wire)
            await self._wire.wait_writable()
            self._wire.send(write_frame(opcode, payload))
            if opcode == CLOSE:
                return
            left -= 1
        # Told to end first, after so many messages, without a word.
        if self._order.end == RESET:
            self._wire.reset()
