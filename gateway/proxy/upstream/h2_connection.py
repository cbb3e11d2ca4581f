"""A connection of HTTP/2 to a server (RFC 9113): many requests at once, each on its own stream."""

import asyncio
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any, Final, Protocol, cast

from gateway.decision.reason import Reason
from gateway.http.reading.field_collector import Section
from gateway.http.reading.h2_response import H2ResponseReader
from gateway.proxy.transport.framing import (
    ENHANCE_YOUR_CALM,
    MAX_SECTION_BYTES,
    MAX_SECTION_FIELDS,
    MAX_STREAMS,
    NO_ERROR,
    RESPONSE_WINDOW_BYTES,
    Framing,
    FramingFault,
    ServiceSink,
)
from gateway.proxy.transport.patience import Patience
from gateway.proxy.transport.socket_state import acknowledged_bytes
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.upstream.h2_stream import NEVER, H2ServerStream
from gateway.proxy.upstream.lease import LeaseOwner

# Output is taken in pieces of this size, and so many of them in one turn of the event loop.
_WRITE_BYTES: Final = 64 * 1024
_WRITES_AT_ONCE: Final = 4

# If more than this was written that the kernel does not take, the clients wait.
_UNSENT_BYTES: Final = 64 * 1024

# Input is read in pieces of at most this size.
_READ_BYTES: Final = 64 * 1024

# A byte of a compressed field may stand for 4 KiB. So many frames that may have fields are read at
# once at most: what they take of memory is bounded, whatever they stand for.
_FIELD_FRAMES: Final = 32

# RFC 9113 §4.1: length, type, flags and stream.
_FRAME_HEAD_BYTES: Final = 9
_DATA: Final = 0x0

# As much as the service may send for nothing: also what is on its way on streams that we reset.
_PATIENCE_BYTES: Final = (MAX_STREAMS + 2) * float(RESPONSE_WINDOW_BYTES)

# A body of the server of this size allows it a WINDOW_UPDATE for the stream and one for the
# connection: some give credit for each piece, and one client must not end it for all by small ones.
_BYTES_FOR_CREDIT: Final = 2

# After so many streams that we have reset, the connection takes no more requests. Services end one
# with many resets (CVE-2023-44487), some at 500, most at 1000, and with it the requests of
# everybody else: clients that leave, as often as they like, must not add up to that.
_MOST_RESETS: Final = 256

# After the last frame: how long it may take to be sent.
_LINGER_SECONDS: Final = 2.0

# How long a server that did not respond in time may take to answer a PING.
_ANSWER_SECONDS: Final = 5.0


_VIOLATION: Final = "the upstream violates HTTP/2"
_TOO_MUCH: Final = "the upstream sent too many frames or fields that nobody needs"


class StreamsOwner(LeaseOwner, Protocol):
    """The pool that a connection of HTTP/2 belongs to."""

    def room_changed(self, server: "H2ServerConnection") -> None:
        """Note that ``room`` of *server* may be another than before."""

    def lost(self, server: "H2ServerConnection") -> None:
        """Drop a connection that is gone; its leases fail next."""


