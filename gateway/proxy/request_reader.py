"""Read requests from a client: bytes in, heads and bodies out, faults by name."""

from typing import Final

import httptools

from gateway.decision.reason import Reason
from gateway.http.faults import EarlyBytes, Fault, was_stopped
from gateway.http.head_parts import PIECE_BYTES, too_many_fields
from gateway.http.names import RequestNames
from gateway.proxy.framing import Framing
from gateway.proxy.kept_section import KeptSection
from gateway.proxy.request_parts import RequestParts
from gateway.proxy.taker import Taker
from gateway.proxy.upload import Upload
from gateway.settings.values import Limits

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

    __slots__ = ("_body_left", "kept")

    def __init__(self, taker: Taker, names: RequestNames, limits: Limits) -> None:
        super().__init__(taker, names, limits)
        self._body_left = 0
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
        if self.is_over:
            return
        if self._body_left:
            data = self._feed_known_length(data)
            if not data:
                return
        self._feed_bytes = len(data)
        was_in_message = self.in_message
        rest = data
        while rest:
            rest = self._parse(rest)
        self._after_piece(data, was_in_message)

    def _parse(self, data: bytes) -> bytes:
        """Have the parser read *data*; return what is to be read by another one."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._resumes and not self.is_over:
                return self._resume(rest)
            self.is_over = True
            if rest:
                raise EarlyBytes from None
        except httptools.HttpParserError as error:
            self._after_error(error)
        return b""

    def _resume(self, rest: bytes) -> bytes:
        """Read on in *rest*, behind the head of an upgrade that is ignored; return what is left."""
        self._resumes = False
        upload = self.upload
        if upload is None:
            self._parser = httptools.HttpRequestParser(self)
            return rest
        if upload.length is not None:
            self._body_left = upload.length
            return self._feed_known_length(rest) if rest else b""
        self._parser = httptools.HttpRequestParser(_ResumedBody(self))
        self._parser.feed_data(_CHUNKED_HEAD)
        return rest

    def _after_piece(self, data: bytes, was_in_message: bool) -> None:
        plain, self._plain = self._plain, None
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
        if upload.is_too_large:
            self.is_over = True
            raise Fault(Reason.BODY_TOO_LARGE, "the body is over the limit")
        upload.flush()

    def _feed_known_length(self, data: bytes) -> bytes:
        """Pass on a piece of a body whose length is known; return what comes after it.

        Nothing in it needs parsing; the parser is replaced, since it still waits for it.
        """
        rest = b""
        if len(data) > self._body_left:
            data, rest = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(data)
        if self.upload is not None:
            self.upload.add(data)
            if self._body_left:
                self.upload.flush()
        if not self._body_left:
            self._parser = httptools.HttpRequestParser(self)
            self.on_message_complete()
        return b"" if self.is_over else rest
