"""Real pipes for the tests of the access log, closed whatever happens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class Pipe:
    """A pipe with both ends; ``read_all`` reads until the write end is closed."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self._open = {self.read_fd, self.write_fd}

    def close(self, fd: int) -> None:
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def close_all(self) -> None:
        # The reader first: that frees a writer which waits for room.
        self.close(self.read_fd)
        self.close(self.write_fd)

    def read_all(self) -> bytes:
        pieces = []
        while piece := os.read(self.read_fd, 65536):
            pieces.append(piece)
        return b"".join(pieces)


@contextmanager
def make_pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    try:
        yield pipe
    finally:
        pipe.close_all()


def fill(write_fd: int) -> int:
    """Fill a pipe until nothing more fits; return how many bytes it took."""
    os.set_blocking(write_fd, False)
    filled = 0
    try:
        while True:
            filled += os.write(write_fd, b"x" * 4096)
    except BlockingIOError:
        return filled
    finally:
        os.set_blocking(write_fd, True)
