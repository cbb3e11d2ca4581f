"""A client's connection: requests in, responses out, in the order of the requests."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import Any, Final, cast

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.faults import EarlyBytes, Fault
from gateway.http.reading.forwarding import is_trusted
from gateway.http.reading.head_builder import PIECE_BYTES
from gateway.http.reading.request import Request
from gateway.http.writing.refusal import render_refusal
from gateway.http.writing.request_head import render_forwarding
from gateway.limits.bucket_key import network_of
from gateway.proxy.client.backlog import Backlog
from gateway.proxy.client.clients import READ_BYTES, Clients
from gateway.proxy.client.request_reader import NOTHING, RequestReader
from gateway.proxy.exchange.admit import admit
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.port import Port
from gateway.proxy.recording.record import record_refused
from gateway.proxy.recording.record_spans import record_refused_span
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.departure import has_left
from gateway.proxy.transport.pace import Pace
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.transport.write_buffer import Piece
from gateway.proxy.upstream.bound_connections import BoundConnections
from gateway.proxy.upstream.connection import NEVER
from gateway.proxy.upstream.pool import Pool
from gateway.telemetry.tracing.tracer import RecordedTrace

# A piece with more requests than this is read one request at a time: they take twenty times the
# memory of their bytes. Smaller pieces cannot hold so many, and are not searched.
_SEVERAL: Final = 8
_SEVERAL_BYTES: Final = 256

# Pipelined requests started, and bytes of input read, in one iteration of the event loop: other
# connections are served in between.
_REQUESTS_A_TURN: Final = 64
_BYTES_A_TURN: Final = 32 * 1024

# After so many responses to pipelined requests, what is written is sent.
_SENT_TOGETHER: Final = 16

# If a client does not read, this much waits in the gateway; then its upstream, or its next
# request, waits.
WAITING_BYTES: Final = 16 * 1024

# While reading is paused, this much may wait to be decrypted: two records of TLS.
_ENCRYPTED_BYTES: Final = 32 * 1024

# After a refusal with the body still coming: how long input is read and dropped, so that the
# client gets to read the response before the connection is reset (RFC 9112 §9.6).
_LINGER_SECONDS: Final = 2.0

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


class ClientConnection(asyncio.BufferedProtocol):
    """Speaks HTTP/1.1 with one client.

    Requests are answered one at a time, in the order they came (RFC 9112 §9.3.2). Input is read
    no faster than it is used: ``_current`` is the exchange being answered, those in ``_queue``
    were pipelined behind it, and the reader keeps the input behind those as bytes.

    *clients* are all connections of the listener, which read into one buffer.
    """

    __slots__ = (
        "__weakref__",  # for the connections in a TLS handshake, see Clients
        "_advancing",
        "_backlog",
        "_buffer",
        "_buffer_view",
        "_clients",
        "_closing",
        "_current",
        "_drain_expired",
        "_forwarding",
        "_forwarding_host",
        "_half_closed",
        "_held",
        "_idle_seconds",
        "_last",
        "_paused",
        "_port",
        "_queue",
        "_reader",
        "_repeated_head",
        "_request_view",
        "_started",
        "_tunnel",
        "_write_blocked",
        "bound",
        "deadline",
        "is_trusted",
        "peer",
        "peer_bytes",
        "proto",
        "transport",
        "write",
    )

    def __init__(self, port: Port, clients: "Clients[ClientConnection]") -> None:
        self._port = port
        self._clients = clients
        # Two look-ups less for each read than by way of `clients`.
        self._buffer = clients.buffer
        self._buffer_view = clients.view
        self._request_view = clients.request_view
        # Requests, in order.
        self._current: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._last: Exchange | None = None  # read last, as long as it may still fail
        self._started = 0  # requests, in this iteration of the event loop
        self._advancing = False  # no recursion
        self._tunnel: Tunnel | None = None
        self.bound: BoundConnections | None = None
        # How it stands.
        self._held = False  # an upstream cannot take more of a body
        self._paused = False  # reading from the transport
        self._write_blocked = False  # the client does not read
        self._half_closed = False
        self._closing = False
        self._drain_expired = False  # no time is left for what has not started
        self._backlog: Backlog | None = None  # once it had to wait for the client to read
        self._idle_seconds = port.timeouts.idle_seconds
        self.deadline = NEVER
        # What the last plain request was forwarded with, and its Host.
        self._forwarding = b""
        self._forwarding_host = b""

    # --- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or refuse it if there are too many."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(WAITING_BYTES)
        # A method would cost a second call for each write.
        self.write: Callable[[Piece], object] = partial(self._port.outbox.put, self.transport)
        port = self._port.latest()  # a handshake may outlast a reload
        # Only now: reader and connection refer to each other until connection_lost, which is
        # not called if the TLS handshake fails.
        self._reader = RequestReader(self, port.names, port.limits)
        self._repeated_head = self._reader.repeated_head
        peername = transport.get_extra_info("peername")
        self.peer: str = peername[0].removeprefix("::ffff:") if peername else ""
        self.peer_bytes = self.peer.encode()
        self.proto = b"http" if transport.get_extra_info("sslcontext") is None else b"https"
        if self.proto == b"https":
            cast(Any, transport).set_read_buffer_limits(_ENCRYPTED_BYTES)
        self.use(port)
        of_its_network = self._clients.add(self, network_of(self.peer_bytes))
        self.deadline = monotonic() + port.timeouts.head_seconds
        if port.is_draining:
            self.close_when_idle()
        port.metrics.connections_open += 1
        port.metrics.connections_total += 1
        per_address = port.limits.connections_per_address
        if self._clients.served > port.limits.connections:
            port.metrics.connections_refused += 1
            self._refuse_connection(port, "too many connections")
        elif per_address is not None and of_its_network > per_address and not self.is_trusted:
            port.metrics.connections_refused_by_address += 1
            self._refuse_connection(port, "too many connections from this address")

    def _refuse_connection(self, port: Port, detail: str) -> None:
        """Refuse to serve; a refused connection does not count, however long it lingers."""
        self._clients.refuse(self)
        request_id = b"%b%09x" % (port.id_prefix, next(port.ids))
        deny = Deny(Reason.OVERLOADED, detail)
        self.write(render_refusal(deny, request_id, time(), False, True))
        self._reader.is_over = True  # else a request would reset the connection before it is read
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
        """Give up all requests; or answer them and then close, if the port says so.

        A client that closes its connection, and one that closes only its sending half, look the
        same. A request cut short is given up in any case; those in front of it came whole.
        """
        if self._tunnel is not None:
            self._tunnel.client_ended()
            return self.proto != b"https"  # TLS has no half of a connection to close
        reader = self._reader
        is_waiting = self._current is not None or bool(self._queue or reader.unparsed)
        may_go_on = self._port.answers_half_closed and self.proto != b"https"
        if may_go_on and is_waiting and not self._closing and reader.upload is None:
            self._half_closed = True
            reader.is_over = reader.is_over or reader.in_message
            return True
        self._port.outbox.flush()  # the last response, before the transport is closed
        if is_waiting and not self._closing:
            self._client_left()
        return False

    def _client_left(self) -> None:
        """Give up all requests at once: what was written may take its time to be sent."""
        exchange = self._current
        self._closing = True
        if exchange is not None and exchange.is_answering():
            self.abort()  # a mere close would make a truncated response look complete
        else:
            self.transport.close()
        self._abandon()

    def pause_writing(self) -> None:
        """Slow down the upstream."""
        self._write_blocked = True
        self._stop_body_clock()
        self._watch_backlog()
        if self._current is not None:
            self._current.client_blocked()

    def resume_writing(self) -> None:
        """Let the upstream go on, or start the next request."""
        self._write_blocked = False
        if self._closing:
            return
        if self._backlog is not None:
            self._backlog.stop(monotonic())
        if self._tunnel is None:
            self.deadline = NEVER
        if self._current is not None:
            self._current.client_ready()
            self._watch_body()
        else:
            self._await_request()
            self._advance()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read into: a large buffer only for a body that is being forwarded."""
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
            # Most requests repeat the last one on the connection to the byte. So that is asked
            # first, in the buffer itself: neither a copy nor the parser is needed for them.
            repeated = self._repeated_head
            if size == repeated.whole_bytes and self._buffer.startswith(repeated.whole):
                self._admit_plain(repeated.repeat())
                return
            data = self._buffer_view[:size].tobytes()
            request = repeated.match(data)
            if request is not None:
                self._admit_plain(request)
                return
        if (
            reader.unparsed
            or (size > PIECE_BYTES and reader.piece_bytes(size) < size)
            or (
                size > _SEVERAL_BYTES
                and reader.upload is None
                and data.count(b"\r\n\r\n") > _SEVERAL
            )
        ):
            reader.put_off(data)
            self._advance()
            return
        self._started = 0
        self._read_piece(data)

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
        if reader.upload is not None:
            self._watch_body()
        elif self._current is None and reader.in_message:
            # Set by the first piece of a head, and not moved by the next ones.
            self.deadline = min(self.deadline, monotonic() + self._port.timeouts.head_seconds)

    def _admit_plain(self, request: Request) -> None:
        """Admit a plain request that repeats the last one; refuse it without an exchange."""
        port = self._port
        if self._current is not None or self._queue or self._write_blocked or port.is_draining:
            self.request_received(request)
            return
        now = monotonic()
        verdict = admit(port, request)
        if (
            type(verdict) is not Deny  # a third of the price of isinstance, and Deny is final
            or verdict.route is None
            or (port.edits_answers and port.routes[verdict.route.index].options.cors is not None)
        ):
            self._last = self._current = exchange = Exchange(port, self, request)
            self.deadline = NEVER
            exchange.act(verdict)
            return
        request_id = b"%b%09x" % (port.id_prefix, next(port.ids))
        write = self.write  # by way of a local: half the price of `self.write(…)`
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
        except Exception as bug:  # the client has its response
            report_bug("a request could not be recorded", bug)

    def request_received(self, request: Request) -> Upload | None:
        """Start a request, or queue it behind those before it."""
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
        elif self._started >= _REQUESTS_A_TURN or port.is_draining:
            # While draining, only once it is known whether more came with it: the last response
            # says that the connection ends.
            exchange.waited = True
            self._queue.append(exchange)
            asyncio.get_running_loop().call_soon(self._advance)
        else:
            self._start(exchange)
        return exchange.upload

    def body_ended(self) -> None:
        """Wait no longer for the body; if it was refused already, wait for a request."""
        if self._write_blocked:
            return
        self.deadline = NEVER
        if self._current is None:
            self._await_request()

    def _refuse_fault(self, fault: Fault) -> None:
        """Refuse what cannot be read, in its turn."""
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
        """Fail the request read last, once those in front of it are answered."""
        last = self._last
        if last is not None and last is self._current:
            last.fail(deny)
        elif last is not None:
            last.request.fields.find(deny.reason, deny.detail)

    # --- pipelining

    def _start(self, exchange: Exchange) -> None:
        self._started += 1
        if self._started > _SENT_TOGETHER and self._started % _SENT_TOGETHER == 1:
            self._port.outbox.flush()  # only sending shows that the client does not read
            if self._write_blocked:
                exchange.waited = True
                self._queue.appendleft(exchange)
                self._update_reading()
                return
        self._current = exchange
        self.deadline = NEVER
        exchange.begin()

    def _advance(self) -> None:
        """Start the next requests until one has to wait.

        An exchange that ends at once calls this again: a loop takes its place, since a thousand
        pipelined requests would be as many levels of recursion.
        """
        if self._advancing:
            return
        self._advancing = True
        self._started = read_bytes = 0
        reader = self._reader
        while self._started < _REQUESTS_A_TURN and read_bytes < _BYTES_A_TURN:
            if self._queue:
                if self._current is not None or self._write_blocked or self._closing:
                    break
                self._start(self._queue.popleft())
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
        """Return whether input waits that no request was started from, or the end is near."""
        return bool(self._queue or self._reader.unparsed) or self._closing

    def _await_request(self) -> None:
        if self._write_blocked:
            self._watch_backlog()
            return
        if self._reader.upload is not None:
            self.deadline = NEVER
            self._watch_body()
            return
        partial = self._reader.in_message
        seconds = self._port.timeouts.head_seconds if partial else self._idle_seconds
        self.deadline = monotonic() + seconds

    def _abandon(self) -> None:
        exchanges = (self._current, *self._queue)
        self._queue.clear()
        self._reader.unparsed = NOTHING
        self._current = None
        for exchange in exchanges:
            if exchange is not None:
                exchange.client_lost()

    # --- the client, as exchanges see it

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say for whom it is forwarded, and by whom, as whole lines."""
        host = request.fields.host
        if request.is_plain and host == self._forwarding_host:
            return self._forwarding
        via = self._port.via
        lines = render_forwarding(request, self.peer, self.is_trusted, self.proto, via)
        if request.is_plain:
            self._forwarding_host = host
            self._forwarding = lines
        return lines

    def bind(self, pool: Pool) -> BoundConnections:
        """Keep connections of *pool* that serve this client for it alone from now on."""
        bound = self.bound = self.bound or BoundConnections()
        bound.begin(pool)
        return bound

    def write_chunk(self, data: bytes) -> None:
        """Send *data* as one chunk (RFC 9112 §7.1)."""
        self.write((b"%x\r\n" % len(data), data, b"\r\n"))

    def takes_no_more(self) -> bool:
        """Return whether the client has enough to read, so that its upstream is to wait."""
        return self._write_blocked

    def has_more(self) -> bool:
        """Return whether input came behind the current request that is to be answered."""
        if self._drain_expired:
            return False
        reader = self._reader
        return reader.is_in_head() or bool(self._queue or reader.unparsed)

    def exchange_done(self, close: bool, now: float) -> None:
        """Start the next request, or close."""
        self._current = None
        reader = self._reader
        if close or (self._half_closed and not self._queue and not reader.unparsed):
            self._close()
        elif self._queue or reader.unparsed or self._held:
            self._held = False  # by an upload that is over; another one holds again
            self._advance()
        elif reader.in_message or self._write_blocked:
            self._await_request()
        else:
            # The usual end of a request: a number is all that the idle timeout costs.
            self.deadline = now + self._idle_seconds

    def hold(self) -> None:
        """Read no more until ``go_on``."""
        self._held = True
        if not self._write_blocked and self._tunnel is None:
            self.deadline = NEVER
        self._update_reading()

    def go_on(self) -> None:
        """Read again."""
        self._held = False
        self._update_reading()
        self._watch_body()
        if self._reader.unparsed:
            self._advance()

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

    def begin_tunnel(self, tunnel: Tunnel) -> None:
        """Pass on all further bytes as they are."""
        self._tunnel = tunnel
        self._request_view = self._buffer_view
        if not self._write_blocked:
            self.deadline = monotonic() + self._port.timeouts.tunnel_seconds

    def end_writing(self) -> bool:
        """Close the sending half; return False if that is impossible, as with TLS."""
        self._port.outbox.flush()
        if not self.transport.can_write_eof():
            return False
        if not self.transport.is_closing():
            self.transport.write_eof()
        return True

    def abort(self) -> None:
        """Reset the connection: to HTTP/1.0 a mere close is the end of a body."""
        self._closing = True
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):  # it is closed already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    # --- timeouts

    def check_exchange(self, now: float) -> None:
        """Give up the exchange if the client left, or if it takes too long and need not last."""
        exchange = self._current
        if exchange is None:
            return
        if (self._paused or self._half_closed) and self._has_left():
            self._client_left()
            return
        if exchange.lasts():
            return
        if exchange.started_at + exchange.total_seconds() >= now:
            return
        if exchange.request_complete():
            exchange.fail(Deny(Reason.UPSTREAM_TIMEOUT, "the exchange took too long in all"))
        else:
            exchange.fail(Deny(Reason.REQUEST_TIMEOUT, "the exchange took too long in all"))

    def _has_left(self) -> bool:
        """Return whether a client has left, although nothing is read from it."""
        half_close = self._half_closed or self._tunnel is not None or self._port.answers_half_closed
        return has_left(self.transport, by_half_close=not half_close)

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        now, self.deadline = monotonic(), NEVER
        if self._closing:
            self._expire_closing(now)
        elif self._write_blocked:
            self._expire_backlog(now)
        elif self._reader.upload is not None:
            self._expire_body(self._reader.upload, now)
        elif self._current is not None:
            self._expire_tunnel(self._current, now)
        elif self._reader.in_message:
            self._reader.is_over = True
            self._refuse_fault(Fault(Reason.REQUEST_TIMEOUT, "the head did not arrive in time"))
        else:
            self._close()

    def _watch_backlog(self) -> None:
        """Require that the client reads what was written for it, at a minimum rate."""
        backlog = self._backlog
        if backlog is None:
            seconds = self._port.timeouts.body_seconds
            backlog = self._backlog = Backlog(self.transport, seconds)
        now = monotonic()
        backlog.start(now, self._read_rate())
        self.deadline = now + backlog.look_seconds

    def _read_rate(self) -> int | None:
        """Return the minimum rate of the response that waits, which may be over."""
        exchange = self._current or self._last
        return self._port.limits.read_rate if exchange is None else exchange.read_rate()

    def _expire_backlog(self, now: float) -> None:
        """Cut the connection if the client reads too slowly."""
        backlog = self._backlog
        if backlog is not None and backlog.is_fast_enough(now, self._read_rate()):
            self.deadline = now + backlog.look_seconds
        elif self._current is not None:
            self._current.expire_unread()
        else:
            self.abort()

    def _watch_body(self) -> None:
        """Require that the client sends its body at a minimum rate, if only that is waited for."""
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
        """Stop the clock of the body: the client cannot send now, so it is not slow."""
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
        elif pace.holds(now, upload.received_bytes, self._body_rate()):
            self.deadline = now + pace.look_seconds
        elif self._current is not None:
            self._current.expire()
        else:
            self._close()  # the rest of a body that was refused

    def _expire_tunnel(self, exchange: Exchange, now: float) -> None:
        """Cut a silent tunnel; without one, it is the upstream that is waited for."""
        if self._tunnel is None:
            return
        ends_at = self._tunnel.active_at + self._port.timeouts.tunnel_seconds
        if ends_at > now:
            self.deadline = ends_at
        else:
            exchange.expire()

    # --- closing

    def _close(self) -> None:
        """Close behind the last response; linger if the client may still be sending."""
        reader = self._reader
        # While draining, because a client learns only from its response that no more is taken.
        linger = reader.is_over or reader.in_message or self._port.is_draining
        self._closing = True
        reader.is_over = True  # what came behind in the same piece is not read either
        self._abandon()
        self._port.outbox.flush()
        self._backlog = None
        if self.transport.get_write_buffer_size():
            self._watch_backlog()
        else:
            self.deadline = monotonic() + self._port.timeouts.body_seconds
        if self.transport.is_closing():
            return  # by the client's FIN, behind what it may never read; or else as good as gone
        if linger and self._tunnel is None and self.transport.can_write_eof():
            if self._backlog is None:
                self.deadline = monotonic() + _LINGER_SECONDS
            self._update_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def _expire_closing(self, now: float) -> None:
        """Cut a connection that is closing, unless the client still reads what is left."""
        backlog = self._backlog
        before = 0 if backlog is None else backlog.unsent_bytes
        if backlog is None or not before:
            self.transport.abort()
            return
        is_fast_enough = backlog.is_fast_enough(now, self._read_rate())
        if not backlog.unsent_bytes:
            self.deadline = now + _LINGER_SECONDS
        elif is_fast_enough:
            self.deadline = now + backlog.look_seconds
        else:
            self.abort()  # a mere close would make a truncated response look complete

    # --- reload and drain

    def use(self, port: Port) -> None:
        """Switch to *port*; the request that is being answered keeps its own.

        Queued requests switch too: they may wait for hours, under a policy, and with keys, that
        are no longer valid.
        """
        self._port = port
        self._idle_seconds = port.timeouts.idle_seconds
        self.is_trusted = is_trusted(self.peer, port.trusted_proxies)
        self._forwarding = self._forwarding_host = b""
        self._reader.use(port.names, port.limits)
        for exchange in self._queue:
            exchange.use(port)

    def is_busy(self) -> bool:
        """Return whether a request is being answered."""
        return self._current is not None

    def close_when_idle(self) -> None:
        """Close once idle for as long as the port says by now; requests in flight may finish."""
        self._idle_seconds = seconds = self._port.timeouts.idle_seconds
        if self._current is None and not self._reader.in_message and not self._has_waiting():
            self.deadline = min(self.deadline, monotonic() + seconds)

    def lasts(self) -> bool:
        """Return whether the request in flight is a tunnel, or a stream of events."""
        return self._current is not None and self._current.lasts()

    def end_lasting(self) -> None:
        """Begin to end a tunnel, or a stream of events."""
        if self._current is not None:
            self._current.take_leave()

    def end_now(self) -> None:
        """End now; what was written is still sent."""
        if self._closing:
            return
        self._drain_expired = True
        if self._current is None:
            self._close()
        else:
            self._current.time_is_up()
