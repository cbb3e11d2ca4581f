"""A client's connection of HTTP/2 (RFC 9113): frames in, each request on a stream of its own."""

import asyncio
import os
from base64 import b64encode
from contextlib import suppress
from time import monotonic, time
from typing import Final, Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.reading.field_collector import Section
from gateway.http.reading.fields import Fields
from gateway.http.reading.h2_head import H2HeadReader
from gateway.http.reading.request import HTTP_2, Request
from gateway.http.writing.refusal import refusal_parts
from gateway.http.writing.request_head import Peer
from gateway.proxy.exchange.admit import admit
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.exchange.grpc_web_call import make_exchange
from gateway.proxy.h2.stream import Stream
from gateway.proxy.port import Port
from gateway.proxy.recording.record_spans import record_refusal
from gateway.proxy.transport.framing import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    MAX_STREAMS,
    NO_ERROR,
    Framing,
    FramingFault,
)
from gateway.proxy.transport.patience import Patience
from gateway.proxy.transport.socket_state import reset
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.unread_output import UnreadOutput
from gateway.proxy.upstream.connection import NEVER

# Input is read in pieces of at most this size: what one piece causes is bounded.
_READ_BYTES: Final = 16 * 1024

# With fewer streams none was refused: not all others can be ones that are over already.
_MANY_STREAMS: Final = MAX_STREAMS // 2

# Output is taken in pieces of this size, and so many of them in one turn of the event loop.
_WRITE_BYTES: Final = 64 * 1024
_WRITES_AT_ONCE: Final = 4

# If more than this was written that the kernel does not take, because the client does not read,
# the upstreams wait.
_UNSENT_BYTES: Final = 16 * 1024

# After the last frame: how long input is read and dropped, so that the client can read that frame
# before the connection is reset (RFC 9113 §5.4.1), and how much of it.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 256 * 1024

# How long a client has to answer to the notice of the end, before streams are refused all the same.
_NOTICE_SECONDS: Final = 5.0

_CLOSED: Final = Deny(Reason.REQUEST_MALFORMED, "malformed in HTTP/2")


class Connections(Protocol):
    """All connections of the listener."""

    view: memoryview  # of the buffer that they share

    def discard(self, client: "H2Connection") -> None:
        """Remove *client*, which is closed."""


