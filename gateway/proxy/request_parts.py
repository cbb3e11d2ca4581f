"""Collect the parts of requests from the parser's callbacks."""

from typing import Final, cast

import httptools

from gateway.decision.reason import Reason
from gateway.http.fields import Fields
from gateway.http.names import AUTHORIZATION, HOST, RequestNames
from gateway.http.request import Request
from gateway.proxy.faults import StopParsing
from gateway.proxy.framing import Framing
from gateway.proxy.kept_section import USUAL_METHODS
from gateway.proxy.taker import Taker
from gateway.proxy.upload import Upload
from gateway.settings.values import Limits

# Faults of what was asked for, not of how it was framed: the next request is where it should be.
_FRAMED: Final = frozenset((Reason.PATH_REJECTED, Reason.NOT_SUPPORTED))


class RequestParts:
    """One request after the other, in parts.

    *in_message* says that a request was begun that is not complete. *fields* are those of
    its head, until that is; *upload* is its body. *is_over* says that no more is read.
    """

    __slots__ = (
        "_feed_bytes",
        "_framing",
        "_head_bytes",
        "_limits",
        "_names",
        "_parser",
        "_plain",
        "_taker",
        "_target",
        "fields",
        "in_message",
        "is_over",
        "upload",
    )

    def __init__(self, taker: Taker, names: RequestNames, limits: Limits) -> None:
        self._taker = taker
        self._names = names
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._feed_bytes = 0
        self._framing: Framing | None = None  # of the body being read, where it has chunks
        self._head_bytes = 0
        self._plain: Fields | None = None
        self._target = b""
        self.fields: Fields | None = None
        self.upload: Upload | None = None
        self.in_message = False
        self.is_over = False

    def release(self) -> None:
        """Let go of the parser, which holds this by its callbacks, and of the connection.

        Once the connection is gone: its memory then does not have to wait for a collection.
        """
        del self._parser, self._taker

    def on_message_begin(self) -> None:
        """Begin with a request."""
        if self.is_over:
            raise StopParsing
        self.in_message = True
        self._plain = None
        self._target = b""
        self.fields = Fields()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers are dropped, never merged (RFC 9110 §6.5.1)."""
        fields = self.fields
        if fields is None:
            return
        kind = self._names[name]
        if type(kind) is bytes:
            fields.lines += (kind, value)
        elif kind == HOST and not fields.host and value[-1:] > b" ":
            fields.host = value
        elif kind == AUTHORIZATION and not fields.authorization and value[-1:] > b" ":
            fields.authorization = (value,)
        else:
            fields.add_special(cast(int, kind), value)

    def on_headers_complete(self) -> None:
        """Hand over the head."""
        fields = self.fields
        if fields is None:
            raise StopParsing
        self.fields = None
        parser = self._parser
        request = Request(parser.get_method().decode("ascii"), self._target, fields)
        request.keep_alive = parser.should_keep_alive()
        request.wants_upgrade = parser.should_upgrade()
        self._settle(request, parser.get_http_version())
        self._head_bytes = 0
        self._framing = None
        self.upload = self._taker.take_request(request)
        if fields.fault is not None and fields.fault.reason not in _FRAMED:
            self.is_over = True
        elif request.is_plain and self.upload is None:
            self._plain = fields

    def _settle(self, request: Request, version: str) -> None:
        """Note what is unusual, or wrong, about a head that is complete."""
        fields = request.fields
        limits = self._limits
        if version != "1.1":
            request.is_http11 = request.keep_alive = False
            if version != "1.0":
                fields.find(Reason.REQUEST_MALFORMED, "not HTTP/1.0 or HTTP/1.1")
        # The last piece may hold more than the head, so count what was understood.
        if (
            len(fields.lines) // 2 + fields.special_count > limits.head_fields
            or self._head_bytes + self._feed_bytes > limits.head_bytes
        ):
            self._check_head_size(fields)
        request.is_plain = (
            fields.is_plain
            and fields.fault is None
            and request.is_http11
            and request.keep_alive
            and request.method in USUAL_METHODS
            and request.target[:1] == b"/"
            and b"#" not in request.target
            and len(request.target) <= limits.target_bytes
            and fields.host != b""
        )

    def _check_head_size(self, fields: Fields) -> None:
        limits = self._limits
        if len(self._target) > limits.target_bytes:
            return  # which is found later, and says it better
        if len(fields.lines) // 2 + fields.special_count > limits.head_fields:
            fields.find(Reason.HEADERS_TOO_LARGE, f"more than {limits.head_fields} fields")
        size = len(self._target) + sum(map(len, fields.lines))
        size += sum(map(len, fields.authorization)) + fields.special_bytes
        if size > limits.head_bytes:
            fields.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.upload is None or self.is_over:
            raise StopParsing
        self.upload.add(data)

    def on_message_complete(self) -> None:
        """Take the end of the message."""
        self.in_message = False
        upload = self.upload
        if upload is None:
            return
        if upload.is_too_large:
            self.is_over = True  # refused when this piece has been looked at
            return
        self.upload = None
        upload.complete = True
        upload.flush()
        self._taker.take_body_end()
