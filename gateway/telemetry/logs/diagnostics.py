"""Write diagnostics to standard error without ever waiting for its reader."""

import atexit
import io
import json
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Final, NoReturn

from gateway.telemetry.logs.line_writer import LineWriter

# Some thousand lines: more in a row is an error that repeats itself, and its beginning says most.
DEFAULT_CAPACITY_BYTES: Final = 256 * 1024

# Set in the environment of workers whose supervisor writes JSON.
AS_JSON: Final = "GATEWAY_DIAGNOSTICS_AS_JSON"

# Longer text without a line break is cut into lines of this length.
_MAX_LINE_LENGTH: Final = 64 * 1024

# How long the process waits at its end for the last lines to be read.
_LAST_SECONDS: Final = 1.0


class Diagnostics(io.TextIOBase):
    """Replaces ``sys.stderr``: accepts lines at once, and a thread writes them to *fd*.

    A reader that is slow or gone, or a disk that is full, costs lines and nothing else. Lost
    lines are counted, and reported as soon as a line can be written again. With *as_json*, each
    line is an object with its ``time`` and the text as ``message``.
    """

    def __init__(
        self, fd: int, capacity_bytes: int = DEFAULT_CAPACITY_BYTES, *, as_json: bool = False
    ) -> None:
        self._fd = fd
        self._as_json = as_json
        self._capacity_bytes = capacity_bytes
        # Workers share the descriptor, and write access log lines to it that may be long.
        self._writer = LineWriter(fd, shared=True)
        self._partial = ""
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._refused = 0  # since the last pass of the thread
        self._unreported = 0  # lost lines that were not reported yet; used by the thread alone
        self._closing = False
        # It has an RLock: Python may report a failing finalizer in the middle of a write.
        self._changed = threading.Condition()
        # A daemon: a reader that never reads must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="diagnostics", daemon=True)
        self._thread.start()

    # --- a text stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # callers look for it
        """Return UTF-8, which log collectors expect."""
        return "utf-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether people read this on a terminal."""
        return os.isatty(self._fd) and not self._as_json

    def fileno(self) -> int:
        """Return the descriptor that is written to in the end."""
        return self._fd

    def flush(self) -> None:
        """Return at once: nothing waits for the reader."""

    def write(self, text: str) -> int:
        """Accept *text*, or drop the lines that do not fit; return at once."""
        with self._changed:
            *lines, partial = (self._partial + text).split("\n")
            if len(partial) > _MAX_LINE_LENGTH:
                lines.append(partial)
                partial = ""
            self._partial = partial
            for line in lines:
                self._take(self._encode(line))
            self._changed.notify()
        return len(text)

    def _encode(self, line: str) -> bytes:
        if self._as_json:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = json.dumps({"time": now, "message": line})
        return line.encode("utf-8", "backslashreplace") + b"\n"

    def _take(self, line: bytes) -> None:
        if self._closing or self._waiting_bytes + len(line) > self._capacity_bytes:
            self._refused += 1
            return
        self._lines.append(line)
        self._waiting_bytes += len(line)

    def finish(self, timeout_seconds: float) -> None:
        """Write what waits, for at most *timeout_seconds*."""
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
            self._report_lost()
            self._unreported += len(lines) - self._writer.write(lines)
            self._unreported += refused  # they came after those, when there was no room
            self._report_lost()

    def _report_lost(self) -> None:
        if self._unreported:
            notice = self._encode(f"gateway: {self._unreported} lines dropped")
            if self._writer.write([notice]):
                self._unreported = 0


def divert_stderr(*, as_json: bool = False) -> None:
    """Send everything that this process writes to standard error through ``Diagnostics``.

    Also a traceback at its very end. A stream without a descriptor stays as it is: it is memory,
    and never blocks.
    """
    try:
        fd = sys.stderr.fileno()
    except io.UnsupportedOperation:
        return
    sys.stderr = stream = Diagnostics(fd, as_json=as_json)
    atexit.register(stream.finish, _LAST_SECONDS)


def leave(code: int) -> NoReturn:
    """Exit with *code* once the last lines are written, or a second later.

    Not through the interpreter's own shutdown: a thread that hangs on a disk, or reads certificates
    in a native library, would be torn down in the middle of it and abort the process.
    """
    stream = sys.stderr
    if not isinstance(stream, Diagnostics):
        sys.exit(code)  # not diverted: the process is not the gateway's alone, such as in tests
    stream.finish(_LAST_SECONDS)
    os._exit(code)
