"""Write whole lines to a file descriptor and say how many got through."""

import os
import select
from collections.abc import Sequence


class LineWriter:
    """Writes to *fd*, waiting as long as its reader makes it; errors cost lines, never raise.

    A full disk or a reader that went away (ENOSPC, EPIPE) loses the lines at hand. A line
    that was cut by such an error is ended before the next, so that only it is lost.
    """

    __slots__ = ("_fd", "_torn")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._torn = False

    def write(self, lines: Sequence[bytes]) -> int:
        """Write *lines*, each ending in its only line feed; return how many went out whole."""
        torn = self._torn
        piece = b"".join((b"\n", *lines) if torn else lines)
        sent = self._send(piece)
        if sent == 0:
            return 0
        self._torn = piece[sent - 1 : sent] != b"\n"
        return piece.count(b"\n", 0, sent) - torn

    def _send(self, piece: bytes) -> int:
        """Return how many bytes of *piece* the descriptor took before it failed."""
        view = memoryview(piece)
        sent = 0
        while sent < len(piece):
            try:
                sent += os.write(self._fd, view[sent:])
            except BlockingIOError:
                # Whoever gave us the descriptor may have made it non-blocking; that flag is
                # shared with other processes, so it is not ours to change.
                self._wait_until_writable()
            except OSError:
                break
        return sent

    def _wait_until_writable(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        poll.poll()
