"""Collect what is to be sent until all input of one turn of the event loop was handled."""

import asyncio
from typing import Final, Protocol

from gateway.proxy.transport.unexpected_errors import report_unexpected_error

# So many pieces are sent at once at most: under load the first must not wait for thousands.
_MAX_PIECES: Final = 64

# A piece of this size is sent at once. Until it is, its sender does not learn that the other side
# takes no more, and is read again, up to 32 times in one turn of the loop.
LARGE_BYTES: Final = 64 * 1024

Piece = bytes | tuple[bytes, ...]


class Transport(Protocol):
    """What the write buffer needs of a transport."""

    def is_closing(self) -> bool:
        """Return whether nothing more can be sent."""

    def write(self, data: bytes) -> None:
        """Send *data*."""

    def writelines(self, data: tuple[bytes, ...]) -> None:
        """Send *data*, piece by piece."""

    def abort(self) -> None:
        """Cut the connection."""


class WriteBuffer:
    """Pieces for any number of connections, sent together and in order.

    An upstream or a client on another core sleeps between two requests. To send each piece at
    once would wake it for each, which costs the kernel more than the sending; sent together, they
    wake it once. No piece waits longer than this turn of the event loop. As long as *flushes* is
    what it was before a piece was put, that piece has not been sent.
    """

    __slots__ = ("_loop", "_pending", "flushes")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: list[tuple[Transport, Piece]] = []
        self.flushes = 0

    def put(self, transport: Transport, piece: Piece) -> None:
        """Send *piece* to *transport* soon, after what was put before."""
        pending = self._pending
        pending.append((transport, piece))
        if len(pending) == 1:
            self._loop.call_soon(self.flush)
        elif len(pending) >= _MAX_PIECES:
            self.flush()

    def flush(self) -> None:
        """Send everything now: before a connection is closed, its last pieces.

        If a piece cannot be sent, its connection is cut; the others are not affected.
        """
        pending, self._pending = self._pending, []
        self.flushes += 1
        for transport, piece in pending:
            if transport.is_closing():
                continue
            try:
                # By type, which is cheaper than isinstance: most pieces are bytes.
                if type(piece) is bytes:
                    transport.write(piece)
                else:
                    transport.writelines(piece)  # type: ignore[arg-type]  # bytes were ruled out
            except Exception as error:
                report_unexpected_error("unexpected error while sending", error)
                transport.abort()
