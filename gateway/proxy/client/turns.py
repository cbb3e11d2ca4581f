"""Take requests from a client, and answer them in the order they came, one at a time."""

import asyncio
from time import monotonic, time
from typing import Final

from gateway.decision.verdict import Deny
from gateway.http.reading.request import Request
from gateway.http.writing.refusal import render_refusal
from gateway.proxy.client.backlog import Backlog
from gateway.proxy.client.client_side import ClientSide
from gateway.proxy.exchange.admit import admit
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.recording.record import record_refused
from gateway.proxy.recording.record_spans import record_refused_span
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.upstream.connection import NEVER
from gateway.telemetry.tracing.tracer import RecordedTrace

# Pipelined requests begun in one turn of the event loop, and bytes of input read in it: others
# want to be served between.
REQUESTS_A_TURN: Final = 64
_BYTES_A_TURN: Final = 32 * 1024

# Of so many answers one client has at most that are not sent yet.
_SENT_TOGETHER: Final = 16

# After a refusal with the body still coming: how long what comes is read and thrown away, so
# that the client gets to read the answer before the connection is reset (RFC 9112 §9.6).
_LINGER_SECONDS: Final = 2.0


NOTHING: Final = memoryview(b"")


class Turns(ClientSide):
    """Begins each request when the one in front of it is answered.

    *_last* is the exchange read last, as long as it may still go wrong.
    """

    __slots__ = ("_begun", "_last")

    _begun: int
    _last: Exchange | None

    def _read_piece(self, piece: bytes) -> None:
        raise NotImplementedError

    def _take_plain(self, request: Request) -> None:
        """Take a plain request; refuse it at once if it is refused, without an exchange."""
        port = self._port
        if self._current is not None or self._queue or self._write_blocked or port.is_draining:
            self.take_request(request)
            return
        now = monotonic()
        verdict = admit(port, request)
        if (
            type(verdict) is not Deny
            or verdict.route is None
            or (port.edits_answers and port.routes[verdict.route.index].options.cors is not None)
        ):
            self._last = self._current = exchange = Exchange(port, self, request)
            self.deadline = NEVER
            exchange.act(verdict)
            return
        request_id = b"%b%09x" % (port.id_prefix, next(port.ids))
        write = self.write
        at = time()
        write(render_refusal(verdict, request_id, at, request.method == "HEAD", False))
        done = monotonic()
        self.deadline = done + self._idle_seconds
        try:
            tracer, received = port.tracer, request.trace
            trace = received if tracer is None else tracer.begin(received, self.is_trusted)
            record_refused(port, self, request, request_id, trace, verdict, 0, at, done - now)
            if trace is not None and isinstance(trace, RecordedTrace):
                record_refused_span(port, self, request, request_id, trace, verdict, at, done - now)
        except Exception as bug:  # the client has its answer
            report_bug("a request could not be recorded", bug)

    def take_request(self, request: Request) -> Upload | None:
        """Begin with a request, or queue it behind those before it."""
        last = self._last
        if last is not None and not last.request.keep_alive:
            self._reader.is_over = True  # RFC 9112 §9.6: what comes behind is no request
            return None
        port = self._port
        exchange = Exchange(port, self, request)
        self._last = exchange
        if not request.is_plain and request.has_body():
            fields = request.fields
            length = None if fields.is_chunked else fields.content_length
            exchange.upload = upload = Upload(self, length, port.most_body_bytes)
            upload.is_held_back = fields.expects_continue
        if self._current is not None or self._queue or self._write_blocked:
            exchange.waited = True
            self._queue.append(exchange)
            self._update_reading()
        elif self._begun >= REQUESTS_A_TURN or port.is_draining:
            # While draining, only once it is known whether more came with it.
            exchange.waited = True
            self._queue.append(exchange)
            asyncio.get_running_loop().call_soon(self._advance)
        else:
            self._begin(exchange)
        return exchange.upload

    def take_body_end(self) -> None:
        """Wait no longer for the body; where it was refused already, wait for a request."""
        if self._write_blocked:
            return
        self.deadline = NEVER
        if self._current is None:
            self._await_request()

    def go_on(self) -> None:
        """Read again."""
        super().go_on()
        if self._unread:
            self._advance()

    def _begin(self, exchange: Exchange) -> None:
        self._begun += 1
        if self._begun > _SENT_TOGETHER and self._begun % _SENT_TOGETHER == 1:
            self._port.outbox.flush()  # a client that takes no more is noticed by what is sent
            if self._write_blocked:
                exchange.waited = True
                self._queue.appendleft(exchange)
                self._update_reading()
                return
        self._current = exchange
        self.deadline = NEVER
        exchange.begin()

    def _advance(self) -> None:
        """Begin with the next requests until one has to wait; not by recursion."""
        if self._advancing:
            return
        self._advancing = True
        self._begun = read_bytes = 0
        while self._begun < REQUESTS_A_TURN and read_bytes < _BYTES_A_TURN:
            if self._queue:
                if self._current is not None or self._write_blocked or self._closing:
                    break
                self._begin(self._queue.popleft())
            elif self._unread and not self._held and not self._closing:
                read_bytes += self._read_next()
            else:
                break
        else:
            asyncio.get_running_loop().call_soon(self._advance)
        self._advancing = False
        self._update_reading()
        self._await_body()
        if self.deadline == NEVER and self._current is None and not self._is_behind():
            self._await_request()  # what came last was no request

    def _read_next(self) -> int:
        """Read the next of what came; return how many bytes that were.

        Of requests one at a time: what is behind it takes a twentieth of the memory as bytes.
        """
        reader, unread = self._reader, self._unread
        piece = bytes(unread[: reader.piece_bytes(len(unread))])
        if reader.upload is None:
            end = piece.find(b"\r\n\r\n") + 4
            piece = piece[:end] if end >= 4 else piece
        self._unread = unread[len(piece) :]
        if not reader.in_message and not reader.is_over:
            request = reader.kept.match(piece)
            if request is not None:
                self.take_request(request)
                return len(piece)
        self._read_piece(piece)
        return len(piece)

    def has_more(self) -> bool:
        """Return whether something has come behind the request answered now, and is to be."""
        if self._is_ending:
            return False
        reader = self._reader
        is_in_head = reader.fields is not None and not reader.is_over
        return is_in_head or bool(self._queue or self._unread)

    def _is_behind(self) -> bool:
        """Return whether something of what came has not been begun with."""
        return bool(self._queue) or bool(self._unread) or self._closing

    def exchange_done(self, close: bool, now: float) -> None:
        """Go on with the next request, or end the connection."""
        self._current = None
        if close or (self._eof and not self._queue and not self._unread):
            self._close()
        elif self._queue or self._unread or self._held:
            self._held = False  # by an upload that is over; another one holds again
            self._advance()
        elif self._reader.in_message or self._write_blocked:
            self._await_request()
        else:
            self.deadline = now + self._idle_seconds

    def _await_request(self) -> None:
        if self._write_blocked:
            self._await_taking()
            return
        if self._reader.upload is not None:
            self.deadline = NEVER
            self._await_body()
            return
        partial = self._reader.in_message
        seconds = self._port.timeouts.head_seconds if partial else self._idle_seconds
        self.deadline = monotonic() + seconds

    def _abandon(self) -> None:
        exchanges = (self._current, *self._queue)
        self._queue.clear()
        self._unread = NOTHING
        self._current = None
        for exchange in exchanges:
            if exchange is not None:
                exchange.client_lost()

    def _close(self) -> None:
        """Close behind the last answer; linger where the client may still be sending."""
        reader = self._reader
        # While draining, because a client knows only with its answer that no more is taken.
        linger = reader.is_over or reader.in_message or self._port.is_draining
        self._closing = True
        reader.is_over = True  # what came behind in the same piece is not read either
        self._abandon()
        self._port.outbox.flush()
        self._backlog = None
        if self.transport.get_write_buffer_size():
            self._await_taking()
        else:
            self.deadline = monotonic() + self._port.timeouts.body_seconds
        if self.transport.is_closing():
            return  # by the client's FIN, behind what it may never take; or else as good as gone
        if linger and self._tunnel is None and self.transport.can_write_eof():
            if self._backlog is None:
                self.deadline = monotonic() + _LINGER_SECONDS
            self._update_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def _await_taking(self) -> None:
        """Hold the client to the pace of its reading."""
        backlog = self._backlog
        if backlog is None:
            seconds = self._port.timeouts.body_seconds
            backlog = self._backlog = Backlog(self.transport, seconds)
        now = monotonic()
        backlog.start(now, self._read_rate())
        self.deadline = now + backlog.look_seconds

    def _read_rate(self) -> int | None:
        """Return the rate of the answer that waits, which may be over."""
        exchange = self._current or self._last
        return self._port.limits.read_rate if exchange is None else exchange.read_rate()

    def _expire_closing(self, now: float) -> None:
        """Give up on a connection that is closing, unless the client still takes what is left."""
        backlog = self._backlog
        before = 0 if backlog is None else backlog.unsent_bytes
        if backlog is None or not before:
            self.transport.abort()
            return
        is_taken = backlog.is_taken(now, self._read_rate())
        if not backlog.unsent_bytes:
            self.deadline = now + _LINGER_SECONDS
        elif is_taken:
            self.deadline = now + backlog.look_seconds
        else:
            self.abort()  # a mere close would make what it has look complete