class H2Connection(asyncio.BufferedProtocol):
    """Speaks HTTP/2 with one client, whose connection another protocol has accepted.

    *deadline* is when ``expire`` is due, by the monotonic clock; the listener looks at it.
    *write_blocked* says that the transport has too much to send.
    """

    __slots__ = (
        "_began",
        "_blocked",
        "_clients",
        "_dropped_bytes",
        "_end_announced",
        "_heads",
        "_is_calmed",
        "_is_closing",
        "_is_final",
        "_is_greeted",
        "_is_send_due",
        "_loop",
        "_new",
        "_notice_ends",
        "_patience",
        "_port",
        "_streams",
        "_touched",
        "_unread_output",
        "_view",
        "deadline",
        "framing",
        "peer",
        "transport",
        "write_blocked",
    )

    def __init__(
        self, port: Port, clients: Connections, transport: asyncio.Transport, peer: Peer
    ) -> None:
        self._port = port
        self._clients = clients
        self.transport = transport
        self.peer = _as_http_2(peer, port)
        self._loop = asyncio.get_running_loop()
        self._view = clients.view[:_READ_BYTES]
        self._heads = H2HeadReader(port.names, port.limits)
        self._streams: dict[int, Stream] = {}
        self._new: list[tuple[Stream, Request]] = []  # of the input that is being read
        self._touched: dict[int, Stream] = {}  # those with a piece of a body in it
        self._blocked: list[Stream] = []  # streams whose client has no room
        self._began = monotonic()
        self._patience = Patience(self._began)
        self._dropped_bytes = 0
        self._end_announced = self._is_final = False  # the steps of a drain
        self._notice_ends = NEVER  # when the second step is due, answered or not
        self._is_closing = self._is_send_due = self._is_greeted = False
        self._is_calmed = False  # the client has reset too much, and may open nothing more
        self.write_blocked = False
        self._unread_output: UnreadOutput | None = None
        self.deadline = NEVER

    def begin(self, data: bytes) -> None:
        """Begin with *data*, which came before this object had the transport."""
        self.transport.set_write_buffer_limits(_UNSENT_BYTES)
        self.framing = Framing.for_clients(self, self._port.limits)
        self._port.metrics.http2_connections += 1
        self.deadline = self._began + self._port.timeouts.head_seconds
        self.send_soon()
        if data:
            self._read(data)
        if self._port.is_draining or not self._port.serves_http2:
            self.close_when_idle()

    # --- the transport

    def connection_lost(self, error: Exception | None) -> None:
        """Give up all requests."""
        self._is_closing = True
        self.deadline = NEVER
        self._clients.discard(self)
        self._port.metrics.connections_open -= 1
        self._abandon()
        self.framing.release()

    def eof_received(self) -> bool:
        """Give up all requests: without the client's frames none can go on."""
        self._is_closing = True
        self._abandon()
        self._unread_output = None
        self.deadline = monotonic() + _LINGER_SECONDS  # for what was written before
        return False

    def pause_writing(self) -> None:
        """Slow down all upstreams."""
        self.write_blocked = True
        self._watch_unread()
        for stream in tuple(self._streams.values()):
            if stream.exchange is not None:
                stream.exchange.client_blocked()

    def _watch_unread(self) -> None:
        """Look from now on whether the client reads what waits for it."""
        now, output = monotonic(), self._unread_output
        if output is None:
            seconds = self._port.timeouts.body_seconds
            output = self._unread_output = UnreadOutput(self.transport, seconds)
        output.start(now, self._port.limits.read_rate)
        self.deadline = now + output.look_seconds

    def resume_writing(self) -> None:
        """Let the upstreams go on."""
        self.write_blocked = False
        if self._is_closing:
            return
        if self._unread_output is not None:
            self._unread_output.stop(monotonic())
        self._await_request()
        self._send()
        if self.write_blocked:
            return
        for stream in tuple(self._streams.values()):
            if stream.exchange is not None and not stream.takes_no_more():
                stream.exchange.client_ready()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to."""
        return self._view

    def buffer_updated(self, size: int) -> None:
        """Read frames."""
        if not self._is_closing:
            self._read(self._view[:size])
            return
        self._dropped_bytes += size
        if self._dropped_bytes > _LINGER_BYTES:
            self.abort()

    def _read(self, data: bytes | memoryview) -> None:
        patience = self._patience
        patience.received(len(data))
        self._is_send_due = True  # it is sent below, without waiting for the next turn
        try:
            self.framing.receive(data)
        except FramingFault as fault:
            self._end_for(fault.error_code, fault.last_bytes)
            return
        if len(self._streams) >= _MANY_STREAMS:
            self.framing.may_refuse = True
        if patience.is_over() and not self._calm_down():
            return
        if self._touched:
            self._pass_on()
        if self._new:
            # Only now: what the client has opened and reset at once reaches no service.
            new, self._new = self._new, []
            for stream, request in new:
                try:
                    self._start(stream, request)
                except Exception as bug:  # the other streams are somebody else's
                    report_unexpected_error("a request failed", bug)
                    stream.cut()
                    (stream.exchange or self._add_exchange(stream, request)).give_up()
        self._send()  # the library may have something to say as well

    def _pass_on(self) -> None:
        """Send what has come of bodies, each once: the end of a body is passed on once."""
        touched, self._touched = self._touched, {}
        for stream in touched.values():
            try:
                stream.pass_on()
            except Exception as bug:  # the other streams are somebody else's
                report_unexpected_error("a body could not be passed on", bug)
                self._fail_stream(stream)

    def _calm_down(self) -> bool:
        """Act on what is over the client's budget; return whether the connection goes on.

        Resets end it for new streams alone: behind a balancer it is shared, and what a service
        has received is somebody else's. Without new streams, there are few more to reset.
        """
        if not self._patience.is_over_by_resets_alone():
            self._end_for(ENHANCE_YOUR_CALM, self.framing.end(ENHANCE_YOUR_CALM))
            return False
        if not self._is_calmed:
            self._count_calmed()
            self._is_calmed = self._end_announced = True
            self._patience.allow_no_resets()
            self._refuse_more(ENHANCE_YOUR_CALM)
        new, self._new = self._new, []
        for stream, request in new:
            if stream.exchange is None and request.is_plain:
                self._add_exchange(stream, request)  # to be recorded, as one that was given up
            stream.reset(ENHANCE_YOUR_CALM)
            if stream.exchange is not None:
                stream.exchange.client_lost()
        return True

    def _count_calmed(self) -> None:
        self._port.metrics.http2_ended["calm"] += 1

    # --- what the frames say

    def head_received(self, stream_id: int, headers: Section, ends: bool) -> None:
        """Begin a request."""
        self._patience.head_received(headers)
        request = self._heads.read(headers, not ends, b"")
        is_tunnel = request.wants_upgrade
        if is_tunnel:
            key = b64encode(os.urandom(16))
            request = self._heads.read(headers, not ends, key)
        stream = self._streams[stream_id] = Stream(self, stream_id, self.peer, is_tunnel)
        stream.has_ended = ends
        stream.is_malformed = self._heads.is_malformed
        if not request.is_plain:
            self._add_exchange(stream, request)
        self._new.append((stream, request))
        if not self.write_blocked:  # else it is when to look at what the client does not read
            self.deadline = NEVER

    def _add_exchange(self, stream: Stream, request: Request) -> Exchange:
        if not request.is_plain and request.has_body():
            stream.exchange = exchange = make_exchange(self._port, stream, request)
        else:
            stream.exchange = exchange = Exchange(self._port, stream, request)
        return exchange

    def _add_unread(self, stream: Stream) -> Exchange:
        """Return the exchange of a request of which nothing is known."""
        request = Request("", b"", Fields())
        request.version, request.is_plain = HTTP_2, False
        return self._add_exchange(stream, request)

    def _start(self, stream: Stream, request: Request) -> None:
        """Admit a request; if it is plain and refused by its route, that takes no exchange."""
        exchange = stream.exchange
        if exchange is not None:
            exchange.begin()
            return
        if not request.is_plain:
            return  # the client has reset it already
        if stream.is_closed:
            self._add_exchange(stream, request).client_lost()
            return
        port, now = self._port, monotonic()
        verdict = admit(port, request)
        if (
            type(verdict) is not Deny  # cheaper than isinstance, and Deny has no subclass
            or verdict.route is None
            # Only an exchange adds the CORS fields of a route.
            or (port.edits_responses and port.routes[verdict.route.index].options.cors is not None)
        ):
            self._add_exchange(stream, request).act(verdict)
        else:
            self._refuse(stream, request, verdict, now)

    def _refuse(self, stream: Stream, request: Request, deny: Deny, began: float) -> None:
        """Respond with the refusal *deny*, and record it; the request *began* to be decided."""
        port, at = self._port, time()
        request_id = next(port.request_ids)
        fields, content = refusal_parts(deny, request_id, at)
        stream.respond(deny.reason.status, fields, b"" if request.method == "HEAD" else content)
        self._patience.response_ended()
        seconds = monotonic() - began
        record_refusal(port, stream, request, request_id, deny, at, seconds)

    def data_received(self, stream_id: int, data: bytes, ends: bool) -> None:
        """Pass on a piece of a body."""
        if data:
            self._patience.body_passed(len(data))
        elif not ends:
            self._patience.control_received()
        stream = self._streams.get(stream_id)
        if stream is None:
            if data:
                self.framing.give_credit(stream_id, len(data))
            return
        if data:
            stream.data_received(data)
        if ends:
            stream.ended()
        self._touched[stream_id] = stream

    def trailers_received(self, stream_id: int, headers: Section) -> None:
        """End a body, with trailers."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        exchange = stream.exchange
        fault = None if exchange is None else self._heads.check_trailers(headers)
        if exchange is not None and fault is not None:
            stream.is_malformed = self._heads.is_malformed
            exchange.fail(Deny(fault.reason, fault.detail))
        stream.ended(headers)
        self._touched[stream_id] = stream

    def reset_received(self, stream_id: int) -> None:
        """Give up the request."""
        stream = self._streams.get(stream_id)
        self._patience.was_reset()
        if stream is not None:
            stream.is_closed = True
            if stream.exchange is not None:
                stream.exchange.client_lost()

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        """Forget the stream; a request that the library found malformed is refused."""
        stream = self._streams.pop(stream_id, None)
        if stream is None:
            if error_code == NO_ERROR:
                return
            self._patience.was_reset()
            stream = Stream(self, stream_id, self.peer)
            self._add_unread(stream)
        was_closed, stream.is_closed = stream.is_closed, True
        exchange = stream.exchange
        if error_code != NO_ERROR and not was_closed:
            self._patience.was_reset()  # CVE-2025-8671
            if exchange is not None:
                exchange.fail(_CLOSED)
        elif exchange is not None:
            exchange.client_lost()
        if not self._streams:
            self._await_request()

    def control_received(self) -> None:
        """Note a frame about the connection alone."""
        self._patience.control_received()

    def settings_received(self) -> None:
        """Wait for requests as long as an idle connection may, once the client has said hello."""
        self._patience.control_received()
        if not self._is_greeted:
            self._is_greeted = True
            self._await_request()

    def ping_acknowledged(self) -> None:
        """Refuse more streams: the client knows by now that the connection ends."""
        self._patience.control_received()
        if self._end_announced and not self._is_final:
            self._refuse_more()

    def _refuse_more(self, error_code: int = NO_ERROR) -> None:
        self._is_final = True
        self._notice_ends = NEVER
        self.framing.refuse_more(error_code)
        self.send_soon()

    def stream_failed(self, stream_id: int, bug: Exception) -> None:
        """Reset the stream, and record its request as one that failed."""
        report_unexpected_error("a stream failed", bug)
        stream = self._streams.get(stream_id)
        if stream is None:
            if self.framing.is_closed(stream_id):
                self._await_request()
                return
            stream = self._streams[stream_id] = Stream(self, stream_id, self.peer)
            self._add_unread(stream)
        self._fail_stream(stream)

    def _fail_stream(self, stream: Stream) -> None:
        exchange = stream.exchange
        stream.cut()
        if exchange is None:
            request = next((one for other, one in self._new if other is stream), None)
            if request is None or not request.is_plain:
                return  # it is over
            exchange = self._add_exchange(stream, request)
        self._new = [new for new in self._new if new[0] is not stream]
        exchange.give_up()

    def streams_refused(self, count: int) -> None:
        """Count streams over the limit."""
        self._port.metrics.http2_streams_refused += count

    def connection_closed(self) -> None:
        """Close once this turn is over: the client or we have said that this is the end."""
        self._loop.call_soon(self._close)

    # --- what the streams say

    def send_soon(self) -> None:
        """Send what the streams have written, once for this turn of the event loop."""
        if not self._is_send_due:
            self._is_send_due = True
            self._loop.call_soon(self._send)

    def hold_back(self, stream: Stream) -> None:
        """Look at *stream* again whenever something was sent."""
        self._blocked.append(stream)

    def body_passed(self, size: int) -> None:
        """Allow the client what belongs to a piece of a body."""
        self._patience.body_passed(size // 16)

    def response_ended(self, stream: Stream, now: float) -> None:
        """Note that the exchange of *stream* is over."""
        if not stream.is_closed:
            self._patience.response_ended()
            if not stream.has_ended:
                self._blocked.append(stream)  # to end its other half, once all is sent

    def _send(self) -> None:
        self._is_send_due = False
        if self._is_closing:
            return
        transport, framing = self.transport, self.framing
        writes = 0
        try:
            while not self.write_blocked:
                data = framing.take(_WRITE_BYTES)
                if data:
                    transport.write(data)
                if len(data) < _WRITE_BYTES:
                    break
                writes += 1
                if writes == _WRITES_AT_ONCE:
                    self.send_soon()
                    break
        except FramingFault as fault:
            self._end_for(fault.error_code, fault.last_bytes)
            return
        if self._blocked:
            self._look_at_blocked()
        if self._is_final and not self._streams:
            self._close()

    def _look_at_blocked(self) -> None:
        """Let streams with room go on, and end the other half of those whose response is sent."""
        blocked, self._blocked = self._blocked, []
        for stream in blocked:
            if stream.exchange is not None:
                if not stream.check_room():
                    self._blocked.append(stream)
            elif stream.is_sent():
                stream.refuse_rest()
            elif not stream.is_closed:
                self._blocked.append(stream)

    # --- timeouts

    def check_exchange(self, now: float) -> None:
        """Give up what takes too long on each stream, and what time allows give back."""
        if self._is_closing:
            return
        self._patience.elapse(now)
        for stream in tuple(self._streams.values()):
            try:
                stream.check(now, self._port)
            except Exception as bug:  # the timeouts of the other streams must hold
                report_unexpected_error("unexpected error in the timeout of a stream", bug)
                stream.reset(CANCEL)
        if (self._port.is_draining or self.framing.has_leaked()) and not self._end_announced:
            self._announce_end()
        elif self._notice_ends < now:
            self._refuse_more()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        now, self.deadline = monotonic(), NEVER
        output = self._unread_output
        if self._is_closing and (output is None or not self.transport.get_write_buffer_size()):
            self.transport.abort()
        elif (self.write_blocked or self._is_closing) and output is not None:
            if output.is_fast_enough(now, self._port.limits.read_rate):
                self.deadline = now + output.look_seconds
            else:
                self._expire_unread()
        elif not self._streams:
            self._end_for(NO_ERROR, self.framing.end(NO_ERROR))

    def _expire_unread(self) -> None:
        for stream in tuple(self._streams.values()):
            if stream.exchange is not None:
                stream.exchange.expire_unread()
        self.abort()

    def _await_request(self) -> None:
        if not (self._streams or self._is_closing or self.write_blocked):
            self.deadline = monotonic() + self._port.timeouts.idle_seconds

    # --- closing

    def _end_for(self, error_code: int, last_bytes: bytes) -> None:
        """End the connection with its last frame; what is in flight is given up.

        Without an error, the client may read what is complete as slowly as before.
        """
        if self._is_closing:
            return
        self._is_closing = True
        if error_code == ENHANCE_YOUR_CALM and not self._is_calmed:
            self._count_calmed()
        if last_bytes and not self.transport.is_closing():
            self.transport.write(last_bytes)
        self._abandon()
        self.deadline = monotonic() + _LINGER_SECONDS
        if error_code == NO_ERROR and self.transport.get_write_buffer_size():
            self._watch_unread()
        else:
            self._unread_output = None
        if self.transport.can_write_eof():
            # Not closed yet: if anything came from the client meanwhile, its kernel would drop what
            # it has not read, such as the end of a response (RFC 9112 §9.6).
            with suppress(OSError):
                self.transport.write_eof()
        else:
            self.transport.close()

    def _close(self) -> None:
        """Close: nothing is in flight."""
        if not self._is_closing:
            error_code = ENHANCE_YOUR_CALM if self._is_calmed else NO_ERROR
            self._end_for(error_code, self.framing.end(error_code))

    def _abandon(self) -> None:
        streams, self._streams = self._streams, {}
        self._blocked.clear()
        self._touched.clear()
        self.framing.is_over = True
        new, self._new = self._new, []
        for stream, request in new:
            streams[stream.id] = stream  # also those that the client has reset
            if stream.exchange is None and request.is_plain:
                self._add_exchange(stream, request)  # to be recorded, as one that was given up
        for stream in streams.values():
            stream.is_closed = True
            if stream.exchange is not None:
                stream.exchange.client_lost()

    def abort(self) -> None:
        """Cut the connection."""
        self._is_closing = True
        reset(self.transport)

    # --- reload and drain

    def use(self, port: Port) -> None:
        """Switch to *port* after a reload; the requests in flight keep their own."""
        self._port = port
        self.peer = _as_http_2(self.peer, port)
        self._heads.use(port.names, port.limits)
        if not (self.framing.use(port.limits) and port.serves_http2):
            self.close_when_idle()
        self.send_soon()

    def requests_in_flight(self) -> int:
        """Return the number of requests in flight; may be called in any thread."""
        return sum(stream.exchange is not None for stream in tuple(self._streams.values()))

    def close_when_idle(self) -> None:
        """Announce the end, and close once the requests in flight are answered."""
        self._announce_end()
        if not self._streams and not self._is_closing:
            self.deadline = min(self.deadline, monotonic() + self._port.timeouts.idle_seconds)

    def _announce_end(self) -> None:
        """Announce the end (RFC 9113 §6.8): a notice, and after a round trip the last stream.

        A stream that is on its way when the client reads the notice is served.
        """
        if not (self._end_announced or self._is_closing):
            self._end_announced = True
            self._notice_ends = monotonic() + _NOTICE_SECONDS
            self.framing.announce_end()
            self.framing.ping()
            self.send_soon()

    def lasts(self) -> bool:
        """Return whether a request in flight is a tunnel or an event stream."""
        return any(map(_lasts, self._streams.values()))

    def end_lasting(self) -> None:
        """Begin to end tunnels and event streams."""
        for stream in tuple(self._streams.values()):
            if stream.exchange is not None:
                stream.exchange.end_lasting()

    def end_now(self) -> None:
        """Close now; what was written is still sent."""
        if self._is_closing:
            return
        for stream in tuple(self._streams.values()):
            if stream.exchange is not None:
                stream.exchange.end_now()
        self._send()
        self._close()


def _lasts(stream: Stream) -> bool:
    return stream.exchange is not None and stream.exchange.lasts()


def _as_http_2(peer: Peer, port: Port) -> Peer:
    """Return *peer*, of which Via says that it speaks HTTP/2 (RFC 9110 §7.6.3)."""
    return Peer(peer.address, peer.proto, port.trusted_proxies, b"2.0 " + port.pseudonym)
