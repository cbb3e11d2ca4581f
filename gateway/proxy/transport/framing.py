"""Read and write the frames of one HTTP/2 connection; all that knows the library for it.

Another library would need a module like this one: what it reads goes to a sink, call by call, and
what is written is taken in bytes. It plays both roles, with clients and with services.
"""

import re
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from ngh2 import (
    Configuration,
    Connection,
    ConnectionClosingError,
    ConnectionStateError,
    DenialOfServiceError,
    NGH2Error,
    NoAvailableStreamIDError,
    Role,
    Setting,
    StreamProtocolError,
    StreamUnavailableError,
)
from ngh2.events import (
    ConnectionClosed,
    DataReceived,
    GoAwayReceived,
    InformationalResponseReceived,
    PingAcknowledged,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    SettingsReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)

from gateway.http.reading.field_collector import Section
from gateway.settings.values.configuration import Limits

# RFC 9113 §7.
NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
CONNECT_ERROR: Final = 0xA
ENHANCE_YOUR_CALM: Final = 0xB

# Streams that one connection may have open: as many requests can be in flight. A service may want
# fewer; more than so many wait for each other's bytes, and another connection serves them better.
MAX_STREAMS: Final = 100

# RST_STREAM with REFUSED_STREAM, which the library alone sends: for a stream over the limit, and it
# says nothing else of that. To find it so is exact but for one that two pieces of output share, and
# a body with these bytes; to follow each frame would cost more than the figure is worth.
_REFUSED: Final = re.compile(rb"\x00\x00\x04\x03\x00....\x00\x00\x00\x07", re.DOTALL)

# What one stream may send before its service has taken it.
STREAM_WINDOW_BYTES: Final = 64 * 1024

# What a service may send on one stream before its client has taken it.
RESPONSE_WINDOW_BYTES: Final = 64 * 1024

# No honest service sends a larger field section, or one with more fields. One that is up to twice
# as large is decoded, and its stream alone fails; beyond that, the connection ends.
MAX_SECTION_BYTES: Final = 64 * 1024
MAX_SECTION_FIELDS: Final = 256

# Of our own requests. The limits for clients are what bounds their heads.
_MAX_SENT_SECTION_BYTES: Final = 16 * 1024 * 1024

# More than all streams together can use: a slow service holds back one stream, never the others.
_CONNECTION_WINDOW_BYTES: Final = 2**31 - 1

# Bytes of a connection's window that are never given back are few and of odd streams: those of a
# frame that was half read when its stream was reset. Once they are many, the connection is ended.
# Up to a half of the window is given back only later, which is no loss.
_LEAST_WINDOW_BYTES: Final = 2**29

# How much larger than the limits a field section may be for its stream alone to be refused. It is
# decoded in any case, since it is a part of the compression's state; beyond this, the connection
# ends instead.
_SECTION_FACTOR: Final = 4

# More frames than this continue no field section that is within the limits (VU#421644).
_MAX_CONTINUATIONS: Final = 8

# Acknowledgements that the client has not read yet (CVE-2019-9512, CVE-2019-9515).
_MAX_UNSENT_ACKS: Final = 100

# The library counts resets as well, and would say INTERNAL_ERROR. ``Patience`` alone decides: a
# connection has fewer streams than this (RFC 9113 §5.1.1).
_LIBRARY_RESETS: Final = (2**31, 0)

# RFC 9113 §4.1, §6.8: for a GOAWAY when the library has given the connection up.
_GOAWAY: Final = struct.Struct(">IBIII")
_GOAWAY_LENGTH_AND_TYPE: Final = (8 << 8) | 0x7

# RFC 9113 §3.4, the first bytes of every client.
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Empty SETTINGS and a GOAWAY without an error: nothing was served, so that all may be tried again.
REFUSAL: Final = bytes(3) + b"\x04" + bytes(5) + _GOAWAY.pack(_GOAWAY_LENGTH_AND_TYPE, 0, 0, 0, 0)


