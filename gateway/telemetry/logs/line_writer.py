"""Write whole lines to a file descriptor and say how many got through."""

import fcntl
import os
import select
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

# Who writes to one pipe from several threads, by what the pipe is: the access log and what else
# is said go to one where both are on stderr, or a shell, or systemd, made stdout and stderr one.
_TURNS: Final[WeakValueDictionary[tuple[int, int], threading.Lock]] = WeakValueDictionary()


class LineWriter:
    """Writes to *fd*, waiting as long as its reader makes it; errors cost lines, never raise.

    Writers of one process take turns. *shared* with other processes, lines stay whole however
    long they are: a pipe, or a socket, takes what is longer than PIPE_BUF in parts, and another
    process's between them. So one writes at a time, under a lock on the pipe, which ends with
    its process at the latest. A file takes each write whole.

    A full disk or a reader that went away (ENOSPC, EPIPE) loses the lines at hand. A line
    that was cut by such an error is ended before the next, so that only it is lost.
    """

    __slots__ = ("_fd", "_locks", "_torn", "_turn")

    def __init__(self, fd: int, *, shared: bool = False) -> None:
        self._fd = fd
        self._torn = False
        self._locks = shared and _takes_parts(fd)
        self._turn = _turn_of(fd)

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
        with self._turn:
            if self._locks:
                with _alone(self._fd):
                    return self._push(piece)
            return self._push(piece)

    def _push(self, piece: bytes) -> int:
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


def _turn_of(fd: int) -> threading.Lock:
    """Return what all writers of this process to what *fd* leads to hold while they write."""
    try:
        found = os.fstat(fd)
    except OSError:  # it is not open: nothing will be written
        return threading.Lock()
    return _TURNS.setdefault((found.st_dev, found.st_ino), threading.Lock())


def _takes_parts(fd: int) -> bool:
    """Say whether others may write in the middle of what is written to *fd*."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:  # it is not open: nothing will be written
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """Wait until no other process writes to *fd* this way; go on if that cannot be known."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX)
    except OSError:  # no lock is to be had; short lines are whole all the same
        yield
        return
    try:
        yield
    finally:
        fcntl.lockf(fd, fcntl.LOCK_UN)
