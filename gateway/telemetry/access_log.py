"""Write down every request, exactly once, without ever making one wait."""

import threading
import time
from collections import deque
from functools import lru_cache
from select import PIPE_BUF

from gateway.decision.reason import Reason
from gateway.telemetry.line_writer import LineWriter
from gateway.telemetry.quoting import NULL, Json, quote

# About half a second of lines at full speed: longer than a log shipper's usual pause.
DEFAULT_CAPACITY_BYTES = 8 * 1024 * 1024

# Lines are gathered this long, so that 40,000 requests a second cost 20 system calls.
_GATHER_SECONDS = 0.05

_PIECE_BYTES = 256 * 1024


class AccessLog:
    """Lines on their way to *stream_fd*, drained by a thread of its own; None turns it off.

    ``write`` belongs to one thread, that of the event loop; each counter has one writer, so
    that no lock is needed. Build it after forking. Where several processes share one pipe,
    *shared* keeps each write within what POSIX makes atomic (PIPE_BUF).
    """

    def __init__(
        self,
        stream_fd: int | None,
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        *,
        shared: bool = False,
    ) -> None:
        self.enabled = stream_fd is not None
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
            self._writer = LineWriter(stream_fd)
            # A daemon: a reader that never reads must not keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()

    @property
    def dropped(self) -> int:
        """Count the lines that will never be read: too many, after close, or lost in writing."""
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
        """Write what is waiting, at most *timeout_seconds* long; drop the rest and what follows."""
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
        """Sleep until there is a line; return False when none will come any more."""
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
        """Take whole lines off the queue: one at least, and no more than a piece holds."""
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


# What may stand in a JSON string and in a terminal as it is. `?` and `#` are left out so that
# a query or fragment, which may carry a token, takes the slow way and is cut off there.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\?#')

_ALLOWED_LINE = (
    b'{"time":"%b","id":"%b","client":"%b","method":"%b","host":"%b","path":"%b",'
    b'%b,"status":%d,"reason":null,"detail":null,"subject":%b,"issuer":%b,'
    b'"sent_bytes":%d,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":%.3f}\n'
)

_REFUSED_LINE = (
    b'{"time":"%b","id":"%b","client":"%b","method":"%b","host":"%b","path":"%b",'
    b'%b,"status":%d,"reason":"%b","detail":%b,"subject":%b,"issuer":%b,'
    b'"sent_bytes":0,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":null}\n'
)

_ANY_LINE = (
    b'{"time":"%b","id":%b,"client":%b,"method":%b,"host":%b,"path":%b,'
    b'"route":%b,"upstream":%b,"status":%d,"reason":%b,"detail":%b,"subject":%b,"issuer":%b,'
    b'"sent_bytes":%d,"received_bytes":%d,"duration_ms":%.3f,"upstream_ms":%b}\n'
)


def format_allowed(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    client: bytes,
    method: str,
    host: bytes,
    path: bytes,
    names: bytes,
    status: int,
    subject: bytes,
    issuer: bytes,
    sent_bytes: int,
    received_bytes: int,
    duration_ms: float,
    upstream_ms: float,
) -> bytes:
    """Return the line of a request that was let through: ``format_line``, at half the price.

    Only for what the decision has accepted: *host* and *path* are canonical then, which means
    that nothing in them needs escaping. *names* are the members ``route`` and ``upstream``.
    """
    return _ALLOWED_LINE % (
        _stamp(int(now * 1000)), request_id, client, method.encode(), host, path, names,
        status, subject, issuer, sent_bytes, received_bytes, duration_ms, upstream_ms,
    )  # fmt: skip


def format_refused(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    client: bytes,
    method: str,
    host: bytes,
    path: bytes,
    names: bytes,
    reason: Reason,
    detail: str,
    subject: bytes,
    issuer: bytes,
    received_bytes: int,
    duration_ms: float,
) -> bytes:
    """Return the line of a request that a route refused, its head canonical as above."""
    return _REFUSED_LINE % (
        _stamp(int(now * 1000)), request_id, client, method.encode(), host, path, names,
        reason.status, reason.code.encode(), _quote_detail(detail), subject, issuer,
        received_bytes, duration_ms,
    )  # fmt: skip


def format_line(  # noqa: PLR0913, PLR0917 - one argument for each member of the line
    now: float,
    request_id: bytes,
    client: bytes,
    method: bytes,
    host: bytes,
    path: bytes,
    route: Json,
    upstream: Json,
    status: int,
    reason: Reason | None,
    detail: str | None,
    subject: bytes,
    issuer: Json,
    sent_bytes: int,
    received_bytes: int,
    duration_ms: float,
    upstream_ms: float | None,
) -> bytes:
    """Return the one line of JSON that says what became of a request.

    *now* is seconds since the epoch. *request_id* to *path* may hold any bytes, and are empty
    where not known; a query in *path* is left out. *route*, *upstream*, *issuer* and *subject*
    are JSON already: quote a name once, when it is loaded, and take ``NULL`` for none.
    """
    outside = request_id + client + method + host + path
    plain = not outside.translate(None, _PLAIN)
    if plain and reason is None and detail is None and upstream_ms is not None:
        return _ALLOWED_LINE % (
            _stamp(int(now * 1000)), request_id, client, method, host, path,
            route, upstream, status, subject, issuer,
            sent_bytes, received_bytes, duration_ms, upstream_ms,
        )  # fmt: skip
    text = _wrap if plain else quote
    return _ANY_LINE % (
        _stamp(int(now * 1000)), text(request_id), text(client), text(method), text(host),
        text(path if plain else path.partition(b"?")[0].partition(b"#")[0]),
        route, upstream, status,
        NULL if reason is None else b'"%b"' % reason.code.encode(), _quote_detail(detail),
        subject, issuer, sent_bytes, received_bytes, duration_ms,
        NULL if upstream_ms is None else b"%.3f" % upstream_ms,
    )  # fmt: skip


def _wrap(plain: bytes) -> bytes:
    return b'"%b"' % plain if plain else NULL


_quote_detail = lru_cache(maxsize=1024)(quote)  # most details are one of a few sentences


@lru_cache(maxsize=8)
def _stamp(now_ms: int) -> bytes:
    """Return RFC 3339 in UTC; requests of one millisecond share it."""
    return b"%b.%03dZ" % (_second(now_ms // 1000), now_ms % 1000)


@lru_cache(maxsize=8)
def _second(now_seconds: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_seconds)).encode("ascii")