class FramingFault(Exception):  # noqa: N818 - a finding about the input, not an error in the gateway
    """The client's input ends its connection; *last_bytes* are still to be sent."""

    def __init__(self, error_code: int, last_bytes: bytes) -> None:
        super().__init__(f"HTTP/2 error {error_code}")
        self.error_code = error_code
        self.last_bytes = last_bytes


class FrameSink(Protocol):
    """The connection that the frames are for, whoever is at the other end."""

    def data_received(self, stream_id: int, data: bytes, ends: bool) -> None:
        """Take a piece of a body, which may be empty."""

    def trailers_received(self, stream_id: int, headers: Section) -> None:
        """Take the end of a body, with its trailers."""

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        """Note that the stream is closed; *error_code* is not 0 if it was reset."""

    def control_received(self) -> None:
        """Note a frame that is about the connection alone."""

    def ping_acknowledged(self) -> None:
        """Note the answer to ``ping``."""

    def connection_closed(self) -> None:
        """Note that all is sent, and nothing more is expected."""

    def stream_failed(self, stream_id: int, bug: Exception) -> None:
        """Give up the stream alone: what came on it met *bug*, an error of ours."""


class ClientSink(FrameSink, Protocol):
    """A connection with a client."""

    def head_received(self, stream_id: int, headers: Section, ends: bool) -> None:
        """Take the head of a request; if it *ends* there, it has no body."""

    def reset_received(self, stream_id: int) -> None:
        """Note that the client resets the stream, which is then closed."""

    def settings_received(self) -> None:
        """Note the client's settings: it does speak HTTP/2."""

    def streams_refused(self, count: int) -> None:
        """Note that so many streams were over the limit."""


class ServiceSink(FrameSink, Protocol):
    """A connection with a service."""

    def head_received(self, stream_id: int, headers: Section, ends: bool) -> None:
        """Take the final head of a response; if it *ends* there, it has no body."""

    def interim_received(self, stream_id: int, headers: Section) -> None:
        """Take the head of an interim response."""

    def settings_received(self) -> None:
        """Note the service's settings, such as how many streams it takes."""

    def goaway_received(self, error_code: int) -> None:
        """Note that the service takes no more streams; those that it drops are closed next."""


S = TypeVar("S", bound=FrameSink)


