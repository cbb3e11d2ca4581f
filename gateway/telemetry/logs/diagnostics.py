"""Say on standard error what goes on, without ever waiting for whoever reads it."""

import atexit
import io
import os
import sys
import threading
from typing import Final, NoReturn

from gateway.telemetry.logs.line_writer import LineWriter

# Some thousand lines: more in a row is a fault that repeats itself, and its beginning tells most.
DEFAULT_CAPACITY_BYTES: Final = 256 * 1024

# What has no end after so much is a line all the same.
_MAX_LINE_LENGTH: Final = 64 * 1024

# How long the last lines may take to be read when we end.
_LAST_SECONDS: Final = 1.0


class Diagnostics(io.TextIOBase):
    """What stands for ``sys.stderr``: takes lines at once, and a thread writes them to *fd*.

    A reader that is slow or gone, or a disk that is full, costs lines and nothing else. Lost
    ones are counted, and told of as soon as a line can be written again.
    """

    def __init__(self, fd: int, capacity_bytes: int = DEFAULT_CAPACITY_BYTES) -> None:
        self._fd = fd
        self._capacity_bytes = capacity_bytes
        # Workers have the same one, and write lines of the access log to it that may be long.
        self._writer = LineWriter(fd, shared=True)
        self._partial = ""
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._refused = 0  # since the thread looked
        self._untold = 0  # lost, and not told of yet; the thread's own
        self._closing = False
        # An RLock inside: what Python says of a failing finalizer may come amid a write.
        self._changed = threading.Condition()
        # A daemon: a reader that never reads must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="diagnostics", daemon=True)
        self._thread.start()

    # --- a text stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # as those who write look for it
        """Return UTF-8, which log collectors expect."""
        return "utf-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether people read this on a terminal."""
        return os.isatty(self._fd)

    def fileno(self) -> int:
        """Return the descriptor that is written to in the end."""
        return self._fd

    def flush(self) -> None:
        """Return at once: nobody waits for the reader."""

    def write(self, text: str) -> int:
        """Take *text*, or drop the lines that there is no room for; return at once."""
        with self._changed:
            *lines, partial = (self._partial + text).split("\n")
            if len(partial) > _MAX_LINE_LENGTH:
                lines.append(partial)
                partial = ""
            self._partial = partial
            for line in lines:
                self._take(line.encode("utf-8", "backslashreplace") + b"\n")
            self._changed.notify()
        return len(text)

    def _take(self, line: bytes) -> None:
        if self._closing or self._waiting_bytes + len(line) > self._capacity_bytes:
            self._refused += 1
            return
        self._lines.append(line)
        self._waiting_bytes += len(line)

    def finish(self, timeout_seconds: float) -> None:
        """Write what is waiting, at most *timeout_seconds* long."""
        if self._partial:
            self.write("\n")
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_seconds)

    # --- the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._lines or self._refused or self._closing):
                    self._changed.wait()
                lines, self._lines = self._lines, []
                refused, self._refused = self._refused, 0
                self._waiting_bytes = 0
            if not (lines or refused):
                return
            self._tell_lost()
            self._untold += len(lines) - self._writer.write(lines)
            self._untold += refused  # which came when there was no room behind those
            self._tell_lost()

    def _tell_lost(self) -> None:
        if self._untold:
            notice = b"gateway: lines lost here, for they could not be written: %d\n"
            if self._writer.write([notice % self._untold]):
                self._untold = 0


def divert_stderr() -> None:
    """Have all that this process says on standard error go through ``Diagnostics`` from now on.

    To its very end, so that a traceback that ends it waits for nobody either. A stream without a
    descriptor stays as it is: it is memory, and takes all there is.
    """
    try:
        fd = sys.stderr.fileno()
    except io.UnsupportedOperation:
        return
    sys.stderr = stream = Diagnostics(fd)
    atexit.register(stream.finish, _LAST_SECONDS)


def leave(code: int) -> NoReturn:
    """End this process with *code*, once the last lines are written, or a second later.

    Not by way of the interpreter's own end: a thread that hangs on a disk, or reads certificates
    in a library that is not Python, would be torn down in the middle of it, and abort us.
    """
    stream = sys.stderr
    if not isinstance(stream, Diagnostics):
        sys.exit(code)  # what was not diverted is memory: the process is not ours alone
    stream.finish(_LAST_SECONDS)
    os._exit(code)
