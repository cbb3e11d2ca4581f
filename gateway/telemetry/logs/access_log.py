"""Write access log lines without ever making a request wait."""

import threading
from collections import deque
from select import PIPE_BUF

from gateway.telemetry.logs.line_writer import LineWriter
from gateway.telemetry.logs.recent_refusals import RecentRefusals

# About half a second of lines at full speed: longer than a log shipper's usual pause.
DEFAULT_CAPACITY_BYTES = 8 * 1024 * 1024

# Lines are gathered this long, so that 40,000 requests a second cost 20 system calls.
_GATHER_SECONDS = 0.05

_PIECE_BYTES = 256 * 1024


class AccessLog:
    """Lines on their way to *stream_fd*, written by a thread of its own; None turns it off.

    ``write`` belongs to one thread, that of the event loop. Each counter has one writer, so that
    no lock is needed. Build it after forking. If several processes write to one pipe, *shared*
    keeps lines whole and waits short. *recent* are refusals that can be asked for later, whether
    they are written or not.
    """

    def __init__(
        self,
        stream_fd: int | None,
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        *,
        shared: bool = False,
    ) -> None:
        self.enabled = stream_fd is not None
        self.recent = RecentRefusals()
        self.written = 0
        self._lines: deque[bytes] = deque()
        self._capacity_bytes = capacity_bytes
        self._hurry_bytes = capacity_bytes // 4
        self._queued_bytes = 0  # ever taken in; only `write` adds to it
        self._drained_bytes = 0  # ever taken out; only the thread adds to it
        self._refused = 0
        self._lost = 0
        self._abandoned = 0
        self._in_flight = 0
        self._piece_bytes = PIPE_BUF if shared else _PIECE_BYTES
        self._idle = False
        self._closing = False
        self._gave_up = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        if stream_fd is not None:
            self._writer = LineWriter(stream_fd, shared=shared)
            # A daemon: a reader that never reads must not keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()

    @property
    def dropped(self) -> int:
        """Return how many lines were dropped: too many, after close, or lost in writing."""
        return self._refused + self._lost + self._abandoned

    def write(self, line: bytes) -> None:
        """Take *line*, which ends in its only line feed, or drop it; return at once."""
        if not self.enabled:
            return
        waiting_bytes = self._queued_bytes - self._drained_bytes
        if waiting_bytes > self._hurry_bytes:
            if self._closing or waiting_bytes + len(line) > self._capacity_bytes:
                self._refused += 1
                return
            if not self._wake.is_set():
                self._wake.set()
        self._queued_bytes += len(line)
        self._lines.append(line)
        if self._idle:
            self._wake.set()

    def close(self, timeout_seconds: float) -> None:
        """Write what waits, for at most *timeout_seconds*; drop the rest and all later lines."""
        if self._thread is None or self._gave_up:
            return
        self._hurry_bytes = -1  # sends every later line to the check of `_closing`
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_seconds)
        if self._thread.is_alive():
            self._gave_up = True
            self._abandoned = self._in_flight + len(self._lines)
            self._lines.clear()

    def _run(self) -> None:
        while self._wait_for_a_line():
            if not self._closing:
                self._wake.wait(_GATHER_SECONDS)
            self._wake.clear()
            self._drain()

    def _wait_for_a_line(self) -> bool:
        """Wait until there is a line; return False once none will come."""
        while True:
            # Announced before looking: a line that comes after the look finds us idle and wakes us.
            self._idle = True
            if self._lines:
                self._idle = False
                return True
            if self._closing:
                return False
            self._wake.wait()
            self._wake.clear()

    def _drain(self) -> None:
        while piece := self._next_piece():
            self._in_flight = len(piece)
            written = self._writer.write(piece)
            if self._gave_up:
                return
            self.written += written
            self._lost += len(piece) - written
            self._in_flight = 0
            self._drained_bytes += sum(map(len, piece))

    def _next_piece(self) -> list[bytes]:
        """Take whole lines from the queue: at least one, at most what a piece holds."""
        lines = self._lines
        piece: list[bytes] = []
        size = 0
        try:
            while not piece or size + len(lines[0]) <= self._piece_bytes:
                line = lines.popleft()
                piece.append(line)
                size += len(line)
        except IndexError:  # the queue is empty, perhaps emptied by `close`
            pass
        return piece
