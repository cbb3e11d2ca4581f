"""Read requests from a client: bytes in, heads and bodies out, faults by name."""

from typing import Final, Protocol

import httptools

from gateway.decision.reason import Reason
from gateway.http.reading.faults import (
    EarlyBytes,
    Fault,
    Http2Preface,
    StopParsing,
    was_stopped,
)
from gateway.http.reading.field_collector import TOO_MUCH_FRAMING
from gateway.http.reading.fields import Fields
from gateway.http.reading.head_builder import PIECE_BYTES, HeadBuilder
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import ReceivedTrace
from gateway.proxy.client.repeated_head import RepeatedHead
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.chunk_overhead import ChunkOverhead
from gateway.settings.values.configuration import Limits

# Chunks are cheaper than heads.
_CHUNKED_PIECE_BYTES: Final = 16 * 1024
_CHUNKED_READ_BYTES: Final = 2 * _CHUNKED_PIECE_BYTES

# For a parser that is to read only the chunked body of a message.
_CHUNKED_HEAD: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

# Faults in what is requested, not in the framing: it is known where the next request begins.
_FRAMED: Final = frozenset((Reason.PATH_REJECTED, Reason.NOT_SUPPORTED))

NOTHING: Final = memoryview(b"")


class RequestSink(Protocol):
    """The connection that the requests are for."""

    def request_received(self, request: Request) -> Upload | None:
        """Take a head; return where its body goes, if it has one."""

    def body_ended(self) -> None:
        """Take the end of the body being read."""


