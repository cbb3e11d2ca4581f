"""Read requests from a client: bytes in, heads and bodies out, faults by name."""

from typing import Final, Protocol, cast

import httptools

from gateway.decision.reason import Reason
from gateway.proxy.names import AUTHORIZATION, HOST, RequestNames
from gateway.proxy.request import UNSUPPORTED_METHODS, Request
from gateway.proxy.upload import Upload
from gateway.settings.values import Limits

# Chunk framing and trailers may cost so many bytes for each byte of body, and so many more in
# all: one-byte chunks are legal, 4 KiB of extension on each are an attack (CVE-2023-39326).
_FRAMING_RATIO: Final = 16

_HTTP_VERSIONS: Final = frozenset(("1.1", "1.0"))


class Taker(Protocol):
    """Whoever takes what was read."""

    def take_request(self, request: Request) -> Upload | None:
        """Take a head; return where its body goes, if it has one."""

    def take_body_end(self) -> None:
        """Take that the body being read is complete."""


class Fault(Exception):  # noqa: N818 - a finding about the input, not an error of ours
    """The input cannot be read any further."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class EarlyBytes(Exception):  # noqa: N818
    """Bytes came after an upgrade request, before it was answered."""


class _StopParsing(Exception):  # noqa: N818 - not an error: the way out of a parser callback
    """What follows in the input is not read as requests any more."""


class RequestReader:
    """Reads the requests on one connection, one after the other.

    *request* is the one whose head is not complete, *upload* the body that is not.
    """

    __slots__ = (
        "_body_left",
        "_feed_bytes",
        "_framing_bytes",
        "_head_bytes",
        "_limits",
        "_names",
        "_parser",
        "_taker",
        "is_over",
        "request",
        "upload",
    )

    def __init__(self, taker: Taker, names: RequestNames, limits: Limits) -> None:
        self._taker = taker
        self._names = names
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._body_left = 0
        self._feed_bytes = 0
        self._framing_bytes = 0
        self._head_bytes = 0
        self.request: Request | None = None
        self.upload: Upload | None = None
        self.is_over = False

    def feed(self, data: bytes) -> None:
        """Read *data*; raises Fault or EarlyBytes, after which nothing more is read."""
        if self.is_over:
            return
        if self._body_left:
            data = self._feed_known_length(data)
            if not data:
                return
        self._feed_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.is_over = True
            if upgrade.args[0] < len(data):
                raise EarlyBytes from None
        except httptools.HttpParserError as error:
            self._after_error(error)
        if self.upload is not None:
            self._after_body_piece(self.upload)
        elif self.request is not None:
            self._after_head_piece(self.request, data)

    def _after_error(self, error: httptools.HttpParserError) -> None:
        stopped = isinstance(error.__context__, _StopParsing)
        if isinstance(error, httptools.HttpParserCallbackError) and not stopped:
            raise error  # a bug of ours
        if not self.is_over:
            self.is_over = True
            raise Fault(Reason.REQUEST_MALFORMED, str(error).lower()) from None

    def _after_head_piece(self, request: Request, data: bytes) -> None:
        """Bound the size of a head that is not complete."""
        start = data.rfind(b"\r\n\r\n") + 4
        if start < 4:
            self._head_bytes += len(data)
        else:  # behind pipelined requests; what lies between may be a body, so refuse nothing yet
            self._head_bytes = min(len(data) - start, self._limits.head_bytes)
        if self._head_bytes <= self._limits.head_bytes:
            return
        self.is_over = True
        if len(request.target) > self._limits.target_bytes:
            raise Fault(Reason.TARGET_TOO_LONG, "the target is too long")
        raise Fault(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def _after_body_piece(self, upload: Upload) -> None:
        """Bound the size of a body and of its framing, and pass on what has come."""
        if upload.length is None:
            self._framing_bytes += self._feed_bytes
            body_bytes = upload.received_bytes
            allowed = self._limits.head_bytes + (_FRAMING_RATIO + 1) * body_bytes
            if self._framing_bytes > allowed:
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

    # --- from the parser

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        request = self.request
        if request is None:
            if self.is_over:
                raise _StopParsing
            self.request = request = Request()
            request.target = url
        else:
            request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers are dropped, never merged (RFC 9110 §6.5.1)."""
        request = self.request
        if request is None:
            return
        kind = self._names[name]
        if kind.__class__ is bytes:
            request.lines += (kind, value)
        elif kind == HOST and not request.host and value[-1:] > b" ":
            request.host = value
        elif kind == AUTHORIZATION and value[-1:] > b" ":
            request.authorization += (value,)
        else:
            request.add_special(cast(int, kind), value)

    def on_headers_complete(self) -> None:
        """Hand over the head."""
        request = self.request
        if request is None:
            raise _StopParsing
        self.request = None
        parser = self._parser
        request.method = method = parser.get_method().decode("ascii")
        if parser.get_http_version() != "1.1" or method in UNSUPPORTED_METHODS:
            self._settle_unusual(request)
        elif not request.host or request.target[0] != 0x2F:
            request.is_plain = False
        request.keep_alive = request.is_http11 and parser.should_keep_alive()
        request.wants_upgrade = parser.should_upgrade()
        limits = self._limits
        if (
            len(request.lines) > limits.head_fields
            or self._head_bytes + self._feed_bytes > limits.head_bytes
        ):
            self._check_head_size(request)
        self._head_bytes = self._framing_bytes = 0
        self.upload = self._taker.take_request(request)
        if request.fault is not None:
            self.is_over = True

    def _settle_unusual(self, request: Request) -> None:
        request.is_plain = False
        version = self._parser.get_http_version()
        # HTTP/1.0 connections are closed: some old proxies pass `keep-alive` on blindly.
        request.is_http11 = version == "1.1"
        if version not in _HTTP_VERSIONS:
            request.find(Reason.REQUEST_MALFORMED, "not HTTP/1.0 or HTTP/1.1")

    def _check_head_size(self, request: Request) -> None:
        limits = self._limits
        request.is_plain = False
        if len(request.target) > limits.target_bytes:
            return  # which is found later, and says it better
        fields = len(request.lines) // 2 + request.special_fields
        if fields > limits.head_fields:
            request.find(Reason.HEADERS_TOO_LARGE, f"more than {limits.head_fields} fields")
        # The last piece may hold more than the head, so count what was understood.
        size = len(request.target) + sum(map(len, request.lines))
        size += sum(map(len, request.authorization))
        if size > limits.head_bytes:
            request.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.upload is None or self.is_over:
            raise _StopParsing
        self.upload.add(data)

    def on_message_complete(self) -> None:
        """Take the end of the message."""
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
