"""The body of a request, on its way from the client to the server."""

from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from gateway.http.reading.field_collector import Section
from gateway.proxy.transport.pace import Pace

# What is kept of a body that was sent, to send it again: most calls of gRPC are shorter.
_MAX_KEPT_BYTES: Final = 16 * 1024

# Body bytes that may wait for a decision or a connection before the client is slowed down.
_MAX_PENDING_BYTES: Final = 32 * 1024


class BodySource(Protocol):
    """The client's connection, where the body comes from."""

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""

    def resume_reading(self) -> None:
        """Resume reading."""

    def consumed(self, size: int) -> None:
        """Note that *size* bytes wait no longer: they were sent to the server, or dropped."""


class BodyTarget(Protocol):
    """Where a body goes: a server's connection."""

    def expect_nothing(self) -> None:
        """Wait for no response: the body is still to come."""

    def write(self, data: bytes) -> None:
        """Take *data* as it is."""

    def write_chunk(self, data: bytes) -> None:
        """Take *data* as one chunk."""

    def end_chunks(self, trailers: bytes) -> None:
        """Take the end of a body that went in chunks, and its *trailers*.

        They are lines, each with the line end before it, and b"" if there are none.
        """

    def expect_response(self) -> None:
        """Wait for the response: the body has come whole."""


class Upload:
    """A request body: collected until there is a server, then passed on as it comes.

    *length* is its Content-Length, or None if it is chunked. It has at most *max_bytes* (None: no
    limit), until its route says otherwise. *begun* says that a part of it was sent and not kept, so
    that the request cannot be sent again. *is_dropped* says that the rest is read and dropped.
    *is_held_back* says that the client waits for a 100 (Continue) (RFC 9110 §10.1.1). *pace* is
    how slowly it may come. *convert*, if set, makes the target that changes the body on its way
    to a server. *trailers* are all that came after it, once it is complete.
    """

    __slots__ = (
        "_kept",
        "_max_bytes",
        "_paid_bytes",
        "_pending",
        "_pending_bytes",
        "_render_trailers",
        "_server",
        "_source",
        "begun",
        "complete",
        "convert",
        "is_dropped",
        "is_held_back",
        "is_too_large",
        "length",
        "pace",
        "received_bytes",
        "sent_at",
        "trailers",
    )

    def __init__(self, source: BodySource, length: int | None, max_bytes: int | None) -> None:
        self._source = source
        self.length = length
        self._max_bytes = max_bytes
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._kept: bytes | None = None  # all that was sent, as long as it can be sent again
        self._paid_bytes = 0  # what was noted as consumed of the pieces that wait
        self._server: BodyTarget | None = None
        self._render_trailers: Callable[[Section], bytes] = _drop_trailers
        self.begun = False
        self.complete = False
        self.is_dropped = False
        self.is_held_back = False
        self.pace: Pace | None = None
        self.convert: Callable[[BodyTarget], BodyTarget] | None = None
        self.is_too_large = False
        self.received_bytes = 0
        self.sent_at = 0.0  # when its end was sent
        self.trailers: Section = ()

    def is_awaited(self) -> bool:
        """Return whether the client should send it now, or has begun to."""
        return not self.is_held_back or self.received_bytes > 0

    @property
    def is_passed_on(self) -> bool:
        """Return whether there is a server that gets each piece at once."""
        return self._server is not None

    def has_not_come(self) -> bool:
        """Return whether nothing of the body has arrived yet."""
        return not self.received_bytes and not self.complete

    def add(self, data: bytes) -> None:
        """Take a piece; the next ``flush`` sends it."""
        self.received_bytes += len(data)
        if self.is_dropped:
            self._source.consumed(len(data))
            return
        if self._max_bytes is not None and self.received_bytes > self._max_bytes:
            self.is_too_large = True
            self._source.consumed(len(data))
            return
        self._pending.append(data)
        self._pending_bytes += len(data)

    def limit(self, max_bytes: int | None) -> bool:
        """Take at most *max_bytes* from now on; return whether more has come already."""
        self._max_bytes = max_bytes
        return max_bytes is not None and self.received_bytes > max_bytes

    def attach(
        self, server: BodyTarget, render_trailers: Callable[[Section], bytes] | None = None
    ) -> None:
        """Send to *server* from now on; it gets those trailers that *render_trailers* returns.

        It returns lines, each with the line end before it. Without it, there are none. If the
        length of the body is known, its framing has no place for any.
        """
        if self.convert is not None:
            server = self.convert(server)
        self._server = server
        self._render_trailers = render_trailers or _drop_trailers
        self.is_held_back = False
        was_complete = self.complete
        if not was_complete:
            server.expect_nothing()
        # Before the flush: a server that cannot take what is sent pauses the client again at once.
        self._source.resume_reading()
        if was_complete or not self.complete:  # else its end was read, and sent, just now
            self.flush()

    def keep_sent(self) -> None:
        """Keep from now on what is sent, unless it is too long, to send it again after ``wait``."""
        if not self.begun and self._kept is None:
            self._kept = b""

    def forget_sent(self) -> None:
        """Keep nothing: it will not be sent again."""
        self._kept = None
        self.begun = True

    def wait(self) -> None:
        """Keep what comes for another server, and what was kept: the former one failed."""
        self._server = None
        if self._kept:
            self._pending.insert(0, self._kept)
            self._pending_bytes += len(self._kept)
            self._paid_bytes += len(self._kept)
            self._kept = b""

    def flush(self) -> None:
        """Send what has come, and the end if that has come too."""
        server = self._server
        if server is None:
            if self._pending_bytes > _MAX_PENDING_BYTES:
                self._source.pause_reading()
            return
        if self._pending:
            # Many small chunks that came together are sent as one.
            data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
            self._pending.clear()
            self._pending_bytes = 0
            self._note_sent(data)
            if self.length is None:
                server.write_chunk(data)
            else:
                server.write(data)
            self._consumed(len(data))
        if not self.complete:
            return
        if self.length is None:
            self.begun = self._kept is None
            server.end_chunks(self._render_trailers(self.trailers) if self.trailers else b"")
        self._server = None  # a second end would be read as a part of the next request
        self.sent_at = monotonic()
        server.expect_response()

    def _note_sent(self, data: bytes) -> None:
        kept = self._kept
        if kept is not None and len(kept) + len(data) <= _MAX_KEPT_BYTES:
            self._kept = kept + data
        else:
            self.forget_sent()

    def _consumed(self, size: int) -> None:
        """Note that *size* bytes wait no longer, once of each byte."""
        paid = min(size, self._paid_bytes)
        self._paid_bytes -= paid
        self._source.consumed(size - paid)

    def drop(self) -> None:
        """Drop what waits to be sent."""
        self._pending.clear()
        size, self._pending_bytes = self._pending_bytes, 0
        if size:
            self._consumed(size)

    def detach(self) -> None:
        """Send nothing more: the exchange is over."""
        self._server = self._kept = None
        self._render_trailers = _drop_trailers  # the other refers to the exchange
        self.is_held_back = False
        self.is_dropped = True
        self.drop()


def _drop_trailers(trailers: Section) -> bytes:
    return b""