class RequestReader:
    """Reads the requests on one connection, one after the other.

    *in_message* says that a request has begun that is not complete, *is_over* that nothing more
    is read. *upload* is the body being read. *unparsed* is the input that waits to be read; it
    stays bytes, because a request takes twenty times the memory. *repeated_head* remembers the
    last plain request.
    """

    # The parser calls `on_…` of the object it is made with. Two of them are attributes: it calls
    # the builder's methods directly, since it calls `on_header` for every field.
    __slots__ = (
        "_body_left",
        "_head",
        "_is_unparsed",
        "_limits",
        "_overhead",
        "_parser",
        "_plain",
        "_plain_trace",
        "_seam",
        "_sink",
        "in_message",
        "is_over",
        "on_header",
        "on_url",
        "repeated_head",
        "unparsed",
        "upload",
    )

    def __init__(self, sink: RequestSink, names: RequestNames, limits: Limits) -> None:
        self._sink = sink
        self._limits = limits
        self._head = head = HeadBuilder(names, limits)
        self.on_url = head.on_url
        self.on_header = head.on_header
        self._parser = httptools.HttpRequestParser(self)
        # The fields and the trace of a request that was read in the piece being parsed.
        self._plain: Fields | None = None
        self._plain_trace: ReceivedTrace | None = None
        self._overhead: ChunkOverhead | None = None  # of the body being read, if it is chunked
        self._body_left = 0
        self._is_unparsed = False  # the body being read: its length is known, and it is large
        self._seam = b""  # the end of a piece, which may be the beginning of an empty line
        self.in_message = False
        self.is_over = False
        self.upload: Upload | None = None
        self.unparsed = NOTHING
        self.repeated_head = RepeatedHead(limits)

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Read on under another configuration, the head that is half read too."""
        self._limits = limits
        self._head.use(names, limits)
        self.repeated_head.use(limits)

    def release(self) -> None:
        """Break the reference cycles with the parser and the connection, once that is closed.

        Its memory is then free at once, without a garbage collection.
        """
        del self._parser, self._sink

    # --- what is to be read

    def is_in_head(self) -> bool:
        """Return whether a head has begun that may still be completed."""
        return self._head.collector.fields is not None and not self.is_over

    def piece_bytes(self, size: int) -> int:
        """Return how many of *size* received bytes to read at once."""
        upload = self.upload
        if upload is None:
            return min(size, PIECE_BYTES)
        if upload.length is None:
            return min(size, _CHUNKED_PIECE_BYTES)
        return min(size, max(self._body_left, PIECE_BYTES))  # nothing in it is parsed

    def body_bytes_wanted(self, at_least: int) -> int:
        """Return how many bytes to receive at once: more than *at_least* of a forwarded body.

        If its length is known, nothing after it is received with it.
        """
        upload = self.upload
        if upload is None or not upload.is_passed_on:
            return at_least
        return max(at_least, _CHUNKED_READ_BYTES if upload.length is None else self._body_left)

    def put_off(self, data: bytes) -> None:
        """Keep *data* for ``next_piece``."""
        self.unparsed = memoryview(bytes(self.unparsed) + data)

    def next_piece(self) -> bytes:
        """Return the next piece of the input that waits: of requests, one at a time."""
        unparsed = self.unparsed
        piece = bytes(unparsed[: self.piece_bytes(len(unparsed))])
        if self.upload is None:
            end = piece.find(b"\r\n\r\n") + 4
            piece = piece[:end] if end >= 4 else piece
        self.unparsed = unparsed[len(piece) :]
        return piece

    # --- reading

    def feed(self, data: bytes) -> None:
        """Read *data*; raises Fault or EarlyBytes, after which nothing more is read.

        Raises Http2Preface after that of HTTP/2, if the request it looks like is the first.
        """
        while data and not self.is_over:
            end = self._end_of_part(data)
            part, data = (data, b"") if end == len(data) else (data[:end], data[end:])
            try:
                if self._feed_part(part) and data:
                    raise EarlyBytes
            except Http2Preface as preface:
                preface.rest = data  # a part ends after an empty line, as the preface does
                raise

    def _end_of_part(self, data: bytes) -> int:
        """Return where to cut *data*: every message begins where a part does.

        So its request line is known to the byte. Parts end after an empty line, as heads and
        chunked bodies do, wherever a piece ended before, and with a body of known length.
        """
        if self._body_left:
            return min(self._body_left, len(data))
        seam = self._seam if self.in_message else b""
        joined = seam + data if seam else data
        end = joined.find(b"\r\n\r\n") + 4
        if end < 4:
            self._seam = joined[-3:]
            return len(data)
        self._seam = b""
        return end - len(seam)

    def _feed_part(self, data: bytes) -> bool:
        """Read *data*, of one message; return whether it asks for an upgrade."""
        if self._body_left and self._is_unparsed:
            self._pass_on(data)
            return False
        was_in_message, is_upgrade = self.in_message, False
        self._head.add_piece(data, was_in_message)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._head.ignores_upgrade and not self.is_over:
                self._resume()
            else:
                self.is_over = is_upgrade = True
        except httptools.HttpParserError as error:
            self._raise_fault(error)
        plain, self._plain = self._plain, None
        if plain is None or self.in_message:
            self._check_message(data)
        elif not was_in_message:
            # The end of a head alone does not mean what the whole of it meant: it would lend
            # the credentials of one request to another (on a connection that a proxy shares).
            self.repeated_head.remember(data, plain, self._plain_trace)
        return is_upgrade

    def _resume(self) -> None:
        """Read on after the head of an upgrade that is ignored."""
        self._head.ignores_upgrade = False
        upload = self.upload
        if upload is None or upload.length is not None:
            self._parser = httptools.HttpRequestParser(self)
            self._is_unparsed = upload is not None
            return
        self._parser = httptools.HttpRequestParser(_ResumedBody(self))
        self._parser.feed_data(_CHUNKED_HEAD)

    def _raise_fault(self, error: httptools.HttpParserError) -> None:
        if self._head.is_preface(error):
            raise Http2Preface from None
        fault = self._head.collector.trailer_fault()
        if fault is not None and not self.is_over:
            self.is_over = True
            raise fault from None
        if not was_stopped(error) and not self.is_over:
            self.is_over = True
            raise Fault(Reason.REQUEST_MALFORMED, str(error).lower()) from None

    def _check_message(self, data: bytes) -> None:
        """Bound the size of the message being read, whose last piece is *data*."""
        if self.upload is not None:
            self._check_body(self.upload, len(data))
            return
        self._body_left = 0
        self._is_unparsed = False
        if self.in_message:
            fault = self._head.check_incomplete(data)
            if fault is not None:
                self.is_over = True
                raise fault

    def _check_body(self, upload: Upload, size: int) -> None:
        """Bound the size of a body and of its framing, and pass on what has come."""
        if upload.length is None:
            overhead = self._overhead = self._overhead or ChunkOverhead()
            if overhead.exceeds(size, upload.received_bytes, self._limits.head_bytes):
                self.is_over = True
                raise Fault(Reason.REQUEST_MALFORMED, TOO_MUCH_FRAMING)
        else:
            self._body_left = upload.length - upload.received_bytes
            self._is_unparsed = self._is_unparsed or upload.length > PIECE_BYTES
        if upload.is_too_large:
            self.is_over = True
            raise Fault(Reason.BODY_TOO_LARGE, "the body is over the limit")
        upload.flush()

    def _pass_on(self, data: bytes) -> None:
        """Pass on a piece of a body whose length is known.

        Nothing in it needs parsing; the parser is replaced, since it still waits for it.
        """
        self._body_left -= len(data)
        if self.upload is not None:
            self.upload.add(data)
            if self._body_left:
                self.upload.flush()
        if not self._body_left:
            self._is_unparsed = False
            self._parser = httptools.HttpRequestParser(self)
            self.on_message_complete()

    def cut_short(self) -> Request:
        """Return what is known of the request that is being read, and read no more of it."""
        self.is_over = True
        return self._head.cut_short(self._parser, self.in_message)

    # --- what the parser calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self.is_over:
            raise StopParsing
        self.in_message = True
        self._head.begin()

    def on_headers_complete(self) -> None:
        """Hand over the head."""
        request = self._head.complete(self._parser)
        self._overhead = self._plain = None
        # As they were read: once it is allowed by a session, its fields have the session's token,
        # which must never count as if the client had sent it.
        fields = request.fields
        self.upload = upload = self._sink.request_received(request)
        fault = fields.fault
        if fault is not None and fault.reason not in _FRAMED:
            self.is_over = True
        elif request.is_plain and upload is None:
            self._plain, self._plain_trace = fields, request.trace

    def on_body(self, data: bytes) -> None:
        """Add a piece to the body."""
        if self.upload is None or self.is_over:
            raise StopParsing
        self.upload.add(data)

    def on_message_complete(self) -> None:
        """End the message."""
        upload = self.upload
        if upload is None:
            self.in_message = False
            return
        if self._head.ignores_upgrade:
            return  # the parser has left out the body, which is still to come
        self.in_message = False
        if upload.is_too_large:
            self.is_over = True  # refused when this piece has been looked at
            return
        self.upload = None
        if upload.length is None:
            upload.trailers = self._head.collector.take_trailers()
        upload.complete = True
        upload.flush()
        self._sink.body_ended()


class _ResumedBody:
    """Stands between a reader and a parser that is fed a head which the reader has read already.

    The reader does not hear of that head, but of all that follows.
    """

    __slots__ = ("_has_begun", "_reader", "on_body", "on_message_complete")

    def __init__(self, reader: RequestReader) -> None:
        self._reader = reader
        self._has_begun = False
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        """Begin a request, unless it is the one already begun."""
        if self._has_begun:
            self._reader.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Add a piece of the target."""
        if self._has_begun:
            self._reader.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one field."""
        if self._has_begun:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand over the head, if it is that of another request."""
        if self._has_begun:
            self._reader.on_headers_complete()
        self._has_begun = True
