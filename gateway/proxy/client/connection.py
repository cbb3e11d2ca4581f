"""A client's connection: requests in, responses out, in the order of the requests."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic, time
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.faults import EarlyBytes, Fault, Http2Preface
from gateway.http.reading.head_builder import PIECE_BYTES
from gateway.http.reading.request import Request
from gateway.http.writing.refusal import render_refusal
from gateway.http.writing.request_head import Peer
from gateway.http.writing.status_line import STATUS_LINES, render_response
from gateway.proxy.client.clients import READ_BYTES, Clients, Connection
from gateway.proxy.client.request_reader import NOTHING, RequestReader
from gateway.proxy.exchange.admit import admit
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.exchange.grpc_call import GrpcCall
from gateway.proxy.exchange.grpc_web_call import make_exchange
from gateway.proxy.h2.connection import H2Connection
from gateway.proxy.port import Port
from gateway.proxy.recording.record_spans import record_refusal
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.framing import PREFACE
from gateway.proxy.transport.pace import Pace
from gateway.proxy.transport.socket_state import has_left, reset
from gateway.proxy.transport.unread_output import UnreadOutput
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.connection import NEVER
from gateway.proxy.upstream.pool import Pool

# A piece of input with more heads than this is read one request at a time: a request takes twenty
# times the memory of its bytes. Smaller pieces cannot hold so many, and are not searched.
_MANY_HEADS: Final = 8
_MANY_HEADS_BYTES: Final = 256

# Pipelined requests of one client that are started, and bytes of its input that are read, before
# the event loop serves other connections.
_REQUESTS_AT_ONCE: Final = 64
_BYTES_AT_ONCE: Final = 32 * 1024

# The most responses to pipelined requests that are written and not sent yet.
_RESPONSES_AT_ONCE: Final = 16

# If more than this was written that the kernel does not take, because the client does not read,
# the upstream or the next request waits.
_UNSENT_BYTES: Final = 16 * 1024

# After a refusal with the body still coming: how long input is read and dropped, so that the
# client can read the response before the connection is reset (RFC 9112 §9.6).
_LINGER_SECONDS: Final = 2.0


class ClientConnection(asyncio.BufferedProtocol):
    """Speaks HTTP/1.1 with one client.

    Requests are answered one at a time, in the order they came (RFC 9112 §9.3.2): ``_current`` is
    the exchange in flight, those in ``_queue`` were pipelined after it, and the reader keeps the
    input after those as bytes. *deadline* is when ``expire`` is due, by the monotonic clock; the
    listener looks at it. *clients* are all connections of the listener; they share one buffer.

    What every request uses is kept in this one object: objects inside it would cost a look-up for
    each request, and memory for each idle connection.
    """

    __slots__ = (
        "_advancing",
        "_buffer",
        "_buffer_view",
        "_clients",
        "_closes",
        "_closing",
        "_current",
        "_drain_expired",
        "_half_closed",
        "_held",
        "_idle_seconds",
        "_is_chunked",
        "_last",
        "_paused",
        "_port",
        "_queue",
        "_reader",
        "_repeated_head",
        "_request_view",
        "_started",
        "_tunnel",
        "_unread_output",
        "_write_blocked",
        "bound",
        "deadline",
        "peer",
        "transport",
        "write",
    )

    def __init__(
        self, port: Port, clients: Clients[Connection], transport: asyncio.Transport, peer: Peer
    ) -> None:
        self._port = port
        self._clients = clients
        self.transport = transport
        transport.set_write_buffer_limits(_UNSENT_BYTES)
        # A partial, because a method of ours would be a second call for each write.
        self.write: Callable[[Piece], object] = partial(port.write_buffer.put, transport)
        self.peer = peer
        self._reader = RequestReader(self, port.names, port.limits)
        # Copied from `clients` and the reader: one look-up less for each read.
        self._buffer = clients.buffer
        self._buffer_view = clients.view
        self._request_view = clients.request_view
        self._repeated_head = self._reader.repeated_head
        self._current: Exchange | None = None
        # No deque: an empty one takes 760 bytes, on each idle connection. About a dozen can wait,
        # because more than that in one piece of input are not parsed yet.
        self._queue: list[Exchange] = []
        self._last: Exchange | None = None  # read last: what follows it may still make it fail
        self._started = 0  # requests, since the event loop served others
        self._advancing = False
        self._tunnel: Tunnel | None = None
        self.bound: BoundConnections | None = None
        self._held = False  # by an exchange that can take no more input
        self._paused = False  # the transport does not read
        self._write_blocked = False  # the transport has too much to send
        self._half_closed = False  # by the client, which still reads
        self._closing = False
        self._closes = False  # once the exchange in flight is done
        self._is_chunked = False  # the response that is being sent
        self._drain_expired = False  # requests that have not started never will
        self._unread_output: UnreadOutput | None = None  # made when it is first needed
        self._idle_seconds = port.timeouts.idle_seconds
        self.deadline = NEVER

    # --- the transport

    def serve(self) -> None:
        """Wait for the first request."""
        self.deadline = monotonic() + self._port.timeouts.head_seconds
        if self._port.is_draining:
            self.close_when_idle()

    def refuse(self, answer: bytes) -> None:
        """Send *answer* instead, and close; a request is dropped, since an error would reset."""
        self.write(answer)
        self._reader.is_over = True
        self._close()

    def connection_lost(self, error: Exception | None) -> None:
        """Give up all requests."""
        self._closing = True
        self.deadline = NEVER
        self._clients.discard(self)
        self._port.metrics.connections_open -= 1
        self._abandon()
        if self.bound is not None:
            self.bound.close()
        self._last = self._tunnel = None
        self._reader.release()

    def eof_received(self) -> bool:
        """Give up all requests; or, with ``half_close: answer``, answer them and then close.

        A client that closes its connection looks like one that closes only its sending half. A
        request that is cut short is given up in any case; those before it are complete.
        """
        if self._tunnel is not None:
            self._tunnel.client_ended()
            return self.peer.proto != b"https"  # with TLS there is no half-closed connection
        reader = self._reader
        is_waiting = self._current is not None or bool(self._queue or reader.unparsed)
        may_go_on = self._port.serves_half_closed and self.peer.proto != b"https"
        if may_go_on and is_waiting and not self._closing and reader.upload is None:
            self._half_closed = True
            reader.is_over = reader.is_over or reader.in_message
            return True
        self._port.write_buffer.flush()  # the last response, before the transport is closed
        if is_waiting and not self._closing:
            self._client_left()
        return False

    def _client_left(self) -> None:
        """Give up all requests now: it may be long until the transport notices and closes."""
        exchange = self._current
        self._closing = True
        if exchange is not None and exchange.is_responding():
            self.abort()  # a mere close would make a truncated response look complete
        else:
            self.transport.close()
        self._abandon()

    def pause_writing(self) -> None:
        """Slow down the upstream."""
        self._write_blocked = True
        self._stop_body_clock()
        self._watch_unread()
        if self._current is not None:
            self._current.client_blocked()

    def resume_writing(self) -> None:
        """Let the upstream go on, or start the next request."""
        self._write_blocked = False
        if self._closing:
            return
        if self._unread_output is not None:
            self._unread_output.stop(monotonic())
        if self._tunnel is None:
            self.deadline = NEVER
        if self._current is not None:
            self._current.client_ready()
            self._watch_body()
        else:
            self._await_request()
            self._advance()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to: much space only for a body that is being forwarded."""
        reader = self._reader
        if reader.upload is None:
            return self._request_view
        return self._buffer_view[: reader.body_bytes_wanted(READ_BYTES)]

    def buffer_updated(self, size: int) -> None:
        """Read requests, a part of one, or bytes of a tunnel."""
        if self._tunnel is not None:
            self._tunnel.from_client(self._buffer_view[:size].tobytes())
            return
        if self._closing:
            return
        reader = self._reader
        if reader.in_message or reader.is_over or reader.unparsed:
            data = self._buffer_view[:size].tobytes()
        else:
            # The usual request repeats the last one on its connection to the byte. So look for
            # that first, and in the buffer: it then needs neither a copy nor the parser.
            repeated = self._repeated_head
            if size == repeated.whole_bytes and self._buffer.startswith(repeated.whole):
                self._admit_plain(repeated.repeat())
                return
            data = self._buffer_view[:size].tobytes()
            request = repeated.match(data)
            if request is not None:
                self._admit_plain(request)
                return
        # Large input, and many requests in one piece, are read piece by piece.
        if (
            reader.unparsed
            or (size > PIECE_BYTES and reader.piece_bytes(size) < size)
            or (
                size > _MANY_HEADS_BYTES
                and reader.upload is None
                and data.count(b"\r\n\r\n") > _MANY_HEADS
            )
        ):
            reader.put_off(data)
            self._advance()
            return
        self._started = 0
        self._read_piece(data)

    # --- HTTP/2

    def _switch_to_http2(self, rest: bytes) -> None:
        """Have another protocol serve the client, whose preface was read, and *rest* after it."""
        reader = self._reader
        if self._last is not None or not self._port.serves_http2:
            reader.is_over = True
            self._refuse_fault(Fault(Reason.REQUEST_MALFORMED, "the preface of HTTP/2"))
            return
        received = PREFACE + rest + bytes(reader.unparsed)
        reader.unparsed = NOTHING
        self._closing = True
        self.deadline = NEVER
        if self._paused:
            self.transport.resume_reading()
        other = H2Connection(self._port, self._clients, self.transport, self.peer)
        self._clients.replace(self, other)
        reader.release()
        self.transport.set_protocol(other)
        other.begin(received)

    # --- requests, from the reader

    def _read_piece(self, piece: bytes) -> None:
        reader = self._reader
        if reader.is_over and self._last is not None and self._last.wants_upgrade:
            self._refuse_early_bytes()
            return
        try:
            reader.feed(piece)
        except Fault as fault:
            self._refuse_fault(fault)
        except EarlyBytes:
            self._refuse_early_bytes()
        except Http2Preface as preface:
            self._switch_to_http2(preface.rest)
        if reader.upload is not None:
            self._watch_body()
        elif self._current is None and reader.in_message:
            # Set by the first piece of a head, and not moved by the next ones.
            self.deadline = min(self.deadline, monotonic() + self._port.timeouts.head_seconds)

    def _admit_plain(self, request: Request) -> None:
        """Admit a plain request; if it is refused, that takes no exchange."""
        port = self._port
        if self._current is not None or self._queue or self._write_blocked or port.is_draining:
            self.request_received(request)
            return
        now = monotonic()
        verdict = admit(port, request)
        if (
            type(verdict) is not Deny  # cheaper than isinstance, and Deny has no subclass
            or verdict.route is None
            # Only an exchange adds the CORS fields of a route.
            or (port.edits_responses and port.routes[verdict.route.index].options.cors is not None)
        ):
            self._last = self._current = exchange = Exchange(port, self, request)
            self.deadline = NEVER
            exchange.act(verdict)
            return
        request_id = next(port.request_ids)
        write = self.write  # a local: a slot that is called directly costs twice as much
        at = time()
        write(render_refusal(verdict, request_id, at, request.method == "HEAD"))
        done = monotonic()
        self.deadline = done + self._idle_seconds
        record_refusal(port, self, request, request_id, verdict, at, done - now)

    def request_received(self, request: Request) -> Upload | None:
        """Start a request, or queue it after those before it."""
        last = self._last
        if last is not None and not last.request.keep_alive:
            self._reader.is_over = True  # RFC 9112 §9.6: what follows is no request
            return None
        port = self._port
        if request.is_plain or not request.has_body():
            self._last = exchange = Exchange(port, self, request)
        else:
            self._last = exchange = make_exchange(port, self, request)
        if self._current is not None or self._queue or self._write_blocked:
            exchange.waited = True
            self._queue.append(exchange)
            self._update_reading()
        elif self._started >= _REQUESTS_AT_ONCE or port.is_draining:
            # While draining, start it only once it is known whether more requests came with it:
            # the last response says that the connection ends.
            exchange.waited = True
            self._queue.append(exchange)
            asyncio.get_running_loop().call_soon(self._advance)
        else:
            self._start(exchange)
        return exchange.upload

    def body_ended(self) -> None:
        """Stop waiting for the body; if its request is over already, wait for the next one."""
        if self._write_blocked:
            return
        self.deadline = NEVER
        if self._current is None:
            self._await_request()

    def _refuse_fault(self, fault: Fault) -> None:
        """Refuse what cannot be read, once the requests before it are answered."""
        upload, self._reader.upload = self._reader.upload, None
        deny = Deny(fault.reason, fault.detail)
        if upload is not None:
            self._fail_last(deny)
            if upload.is_dropped and not self._closing:
                self._close()  # it was answered already
            return
        request = self._reader.cut_short()
        request.fields.fault = deny
        if not self._closing:
            self.request_received(request)

    def _refuse_early_bytes(self) -> None:
        """Refuse bytes sent before the upgrade was answered (CVE-2025-64763)."""
        self._fail_last(Deny(Reason.REQUEST_MALFORMED, "bytes before the upgrade"))

    def _fail_last(self, deny: Deny) -> None:
        """Fail the request read last, once those before it are answered."""
        last = self._last
        if last is not None and last is self._current:
            last.fail(deny)
        elif last is not None:
            last.request.fields.find(deny.reason, deny.detail)

    # --- pipelining

    def _start(self, exchange: Exchange) -> None:
        self._started += 1
        if self._started > _RESPONSES_AT_ONCE and self._started % _RESPONSES_AT_ONCE == 1:
            self._port.write_buffer.flush()  # only this shows whether the client still reads
            if self._write_blocked:
                exchange.waited = True
                self._queue.insert(0, exchange)
                self._update_reading()
                return
        self._current = exchange
        self.deadline = NEVER
        exchange.begin()

    def _advance(self) -> None:
        """Start the next requests until one has to wait.

        An exchange that ends at once calls this again. That call returns, and the loop goes on:
        with recursion, a thousand pipelined requests would overflow the stack.
        """
        if self._advancing:
            return
        self._advancing = True
        self._started = read_bytes = 0
        reader = self._reader
        while self._started < _REQUESTS_AT_ONCE and read_bytes < _BYTES_AT_ONCE:
            if self._queue:
                if self._current is not None or self._write_blocked or self._closing:
                    break
                self._start(self._queue.pop(0))
            elif reader.unparsed and not self._held and not self._closing:
                read_bytes += self._read_next()
            else:
                break
        else:
            asyncio.get_running_loop().call_soon(self._advance)
        self._advancing = False
        self._update_reading()
        self._watch_body()
        if self.deadline == NEVER and self._current is None and not self._has_waiting():
            self._await_request()  # what came last was no request

    def _read_next(self) -> int:
        """Read the next piece of the input that waits; return how many bytes that were."""
        reader = self._reader
        piece = reader.next_piece()
        if not reader.in_message and not reader.is_over:
            request = self._repeated_head.match(piece)
            if request is not None:
                self.request_received(request)
                return len(piece)
        self._read_piece(piece)
        return len(piece)

    def _has_waiting(self) -> bool:
        """Return whether requests or input wait, or the connection is closing."""
        return bool(self._queue or self._reader.unparsed) or self._closing

    def _await_request(self) -> None:
        if self._write_blocked:
            self._watch_unread()
            return
        if self._reader.upload is not None:
            self.deadline = NEVER
            self._watch_body()
            return
        partial = self._reader.in_message
        seconds = self._port.timeouts.head_seconds if partial else self._idle_seconds
        self.deadline = monotonic() + seconds

    def _abandon(self) -> None:
        self._closes = True
        exchanges = (self._current, *self._queue)
        self._queue.clear()
        self._reader.unparsed = NOTHING
        self._current = None
        for exchange in exchanges:
            if exchange is not None:
                exchange.client_lost()

    # --- the client, for exchanges

    def bind(self, pool: Pool) -> BoundConnections:
        """Reserve connections of *pool* that serve this client for it alone from now on."""
        bound = self.bound = self.bound or BoundConnections()
        bound.begin(pool)
        return bound

    def takes_no_more(self) -> bool:
        """Return whether the client has enough to read, so that the upstream must wait."""
        return self._write_blocked

    def exchange_done(self, now: float) -> None:
        """Start the next request, or close."""
        self._current = None
        reader = self._reader
        if self._closes or (self._half_closed and not self._queue and not reader.unparsed):
            self._close()
        elif self._queue or reader.unparsed or self._held:
            self._held = False  # the upload that held it is over
            self._advance()
        elif reader.in_message or self._write_blocked:
            self._await_request()
        else:
            # The usual end. The idle timeout costs no timer, only this number.
            self.deadline = now + self._idle_seconds

    def pause_reading(self) -> None:
        """Stop reading until ``resume_reading``."""
        self._held = True
        if not self._write_blocked and self._tunnel is None:
            self.deadline = NEVER
        self._update_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
        self._held = False
        self._update_reading()
        self._watch_body()
        if self._reader.unparsed:
            self._advance()

    def consumed(self, size: int) -> None:
        """Note that a part of a body waits no longer: in HTTP/1.1, no credit is given for it."""

    def _update_reading(self) -> None:
        paused = (self._held or bool(self._queue or self._reader.unparsed)) and not self._closing
        if paused == self._paused or self.transport.is_closing():
            return
        self._paused = paused
        if paused:
            self._stop_body_clock()
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
            self._watch_body()

    def begin_tunnel(self, tunnel: Tunnel, protocol: bytes, fields: bytes) -> None:
        """Switch to *protocol* (RFC 9110 §15.2.2), and forward all further bytes as they are."""
        self._tunnel = tunnel
        self._closes = True
        self._request_view = self._buffer_view
        if not self._write_blocked:
            self.deadline = monotonic() + self._port.timeouts.tunnel_seconds
        switch = b"\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
        self.write(STATUS_LINES[101] + fields + switch)

    def end_writing(self) -> bool:
        """Close the sending half; return False if that is impossible, as with TLS."""
        self._port.write_buffer.flush()
        if not self.transport.can_write_eof():
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    # --- responses, for exchanges

    def interim(self, status: int, fields: bytes) -> None:
        """Send an interim response; HTTP/1.0 does not know them (RFC 9110 §15.2)."""
        exchange = self._current
        if exchange is not None and exchange.request.is_http11:
            self.write(b"%b%b\r\n\r\n" % (STATUS_LINES[status], fields))

    def whole(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Send a response that has come whole."""
        exchange = self._current
        if (
            exchange is not None
            and exchange.request.keep_alive
            and (exchange.upload is None or exchange.upload.complete)
            and not self._port.is_draining
            and (length is not None or not has_body)
        ):
            write = self.write  # a local: a slot that is called directly costs twice as much
            write(b"%b%b\r\n\r\n%b" % (STATUS_LINES[status], fields, data))
        else:
            self.begin(status, fields, length, has_body, data)
            self.end()

    def begin(
        self, status: int, fields: bytes, length: int | None, has_body: bool, data: bytes
    ) -> None:
        """Frame the body for this client, and send the head with the first piece of it."""
        exchange = self._current
        if exchange is None:
            return
        request, upload = exchange.request, exchange.upload
        # An early response is the last one, too: the rest of the body is not read.
        closes = (
            not request.keep_alive
            or (upload is not None and not upload.complete)
            or (self._port.is_draining and self._has_no_more())
        )
        framing = b""
        if length is None and has_body:
            if request.is_http11:
                self._is_chunked = True
                framing = b"\r\nTransfer-Encoding: chunked"
            else:
                closes = True
        self._closes = closes
        if closes:
            framing += b"\r\nConnection: close"
        head = b"%b%b%b\r\n\r\n" % (STATUS_LINES[status], fields, framing)
        if self._is_chunked and data:
            self.write((b"%b%x\r\n" % (head, len(data)), data, b"\r\n"))
        else:
            self.write(head + data)

    def body(self, data: bytes) -> None:
        """Send a piece of the body."""
        if self._is_chunked:
            self.write((b"%x\r\n" % len(data), data, b"\r\n"))  # RFC 9112 §7.1
        else:
            self.write(data)

    def end(self, trailers: bytes = b"") -> None:
        """End the response; only a chunked one can have *trailers* (RFC 9112 §7.1.2)."""
        if self._is_chunked:
            self._is_chunked = False
            self.write(b"0%b\r\n\r\n" % trailers)

    def end_early(self) -> None:
        """End a response before its upstream does."""
        if self._is_chunked:
            # The last chunk makes it a whole response to the client. A reset could discard events
            # that were sent but not read yet.
            self.end()
            self._closes = self._closes or (self._port.is_draining and self._has_no_more())
        else:
            self._closes = True

    def respond(
        self, status: int, fields: bytes, body: bytes, must_close: bool = False, more: bytes = b""
    ) -> None:
        """Send a whole response of the gateway's own."""
        exchange = self._current
        if exchange is None:
            return
        request, upload = exchange.request, exchange.upload
        self._closes = closes = (
            must_close
            or not request.keep_alive
            or request.wants_upgrade
            or not (upload is None or upload.complete or request.body_ends_soon())
            or (self._port.is_draining and self._has_no_more())
        )
        self.write(render_response(status, fields, body, closes, more))

    def _has_no_more(self) -> bool:
        """Return whether no request came after the current one, or none will be answered."""
        reader = self._reader
        return self._drain_expired or not (reader.is_in_head() or self._queue or reader.unparsed)

    def cut(self) -> None:
        """Reset the connection after a response that is not complete."""
        self._closes = True
        self.abort()

    def abort(self) -> None:
        """Reset the connection: HTTP/1.0 would take a mere close for the end of the body."""
        self._closing = True
        reset(self.transport)

    # --- timeouts

    def check_exchange(self, now: float) -> None:
        """Give up the exchange if the client has left, or the total timeout has passed."""
        exchange = self._current
        if exchange is None:
            return
        if (self._paused or self._half_closed) and self._has_left():
            self._client_left()
            return
        if isinstance(exchange, GrpcCall):
            exchange.check(now)
            return
        exchange.check_total(now)

    def _has_left(self) -> bool:
        """Return whether the client has left; nothing is read from it that would show it."""
        half_close = self._half_closed or self._tunnel is not None or self._port.serves_half_closed
        return has_left(self.transport, by_half_close=not half_close)

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        now, self.deadline = monotonic(), NEVER
        if self._closing:
            self._expire_closing(now)
        elif self._write_blocked:
            self._expire_unread(now)
        elif self._reader.upload is not None:
            self._expire_body(self._reader.upload, now)
        elif self._current is not None:
            self._expire_tunnel(self._current, now)
        elif self._reader.in_message:
            self._reader.is_over = True
            self._refuse_fault(Fault(Reason.REQUEST_TIMEOUT, "the head did not arrive in time"))
        else:
            self._close()

    def _watch_unread(self) -> None:
        """Require that the client reads what was written for it, at the minimum rate."""
        output = self._unread_output
        if output is None:
            seconds = self._port.timeouts.body_seconds
            output = self._unread_output = UnreadOutput(self.transport, seconds)
        now = monotonic()
        output.start(now, self._read_rate())
        self.deadline = now + output.look_seconds

    def _read_rate(self) -> int | None:
        """Return the minimum rate of the response that waits, which may be over."""
        exchange = self._current or self._last
        return self._port.limits.read_rate if exchange is None else exchange.read_rate()

    def _expire_unread(self, now: float) -> None:
        """Cut the connection if the client reads too slowly."""
        output = self._unread_output
        if output is not None and output.is_fast_enough(now, self._read_rate()):
            self.deadline = now + output.look_seconds
        elif self._current is not None:
            self._current.expire_unread()
        else:
            self.abort()

    def _watch_body(self) -> None:
        """Require that the client sends its body at the minimum rate, unless it has to wait."""
        reader = self._reader
        upload = reader.upload
        if upload is None:
            return
        pace = upload.pace
        if pace is not None and pace.is_running and self.deadline != NEVER:
            return
        if self._write_blocked or self._held or self._queue or reader.unparsed or self._closing:
            return
        if not upload.is_awaited():
            return
        if pace is None:
            seconds = self._port.timeouts.body_seconds
            pace = upload.pace = Pace(seconds, upload.received_bytes)
        now = monotonic()
        pace.start(now, upload.received_bytes, self._body_rate())
        self.deadline = now + pace.look_seconds

    def _stop_body_clock(self) -> None:
        """Stop the clock of the body: the client has to wait, so it is not slow."""
        upload = self._reader.upload
        if upload is not None and upload.pace is not None:
            upload.pace.stop(monotonic())

    def _body_rate(self) -> int | None:
        exchange = self._current
        return self._port.limits.body_rate if exchange is None else exchange.body_rate()

    def _expire_body(self, upload: Upload, now: float) -> None:
        """Give up a request whose body comes too slowly."""
        pace = upload.pace
        if pace is None or not pace.is_running:
            self._watch_body()
        elif pace.is_fast_enough(now, upload.received_bytes, self._body_rate()):
            self.deadline = now + pace.look_seconds
        elif self._current is not None:
            self._current.expire()
        else:
            self._close()  # the rest of a body that was refused

    def _expire_tunnel(self, exchange: Exchange, now: float) -> None:
        """Cut a silent tunnel; anything else waits for the upstream, which has timeouts itself."""
        if self._tunnel is None:
            return
        ends_at = self._tunnel.active_at + self._port.timeouts.tunnel_seconds
        if ends_at > now:
            self.deadline = ends_at
        else:
            exchange.expire()

    # --- closing

    def _close(self) -> None:
        """Close after the last response; linger if the client may still be sending."""
        reader = self._reader
        # While draining, because only the response tells the client to send no more.
        linger = reader.is_over or reader.in_message or self._port.is_draining
        self._closing = True
        reader.is_over = True  # neither is the rest of the same piece read
        self._abandon()
        self._port.write_buffer.flush()
        self._unread_output = None
        if self.transport.get_write_buffer_size():
            self._watch_unread()
        else:
            self.deadline = monotonic() + self._port.timeouts.body_seconds
        if self.transport.is_closing():
            return  # the client has ended, or the connection is lost
        if linger and self._tunnel is None and self.transport.can_write_eof():
            if self._unread_output is None:
                self.deadline = monotonic() + _LINGER_SECONDS
            self._update_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def _expire_closing(self, now: float) -> None:
        """Cut a connection that is closing, unless the client still reads what is left."""
        output = self._unread_output
        before = 0 if output is None else output.unsent_bytes
        if output is None or not before:
            self.transport.abort()
            return
        is_fast_enough = output.is_fast_enough(now, self._read_rate())
        if not output.unsent_bytes:
            self.deadline = now + _LINGER_SECONDS
        elif is_fast_enough:
            self.deadline = now + output.look_seconds
        else:
            self.abort()  # a mere close would make a truncated response look complete

    # --- reload and drain

    def use(self, port: Port) -> None:
        """Switch to *port* after a reload; the request in flight keeps its own.

        Queued requests switch: they may wait for hours, and must not be decided by a policy, and
        with keys, that are no longer valid.
        """
        self._port = port
        self._idle_seconds = port.timeouts.idle_seconds
        peer = self.peer
        self.peer = Peer(peer.address, peer.proto, port.trusted_proxies, port.via)
        self._reader.use(port.names, port.limits)
        for exchange in self._queue:
            exchange.use(port)

    def requests_in_flight(self) -> int:
        """Return the number of requests in flight: those that wait for others are not."""
        return 0 if self._current is None else 1

    def close_when_idle(self) -> None:
        """Close once idle for as long as the port says now; a request in flight may finish."""
        self._idle_seconds = seconds = self._port.timeouts.idle_seconds
        if self._current is None and not self._reader.in_message and not self._has_waiting():
            self.deadline = min(self.deadline, monotonic() + seconds)

    def lasts(self) -> bool:
        """Return whether the request in flight is a tunnel or an event stream."""
        return self._current is not None and self._current.lasts()

    def end_lasting(self) -> None:
        """Begin to end a tunnel or an event stream."""
        if self._current is not None:
            self._current.end_lasting()

    def end_now(self) -> None:
        """Close now; what was written is still sent."""
        if self._closing:
            return
        self._drain_expired = True
        if self._current is None:
            self._close()
        else:
            self._current.end_now()