class Framing(Generic[S]):
    """The state of one connection.

    *last_stream_id* is that of the last request that was read; with a service it stays 0.
    *may_refuse* is to be set while there are so many streams that some may be refused; it is unset
    once all is sent. *limits* are for the heads of clients; None with a service.
    """

    __slots__ = (
        "_connection",
        "_dispatch",
        "_most_fields",
        "_most_section_bytes",
        "_section_bytes",
        "_sink",
        "is_over",
        "last_stream_id",
        "may_refuse",
    )

    def __init__(
        self,
        sink: S,
        connection: Connection,
        dispatch: "Callable[[Framing[S], S], None]",
        limits: Limits | None = None,
    ) -> None:
        self._sink = sink
        self._connection = connection
        self._dispatch = dispatch
        self.last_stream_id = 0
        self.is_over = self.may_refuse = False
        self._section_bytes = 0 if limits is None else _section_bytes(limits)
        self._most_section_bytes = _SECTION_FACTOR * self._section_bytes
        self._most_fields = 0 if limits is None else _SECTION_FACTOR * limits.head_fields

    @staticmethod
    def for_clients(sink: ClientSink, limits: Limits) -> "Framing[ClientSink]":
        """Return the server's side of a connection; heads of requests are within *limits*."""
        section_bytes = _section_bytes(limits)
        connection = Connection(
            Role.SERVER,
            Configuration(
                auto_window_update=False,
                max_outbound_ack=_MAX_UNSENT_ACKS,
                max_continuations=_MAX_CONTINUATIONS,
                stream_reset_rate_limit=_LIBRARY_RESETS,
                max_inbound_header_list_size=_SECTION_FACTOR * section_bytes,
                max_inbound_header_count=_SECTION_FACTOR * limits.head_fields,
            ),
        )
        connection.initiate_connection(
            {
                Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
                Setting.MAX_HEADER_LIST_SIZE: section_bytes,
                Setting.ENABLE_CONNECT_PROTOCOL: 1,
                Setting.NO_RFC7540_PRIORITIES: 1,
            }
        )
        connection.set_local_window_size(_CONNECTION_WINDOW_BYTES)
        return Framing(sink, connection, _dispatch_requests, limits)

    @staticmethod
    def for_services(sink: ServiceSink) -> "Framing[ServiceSink]":
        """Return the client's side of a connection."""
        connection = Connection(
            Role.CLIENT,
            Configuration(
                auto_window_update=False,
                peer_max_concurrent_streams=MAX_STREAMS,
                max_reserved_remote_streams=0,
                max_outbound_ack=_MAX_UNSENT_ACKS,
                max_continuations=_MAX_CONTINUATIONS,
                max_inbound_header_list_size=2 * MAX_SECTION_BYTES,
                max_inbound_header_count=2 * MAX_SECTION_FIELDS,
                max_send_header_block_length=_MAX_SENT_SECTION_BYTES,
            ),
        )
        connection.initiate_connection(
            {
                Setting.ENABLE_PUSH: 0,
                Setting.INITIAL_WINDOW_SIZE: RESPONSE_WINDOW_BYTES,
                Setting.MAX_HEADER_LIST_SIZE: MAX_SECTION_BYTES,
                Setting.NO_RFC7540_PRIORITIES: 1,
            }
        )
        connection.set_local_window_size(_CONNECTION_WINDOW_BYTES)
        return Framing(sink, connection, _dispatch_responses)

    def use(self, limits: Limits) -> bool:
        """Tell the client of other *limits*; return whether all that is within them can be read.

        What the library reads at most cannot be changed any more.
        """
        section_bytes = _section_bytes(limits)
        if section_bytes != self._section_bytes and not self.is_over:
            self._section_bytes = section_bytes
            self._connection.update_settings({Setting.MAX_HEADER_LIST_SIZE: section_bytes})
        return section_bytes <= self._most_section_bytes and limits.head_fields <= self._most_fields

    def release(self) -> None:
        """Break the reference cycle with the sink, once its connection is closed.

        Its memory is then free at once, without a garbage collection.
        """
        self.is_over = True
        del self._sink, self._connection

    # --- in

    def receive(self, data: bytes | memoryview) -> None:
        """Read *data*; raises FramingFault, after which nothing more is read or written."""
        if self.is_over:
            return
        try:
            self._connection.receive_data(data)
        except NGH2Error as error:
            calm = isinstance(error, DenialOfServiceError)
            fault = self._give_up(ENHANCE_YOUR_CALM if calm else PROTOCOL_ERROR)
            self._dispatch(self, self._sink)  # what was read before it
            raise fault from None
        self._dispatch(self, self._sink)

    def _give_up(self, error_code: int) -> FramingFault:
        self.is_over = True
        last = _GOAWAY.pack(_GOAWAY_LENGTH_AND_TYPE, 0, 0, self.last_stream_id, error_code)
        return FramingFault(error_code, last)

    def _dispatch_control(self, kind: type[object]) -> None:
        sink = self._sink
        if kind is PingAcknowledged:
            sink.ping_acknowledged()
        elif kind is ConnectionClosed:
            self.is_over = True
            sink.connection_closed()
        elif kind is not SettingsAcknowledged:
            sink.control_received()

    def give_credit(self, stream_id: int, size: int) -> None:
        """Let the client send *size* bytes more: as many of its body were consumed."""
        if self.is_over:
            return
        try:
            self._connection.acknowledge_received_data(size, stream_id)
        except ConnectionStateError as error:
            self._forgive(stream_id, error)

    def has_leaked(self) -> bool:
        """Return whether so much of the connection's window is lost that it has to end."""
        if self.is_over:
            return False
        try:
            return self._connection.local_window_size < _LEAST_WINDOW_BYTES
        except ConnectionStateError:
            self.is_over = True  # of which the sink has not heard yet
            return False

    # --- out

    def take(self, most_bytes: int) -> bytes:
        """Return what is to be sent, at most so much; raises FramingFault."""
        if self.is_over:
            return b""
        try:
            data = self._connection.data_to_send(most_bytes)
        except NGH2Error:
            raise self._give_up(INTERNAL_ERROR) from None
        if self.may_refuse:
            self._count_refused(data)
            self.may_refuse = len(data) == most_bytes
        self._dispatch(self, self._sink)
        return data

    def _count_refused(self, data: bytes) -> None:
        count = len(_REFUSED.findall(data))
        if count:
            sink: Any = self._sink  # that of a client: no service opens streams
            sink.streams_refused(count)

    def open_stream(self, headers: Sequence[tuple[bytes, bytes]], ends: bool) -> int | None:
        """Send the head of a request, and return its stream; None if the service takes no more."""
        if self.is_over:
            return None
        try:
            return self._connection.send_request(headers, end_stream=ends)
        except (ConnectionClosingError, NoAvailableStreamIDError):
            return None

    def most_streams(self) -> int:
        """Return how many streams may be open: as many as we want and the service takes."""
        if self.is_over:
            return 0
        try:
            told = self._connection.remote_settings
        except ConnectionStateError:
            self.is_over = True  # of which the sink has not heard yet
            return 0
        return min(MAX_STREAMS, told.get(Setting.MAX_CONCURRENT_STREAMS, MAX_STREAMS))

    def interim(self, stream_id: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Send an interim response."""
        if self.is_over:
            return
        try:
            self._connection.send_informational_response(stream_id, headers)
        except (StreamProtocolError, ConnectionStateError) as error:
            self._forgive(stream_id, error)

    def begin(self, stream_id: int, headers: Sequence[tuple[bytes, bytes]], ends: bool) -> None:
        """Send the head of a response."""
        if self.is_over:
            return
        try:
            self._connection.send_response(stream_id, headers, end_stream=ends)
        except (StreamProtocolError, ConnectionStateError) as error:
            self._forgive(stream_id, error)

    def send(self, stream_id: int, data: bytes, ends: bool) -> None:
        """Send a piece of a body, once the client has room for it."""
        if self.is_over:
            return
        try:
            self._connection.send_data(stream_id, data, end_stream=ends)
        except (StreamProtocolError, ConnectionStateError) as error:
            self._forgive(stream_id, error)

    def end_with(self, stream_id: int, trailers: Sequence[tuple[bytes, bytes]]) -> None:
        """End a body with *trailers*, once all of it was sent."""
        if self.is_over:
            return
        try:
            self._connection.send_trailers(stream_id, trailers)
        except (StreamProtocolError, ConnectionStateError) as error:
            self._forgive(stream_id, error)

    def _forgive(self, stream_id: int, error: NGH2Error) -> None:
        """Raise *error*, unless the stream or the connection is over.

        The sink may not have heard of it yet: the library has read on.
        """
        if isinstance(error, ConnectionStateError):
            self.is_over = True
        elif not self.is_closed(stream_id):
            raise error

    def is_closed(self, stream_id: int) -> bool:
        """Return whether the stream is closed, of which the sink may not have heard yet."""
        try:
            self._connection.stream_remote_window_size(stream_id)
        except StreamUnavailableError:
            return True
        return False

    def unsent_bytes(self, stream_id: int) -> int:
        """Return how many bytes of a body wait, because the client has no room or does not read."""
        return 0 if self.is_over else self._connection.queued_body_size(stream_id)

    def reset(self, stream_id: int, error_code: int) -> None:
        """Reset the stream: what of it was not sent yet never will be."""
        if self.is_over:
            return
        try:
            self._connection.reset_stream(stream_id, error_code)
        except ConnectionStateError as error:
            self._forgive(stream_id, error)

    def ping(self) -> None:
        """Ask the client for an answer: it comes after all that the client sent before."""
        if self.is_over:
            return
        try:
            self._connection.ping()
        except ConnectionStateError as error:
            self._forgive(0, error)

    def announce_end(self) -> None:
        """Tell the client to open no more streams (RFC 9113 §6.8); those on their way count."""
        if self.is_over:
            return
        try:
            self._connection.send_shutdown_notice()
        except ConnectionStateError as error:
            self._forgive(0, error)

    def refuse_more(self, error_code: int) -> None:
        """Serve no stream that is opened from now on."""
        if self.is_over:
            return
        try:
            self._connection.send_goaway(error_code, last_stream_id=self.last_stream_id)
        except ConnectionStateError as error:
            self._forgive(0, error)

    def end(self, error_code: int) -> bytes:
        """End the connection, and return what is still to be sent."""
        if self.is_over:
            return b""
        self.is_over = True
        try:
            self._connection.terminate_connection(error_code, last_stream_id=self.last_stream_id)
            return self._connection.data_to_send()
        except (NGH2Error, KeyError):
            # Both have said already that this is the end; or the library looks for a body that it
            # has forgotten by then.
            return b""


def _section_bytes(limits: Limits) -> int:
    """Return the size of the largest section within *limits*, as RFC 9113 §6.5.2 counts it."""
    return limits.head_bytes + 32 * limits.head_fields


def _dispatch_requests(framing: Framing[ClientSink], sink: ClientSink) -> None:
    events = iter(framing._connection.events())
    while True:
        event: Any = None  # the library's classes have no common attributes
        try:
            for event in events:
                # By type, which is cheaper than isinstance or match; the usual ones first.
                kind = type(event)
                if kind is RequestReceived:
                    framing.last_stream_id = event.stream_id
                    sink.head_received(event.stream_id, event.headers, event.end_stream)
                elif kind is StreamClosed:
                    sink.stream_closed(event.stream_id, event.error_code)
                elif kind is DataReceived:
                    sink.data_received(event.stream_id, event.data, event.end_stream)
                elif kind is TrailersReceived:
                    sink.trailers_received(event.stream_id, event.headers)
                elif kind is StreamReset:
                    sink.reset_received(event.stream_id)
                elif kind is SettingsReceived:
                    sink.settings_received()
                else:
                    framing._dispatch_control(kind)
            return
        except Exception as bug:  # the other streams are somebody else's
            _fail_stream(sink, event, bug)


def _dispatch_responses(framing: Framing[ServiceSink], sink: ServiceSink) -> None:
    events = iter(framing._connection.events())
    while True:
        event: Any = None
        try:
            for event in events:
                kind = type(event)
                if kind is DataReceived:
                    sink.data_received(event.stream_id, event.data, event.end_stream)
                elif kind is ResponseReceived:
                    sink.head_received(event.stream_id, event.headers, event.end_stream)
                elif kind is StreamClosed:
                    sink.stream_closed(event.stream_id, event.error_code)
                elif kind is TrailersReceived:
                    sink.trailers_received(event.stream_id, event.headers)
                elif kind is InformationalResponseReceived:
                    sink.interim_received(event.stream_id, event.headers)
                elif kind is not StreamReset:  # which StreamClosed tells as well
                    _dispatch_end(framing, sink, event)
            return
        except Exception as bug:
            _fail_stream(sink, event, bug)


def _dispatch_end(framing: Framing[ServiceSink], sink: ServiceSink, event: object) -> None:
    if isinstance(event, GoAwayReceived):
        sink.goaway_received(event.error_code)
    elif isinstance(event, SettingsReceived):
        sink.settings_received()
    else:
        framing._dispatch_control(type(event))


def _fail_stream(sink: FrameSink, event: object, bug: Exception) -> None:
    stream_id = getattr(event, "stream_id", 0)
    if not stream_id:
        raise bug
    sink.stream_failed(stream_id, bug)
