"""Write whole lines to a file descriptor and count those that were written."""

import fcntl
import os
import select
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

# Locks for writers in several threads, by the file that they write to: the access log and the
# diagnostics share one if both go to stderr, or if a shell or systemd made stdout and stderr one.
_TURNS: Final[WeakValueDictionary[tuple[int, int], threading.Lock]] = WeakValueDictionary()


class LineWriter:
    """Writes to *fd* and waits for its reader; an error costs lines and is never raised.

    Writers of one process take turns. If *fd* is *shared* with other processes, lines stay whole
    however long they are: a pipe or a socket takes what is longer than PIPE_BUF in parts, with
    parts of other processes in between. So one process writes at a time, under a lock on the
    pipe, which ends with its process at the latest. A file takes each write whole.

    A full disk or a reader that is gone (ENOSPC, EPIPE) loses the lines of one call. A line that
    such an error cut is ended before the next, so that only it is lost.
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
                # The parent process may have made the descriptor non-blocking. The flag is shared
                # with other processes, so it must not be changed here.
                self._wait_until_writable()
            except OSError:
                break
        return sent

    def _wait_until_writable(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        poll.poll()


def _turn_of(fd: int) -> threading.Lock:
    """Return the lock of all writers of this process to the file of *fd*."""
    try:
        found = os.fstat(fd)
    except OSError:  # not open: nothing will be written
        return threading.Lock()
    return _TURNS.setdefault((found.st_dev, found.st_ino), threading.Lock())


def _takes_parts(fd: int) -> bool:
    """Return whether other processes may write in the middle of a write to *fd*."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:  # not open: nothing will be written
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """Hold the lock on *fd* that excludes other processes; go on without if there is none."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX)
    except OSError:  # locks are not supported; short lines are whole anyway
        yield
        return
    try:
        yield
    finally:
        fcntl.lockf(fd, fcntl.LOCK_UN)
