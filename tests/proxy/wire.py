"""One end of a TCP connection in a test: every byte that came is kept, and can be waited for."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import cast

from tests.hanging import LIMIT_SECONDS

# How long a test waits for what must happen; it never measures anything by it.


class Cut(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The other side ended before what was waited for had come."""


class Wire(asyncio.Protocol):
    """A connection that records; *received* is everything that ever came."""

    def __init__(self, on_connect: "Callable[[Wire], None] | None" = None) -> None:
        self.received = bytearray()
        self.has_ended = False
        self.is_lost = False
        self.is_blocked = False
        self.error: Exception | None = None
        self._at = 0
        self._changed = asyncio.Event()
        self._on_connect = on_connect

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._on_connect is not None:
            self._on_connect(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._changed.set()

    def eof_received(self) -> bool:
        self.has_ended = True
        self._changed.set()
        return self.transport.get_extra_info("ssl_object") is None  # TLS has no half-closed state

    def connection_lost(self, error: Exception | None) -> None:
        self.has_ended = self.is_lost = True
        self.error = error
        self._changed.set()

    def pause_writing(self) -> None:
        self.is_blocked = True

    def resume_writing(self) -> None:
        self.is_blocked = False
        self._changed.set()

    # --- waiting

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that happened on this connection makes *condition* true."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def wait_end(self) -> None:
        """Wait until the other side sends no more."""
        await self.wait_for(lambda: self.has_ended)

    async def wait_lost(self) -> None:
        """Wait until the connection is gone."""
        await self.wait_for(lambda: self.is_lost)

    async def wait_writable(self) -> None:
        """Wait until the buffers have room; raises Cut where the connection is gone."""
        await self.wait_for(lambda: self.is_lost or not self.is_blocked)
        if self.is_lost:
            raise Cut

    # --- reading

    @property
    def unread(self) -> bytes:
        return bytes(self.received[self._at :])

    async def read(self, size: int) -> bytes:
        """Return the next *size* bytes; raises Cut."""
        await self.wait_for(lambda: len(self.received) - self._at >= size or self.has_ended)
        if len(self.received) - self._at < size:
            raise Cut(f"{len(self.received) - self._at} bytes instead of {size}")
        start, self._at = self._at, self._at + size
        return bytes(memoryview(self.received)[start : self._at])

    async def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to the next *mark*, and the mark; raises Cut."""
        searched, found = self._at, -1

        def is_there() -> bool:
            nonlocal searched, found
            # Only in what is new: from the start each time, 100 MiB would take minutes.
            found = self.received.find(mark, searched)
            searched = max(self._at, len(self.received) - len(mark) + 1)
            return found >= 0 or self.has_ended

        await self.wait_for(is_there)
        if found < 0:
            raise Cut(f"no {mark!r} after {len(self.received)} bytes")
        return await self.read(found + len(mark) - self._at)

    async def read_to_end(self) -> bytes:
        """Return all that comes until the other side ends."""
        await self.wait_end()
        return await self.read(len(self.received) - self._at)

    # --- writing and ending

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def end(self) -> None:
        """Send no more, but go on reading."""
        self.transport.write_eof()

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        """Send RST in place of FIN, and drop what was not sent."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def stop_reading(self) -> None:
        self.transport.pause_reading()

    def read_on(self) -> None:
        self.transport.resume_reading()


async def connect(
    address: tuple[str, int],
    receive_bytes: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> Wire:
    """Return a connection to *address*; *receive_bytes* bounds the kernel's buffer."""
    loop = asyncio.get_running_loop()
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # What a test sends is on its way at once, also behind what was not acknowledged yet.
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.setblocking(False)
    try:
        await loop.sock_connect(raw, address)
    except OSError:
        raw.close()
        raise
    name = None if tls is None else address[0]
    _, wire = await loop.create_connection(Wire, sock=raw, ssl=tls, server_hostname=name)
    return wire
