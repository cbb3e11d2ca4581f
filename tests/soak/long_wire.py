"""A connection of a soak: like that of a test, but patient, and it forgets what was read."""

import asyncio
import socket
from collections.abc import Callable

from tests.proxy.wire import Wire

# For a machine that stands still, and for the gateway's own limits to act first: one who waits
# so long has found a fault.
PATIENCE_SECONDS = 90.0

_FORGET_BYTES = 64 * 1024


class LongWire(Wire):
    """A connection that lives long; *received* holds only what was not read."""

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that happened on this connection makes *condition* true."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def read(self, size: int) -> bytes:
        """Return the next *size* bytes, and forget them; raises Cut."""
        taken = await super().read(size)
        if self._at >= _FORGET_BYTES:
            del self.received[: self._at]
            self._at = 0
        return taken

    def send(self, data: bytes) -> None:
        """Send *data*, unless the connection is gone: what is read next tells of that."""
        if not self.transport.is_closing():
            super().send(data)

    def reset(self) -> None:
        """Send RST in place of FIN, unless the connection is gone."""
        if not self.transport.is_closing():
            super().reset()

    def end(self) -> None:
        """Send no more, but go on reading, unless the connection is gone."""
        if not self.transport.is_closing():
            super().end()


async def connect(address: tuple[str, int], receive_bytes: int | None = None) -> LongWire:
    """Return a connection to *address*; *receive_bytes* bounds the kernel's buffer."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_bytes is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(raw, address)
    except BaseException:
        raw.close()
        raise
    _, wire = await loop.create_connection(LongWire, sock=raw)
    return wire
