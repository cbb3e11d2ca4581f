"""Read requests from a client: bytes in, heads and bodies out, faults by name."""

from typing import Final

import httptools

from gateway.decision.reason import Reason
from gateway.http.reading.faults import EarlyBytes, Fault, was_stopped
from gateway.http.reading.head_parts import PIECE_BYTES, too_many_fields
from gateway.http.reading.names import RequestNames
from gateway.proxy.client.repeated_head import KeptSection
from gateway.proxy.client.request_parts import RequestParts
from gateway.proxy.streams.request_sink import Taker
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.framing import Framing
from gateway.settings.values.configuration import Limits

# Chunks are cheaper than heads.
_CHUNKED_PIECE_BYTES: Final = 16 * 1024
_CHUNKED_READ_BYTES: Final = 2 * _CHUNKED_PIECE_BYTES

# For a parser that is to read nothing of a message but a chunked body.
_CHUNKED_HEAD: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class _ResumedBody:
    """Takes what a parser makes of a message whose head was read before: it sees one once more."""

    __slots__ = ("_has_begun", "_reader", "on_body", "on_message_complete")

    def __init__(self, reader: "RequestReader") -> None:
        self._reader = reader
        self._has_begun = False
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete

    def on_message_begin(self) -> None:
        """Begin with a request, but for the one that was begun with."""
        if self._has_begun:
            self._reader.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        if self._has_begun:
            self._reader.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        if self._has_begun:
            self._reader.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand over the head, if it is that of another request."""
        if self._has_begun:
            self._reader.on_headers_complete()
        self._has_begun = True


class RequestReader(RequestParts):
    """Reads the requests on one connection, one after the other.

    *kept* is the header section of the last plain request.
    """

    __slots__ = ("_body_left", "_is_unparsed", "_seam", "kept")

    def __init__(self, taker: Taker, names: RequestNames, limits: Limits) -> None:
        super().__init__(taker, names, limits)
        self._body_left = 0
        self._is_unparsed = False  # the body being read: its length is known, and it is large
        self._seam = b""  # the end of a piece, which may be the beginning of an empty line
        self.kept = KeptSection(limits)

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Read on under another configuration, the head that is half read too.

        Or a client could send a field in one piece that is an identity field by the next.
        """
        self._names = names
        self._limits = limits
        self.kept.use(limits)
        if self.fields is not None:
            self.fields.judge_again(names)

    def piece_bytes(self, size: int) -> int:
        """Return how many of *size* bytes that came are a piece to read at once."""
        upload = self.upload
        if upload is None:
            return min(size, PIECE_BYTES)
        if upload.length is None:
            return min(size, _CHUNKED_PIECE_BYTES)
        return min(size, max(self._body_left, PIECE_BYTES))  # nothing in it is parsed

    def body_bytes_wanted(self, at_least: int) -> int:
        """Return how many bytes to read at once: more than *at_least* of what is passed on.

        Where it is known how much that is, nothing behind it is read with it.
        """
        upload = self.upload
        if upload is None or not upload.is_passed_on:
            return at_least
        return max(at_least, _CHUNKED_READ_BYTES if upload.length is None else self._body_left)

    def feed(self, data: bytes) -> None:
        """Read *data*; raises Fault or EarlyBytes, after which nothing more is read."""
        while data and not self.is_over:
            end = self._end_of_part(data)
            part, data = (data, b"") if end == len(data) else (data[:end], data[end:])
            if self._feed_part(part) and data:
                raise EarlyBytes

    def _end_of_part(self, data: bytes) -> int:
        """Return where to cut *data*: every message begins where a part does.

        So its request line is known to the byte. Parts end behind an empty line, as heads and
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
        self._feed_bytes = len(data)
        was_in_message, is_upgrade = self.in_message, False
        self._note_line(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._resumes and not self.is_over:
                self._resume()
            else:
                self.is_over = is_upgrade = True
        except httptools.HttpParserError as error:
            self._after_error(error)
        self._after_piece(data, was_in_message)
        return is_upgrade

    def _resume(self) -> None:
        """Read on behind the head of an upgrade that is ignored."""
        self._resumes = False
        upload = self.upload
        if upload is None or upload.length is not None:
            self._parser = httptools.HttpRequestParser(self)
            self._is_unparsed = upload is not None
            return
        self._parser = httptools.HttpRequestParser(_ResumedBody(self))
        self._parser.feed_data(_CHUNKED_HEAD)

    def _after_piece(self, data: bytes, was_in_message: bool) -> None:
        plain, self._plain = self._plain, None
        if self.upload is None:
            self._body_left = 0
            self._is_unparsed = False
        if plain is not None and not self.in_message:
            # The end of a head alone does not mean what the whole of it meant: it would lend
            # the credentials of one request to another (on a connection that a proxy shares).
            if not was_in_message:
                self.kept.keep(data, plain)
        elif self.upload is not None:
            self._after_body_piece(self.upload)
        elif self.in_message:
            self._after_head_piece(data)

    def _after_error(self, error: httptools.HttpParserError) -> None:
        if self._trailer_fields > self._limits.head_fields and not self.is_over:
            self.is_over = True
            raise Fault(Reason.HEADERS_TOO_LARGE, too_many_fields(self._limits)) from None
        if not was_stopped(error) and not self.is_over:
            self.is_over = True
            raise Fault(Reason.REQUEST_MALFORMED, str(error).lower()) from None

    def _after_body_piece(self, upload: Upload) -> None:
        """Bound the size of a body and of its framing, and pass on what has come."""
        if upload.length is None:
            framing = self._framing = self._framing or Framing()
            spare_bytes = self._limits.head_bytes
            if framing.has_no_end(self._feed_bytes, upload.received_bytes, spare_bytes):
                self.is_over = True
                raise Fault(Reason.REQUEST_MALFORMED, "more chunk framing than body")
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