class H2ServerConnection(asyncio.BufferedProtocol):
    """Speaks HTTP/2 with one server, for as many requests at once as it takes.

    *stream_count* are the places that are taken: by leases, and by streams that are not closed yet.
    *deadline* is when the connection ends because it is idle, or does not answer, by the monotonic
    clock; each stream has one besides.
    """

    __slots__ = (
        "_blocked",
        "_idle_seconds",
        "_is_asking",
        "_is_ending",
        "_is_send_due",
        "_kept_bytes",
        "_loop",
        "_most_streams",
        "_opened_id",
        "_patience",
        "_reset_count",
        "_sent_id",
        "_skipped_bytes",
        "_streams",
        "_successes",
        "_touched",
        "_view",
        "_written_bytes",
        "deadline",
        "framing",
        "heads",
        "is_open",
        "owner",
        "scheme",
        "stream_count",
        "transport",
        "write_blocked",
    )

    def __init__(self, owner: StreamsOwner, scheme: bytes, idle_seconds: float) -> None:
        self.owner: StreamsOwner = owner
        self.scheme = scheme
        self.stream_count = 0
        self.deadline = NEVER
        self.is_open = self.write_blocked = False
        self.heads = H2ResponseReader(MAX_SECTION_BYTES, MAX_SECTION_FIELDS)
        self._idle_seconds = idle_seconds
        self._streams: dict[int, H2ServerStream] = {}
        self._touched: list[H2ServerStream] = []  # by the input that is being read
        self._blocked: list[H2ServerStream] = []  # streams whose server has no room
        self._most_streams = MAX_STREAMS
        self._reset_count = 0
        self._is_ending = False  # no more requests
        self._is_asking = self._is_send_due = False
        self._successes = 0  # responses, of which each allows one retry when the connection ends
        self._written_bytes = 0
        self._opened_id = self._sent_id = 0  # the last streams
        self._view = memoryview(bytearray(_READ_BYTES))
        self._kept_bytes = 0  # of the head of a frame that is not whole
        self._skipped_bytes = 0  # of input up to the next head of a frame
        self._patience = Patience(monotonic(), _PATIENCE_BYTES)
        self._loop = asyncio.get_running_loop()
        self.framing: Framing[ServiceSink] = Framing.for_services(self)

    # --- for the pool

    def room(self) -> int:
        """Return how many more requests can be sent now."""
        if not self.is_open or self._is_ending or self._is_asking:
            return 0
        return max(0, self._most_streams - self.stream_count)

    @property
    def is_ending(self) -> bool:
        """Return whether it takes no more requests, and closes after the last one."""
        return self._is_ending

    def lease(self) -> H2ServerStream:
        """Return a lease for one request, which takes a place at once; there must be room."""
        self.stream_count += 1
        self.deadline = NEVER
        return H2ServerStream(self)

    def retire(self) -> None:
        """Take no more requests, and close once those in flight are over."""
        self._is_ending = True
        if not self.stream_count:
            self.close()

    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""
        self._patience.elapse(now)
        if self.deadline < now:
            if self._is_asking:
                self._lose("the upstream does not answer any more", None)
            else:
                self.close()
            return
        for stream in tuple(self._streams.values()):
            if stream.deadline < now:
                try:
                    stream.expire()
                except Exception as error:  # the timeouts of the other streams must hold
                    report_unexpected_error("unexpected error in the timeout of a stream", error)
                    stream.give_up()
        if self.framing.has_leaked() and not self._is_ending:
            self.retire()
            self.owner.room_changed(self)

    def close(self) -> None:
        """End the connection; whoever waits for a response is not told."""
        if not self.is_open:
            return
        last_bytes = self.framing.end(NO_ERROR)
        self._leave(last_bytes)
        for stream in self._forget_streams():
            stream.close()

    # --- for the streams

    def opened(self, stream: H2ServerStream) -> None:
        """Note that *stream* has an id now."""
        self._opened_id = stream.id
        self._streams[stream.id] = stream
        stream.bytes_before = self._written_bytes
        self.send_soon()

    def hold_back(self, stream: H2ServerStream) -> None:
        """Look at *stream* again whenever something was sent."""
        self._blocked.append(stream)

    def body_passed(self, size: int) -> None:
        """Allow the server what belongs to a piece of a body, such as credit for it."""
        self._patience.body_passed(_BYTES_FOR_CREDIT + size // 16)

    def given_up(self) -> None:
        """Allow the server what may be on its way on a stream that we reset; end after too many."""
        self._patience.stream_given_up(RESPONSE_WINDOW_BYTES)
        self._reset_count += 1
        if self._reset_count >= _MOST_RESETS and not self._is_ending:
            self._is_ending = True
            self._loop.call_soon(self.owner.room_changed, self)

    def allow_retry(self) -> bool:
        """Return whether the end of this connection allows one more retry without a budget.

        A kept connection may end at any time. There are no more such retries than responses.
        """
        if not self._is_ending or not self._successes:
            return False
        self._successes -= 1
        return True

    def free_place(self) -> None:
        """Note that a place is free again."""
        self.stream_count -= 1
        if not self.stream_count:
            if self._is_ending:
                self._loop.call_soon(self.close)
            elif not self._is_asking:
                self.deadline = monotonic() + self._idle_seconds
        self.owner.room_changed(self)

    def ask(self) -> None:
        """Ask the server for an answer, and send it no more requests until it comes."""
        if self._is_asking or not self.is_open:
            return
        self._is_asking = True
        self.deadline = monotonic() + _ANSWER_SECONDS
        self.framing.ping()
        self.send_soon()
        self.owner.room_changed(self)

    def send_soon(self) -> None:
        """Send what the streams have written, once for this turn of the event loop."""
        if not self._is_send_due:
            self._is_send_due = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._is_send_due = False
        if not self.is_open:
            return
        transport, framing = self.transport, self.framing
        writes = 0
        try:
            while not self.write_blocked:
                opened_id = self._opened_id
                data = framing.take(_WRITE_BYTES)
                if data:
                    # Heads go before bodies: any of the streams may have its head in this piece.
                    self._sent_id = opened_id
                    self._written_bytes += len(data)
                    transport.write(data)
                if len(data) < _WRITE_BYTES:
                    break
                writes += 1
                if writes == _WRITES_AT_ONCE:
                    self.send_soon()
                    break
        except FramingFault as fault:
            self._end(fault.last_bytes, Reason.UPSTREAM_INVALID, _VIOLATION)
            return
        if self._blocked:
            blocked, self._blocked = self._blocked, []
            for stream in blocked:
                if not stream.has_room():
                    self._blocked.append(stream)
                else:
                    self._try(stream, stream.unblock)

    # --- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello: a request may be sent in the same turn (RFC 9113 §3.4)."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_UNSENT_BYTES)
        self.is_open = True
        self.deadline = monotonic() + self._idle_seconds
        self.send_soon()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to."""
        return self._view[self._kept_bytes :]

    def buffer_updated(self, size: int) -> None:
        """Read frames."""
        if not self.is_open:
            return
        patience = self._patience
        patience.received(size)
        self._is_send_due = True  # it is sent below, without waiting for the next turn
        try:
            self._receive(self._kept_bytes + size)
        except FramingFault as fault:
            calm = fault.error_code == ENHANCE_YOUR_CALM
            detail = _TOO_MUCH if calm else _VIOLATION
            self._end(fault.last_bytes, Reason.UPSTREAM_INVALID, detail)
            return
        if patience.is_over():
            last_bytes = self.framing.end(ENHANCE_YOUR_CALM)
            self._end(last_bytes, Reason.UPSTREAM_INVALID, _TOO_MUCH)
            return
        if self._touched:
            touched, self._touched = self._touched, []
            for stream in touched:
                stream.is_touched = False
                self._try(stream, stream.pass_on)
        self._send()  # the library may have something to say as well

    def _receive(self, size: int) -> None:
        """Read the first *size* bytes of the buffer; keep what is only a part of a frame's head.

        Raises FramingFault.
        """
        view, framing = self._view, self.framing
        at, begun, left = self._skipped_bytes, 0, _FIELD_FRAMES
        while at + _FRAME_HEAD_BYTES <= size:
            if view[at + 3] != _DATA:
                if not left:
                    framing.receive(view[begun:at])
                    begun, left = at, _FIELD_FRAMES
                left -= 1
            at += _FRAME_HEAD_BYTES + (view[at] << 16 | view[at + 1] << 8 | view[at + 2])
        self._kept_bytes = kept = max(0, size - at)
        self._skipped_bytes = max(0, at - size)
        framing.receive(view[begun : size - kept])
        if kept:
            view[:kept] = view[at:size]

    def _try(self, stream: H2ServerStream, act: Callable[..., None], *what: Any) -> None:
        """Act on a part of a response; an error of ours fails that request alone."""
        try:
            act(*what)
        except Exception as error:
            report_unexpected_error("a request failed", error)
            stream.give_up()

    def eof_received(self) -> bool:
        """End: nothing more comes."""
        self._lose("the upstream closed the connection", acknowledged_bytes(self.transport))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the requests in flight."""
        self._lose("the upstream reset the connection", None)
        self.framing.release()

    def pause_writing(self) -> None:
        """Slow down all clients that send a body."""
        self.write_blocked = True
        for stream in tuple(self._streams.values()):
            stream.connection_blocked()

    def resume_writing(self) -> None:
        """Let the clients continue."""
        self.write_blocked = False
        self._send()

    # --- what the frames say

    def head_received(self, stream_id: int, headers: Section, ends: bool) -> None:
        """Begin a response."""
        stream = self._streams.get(stream_id)
        self._patience.head_received(headers)
        if stream is not None:
            self._touch(stream)
            stream.head_received(headers, ends)

    def interim_received(self, stream_id: int, headers: Section) -> None:
        """Pass on an interim response."""
        self._patience.control_received()
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.interim_received(headers)

    def data_received(self, stream_id: int, data: bytes, ends: bool) -> None:
        """Pass on a piece of a body."""
        if data:
            self._patience.body_passed(len(data))
        elif not ends:
            self._patience.control_received()
        stream = self._streams.get(stream_id)
        if stream is None:
            self.framing.give_credit(stream_id, len(data))
            return
        self._touch(stream)
        stream.data_received(data, ends)

    def trailers_received(self, stream_id: int, headers: Section) -> None:
        """End a body, with its trailers."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.trailers_received(headers)

    def _touch(self, stream: H2ServerStream) -> None:
        if not stream.is_touched:
            stream.is_touched = True
            self._touched.append(stream)

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        """Forget the stream."""
        stream = self._streams.pop(stream_id, None)
        if stream is None:
            return
        if error_code == NO_ERROR:
            self._successes += 1
            self._patience.response_ended()
        self.free_place()
        self._try(stream, stream.closed, error_code)

    def stream_failed(self, stream_id: int, bug: Exception) -> None:
        """Give up a request after an unexpected error, which is no failure of the server."""
        report_unexpected_error("a request failed", bug)
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.give_up()

    def control_received(self) -> None:
        """Note a frame about the connection alone."""
        self._patience.control_received()

    def settings_received(self) -> None:
        """Note how many streams the server takes."""
        self._patience.control_received()
        self._most_streams = self.framing.most_streams()
        self.owner.room_changed(self)

    def ping_acknowledged(self) -> None:
        """Send requests again: the server is still there."""
        self._patience.control_received()
        if self._is_asking:
            self._is_asking = False
            self.deadline = NEVER if self.stream_count else monotonic() + self._idle_seconds
            self.owner.room_changed(self)

    def goaway_received(self, error_code: int) -> None:
        """Send no more requests; those that the server drops are closed next."""
        self._patience.control_received()
        if not self._is_ending:
            self._is_ending = True
            self.owner.room_changed(self)

    def connection_closed(self) -> None:
        """End once this turn is over: both have said so, or the server violates HTTP/2."""
        self._loop.call_soon(self._conclude)

    def _conclude(self) -> None:
        if self._streams and self.is_open:
            self._end(b"", Reason.UPSTREAM_INVALID, _VIOLATION)
        else:
            self.close()

    # --- the end

    def _lose(self, detail: str, acknowledged: int | None) -> None:
        if self.is_open:
            self._is_ending = True
            self._end(b"", Reason.UPSTREAM_UNREACHABLE, detail, acknowledged)

    def _end(
        self, last_bytes: bytes, reason: Reason, detail: str, acknowledged: int | None = None
    ) -> None:
        """End the connection with its last frame; the requests in flight fail for *reason*.

        If the server's kernel has *acknowledged* nothing of a request, it was not sent.
        """
        self._leave(last_bytes)
        for stream in self._forget_streams():
            unsent = stream.id > self._sent_id or (
                acknowledged is not None and acknowledged <= stream.bytes_before
            )
            self._try(stream, stream.lost, reason, detail, unsent)

    def _forget_streams(self) -> Collection[H2ServerStream]:
        streams, self._streams = self._streams, {}
        self.stream_count -= len(streams)
        self._touched.clear()
        self._blocked.clear()
        return streams.values()

    def _leave(self, last_bytes: bytes) -> None:
        self.is_open = False
        self.deadline = NEVER
        self.framing.is_over = True
        transport = self.transport
        if last_bytes and not transport.is_closing():
            transport.write(last_bytes)
        transport.close()
        self._loop.call_later(_LINGER_SECONDS, transport.abort)
        self.owner.lost(self)
