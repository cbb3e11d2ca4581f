"""Read requests from a client: bytes in, heads and bodies out, faults by name."""

from typing import Final, Protocol, cast

import httptools

from gateway.decision.reason import Reason
from gateway.proxy.fields import Fields
from gateway.proxy.names import AUTHORIZATION, HOST, RequestNames
from gateway.proxy.request import Request
from gateway.proxy.upload import Upload
from gateway.settings.values import Limits

# Chunk framing and trailers may cost so many bytes for each byte of body, and so many more in
# all: one-byte chunks are legal, 4 KiB of extension on each are an attack (CVE-2023-39326).
_FRAMING_RATIO: Final = 16

_USUAL_METHODS: Final = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}

# Visible ASCII without `#`: what the parser takes in a target as well.
_TARGET_BYTES: Final = bytes(byte for byte in range(0x21, 0x7F) if byte != 0x23)

# A header section that is kept costs this much memory at most, on each connection.
_MAX_SECTION_BYTES: Final = 4096


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

    *in_message* says that a request was begun that is not complete. *fields* are those of
    its head, until that is; *upload* is its body.

    Clients on a kept connection mostly send the same fields again with another request
    line. So the bytes of the last plain header section are kept: where they come again, to
    the byte, they mean the same, and only the request line is read anew.
    """

    __slots__ = (
        "_body_left",
        "_feed_bytes",
        "_framing_bytes",
        "_head_bytes",
        "_limits",
        "_names",
        "_parser",
        "_plain",
        "_section",
        "_section_fields",
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
        self._body_left = 0
        self._feed_bytes = 0
        self._framing_bytes = 0
        self._head_bytes = 0
        self.in_message = False
        self._plain: Fields | None = None
        self._section = b""
        self._section_fields = Fields()
        self._target = b""
        self.fields: Fields | None = None
        self.upload: Upload | None = None
        self.is_over = False

    def feed_repeated(self, data: bytes) -> bool:
        """Take a whole request whose fields are those of the last, if *data* is one."""
        section = self._section
        if not section or self.in_message or not data.endswith(section):
            return False
        request = self._repeated(data[: -len(section)])
        if request is None:
            return False
        self._taker.take_request(request)
        return True

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
        if self._plain is not None:
            self._keep_section(data, self._plain)
        elif self.upload is not None:
            self._after_body_piece(self.upload)
        elif self.in_message:
            self._after_head_piece(data)

    def cut_short(self) -> Request:
        """Return what is known of the request that is being read, and read no more of it."""
        fields, self.fields = self.fields or Fields(), None
        self.is_over = True
        request = Request("", self._target if self.in_message else b"", fields)
        request.is_plain = False
        return request

    def _repeated(self, line: bytes) -> Request | None:
        """Return the request that *line* makes with the fields known, or None if unsure."""
        name, _, rest = line.partition(b" ")
        method = _USUAL_METHODS.get(name)
        if method is None or rest[-9:] != b" HTTP/1.1" or rest[:1] != b"/":
            return None
        target = rest[:-9]
        if target.translate(None, _TARGET_BYTES) or len(target) > self._limits.target_bytes:
            return None
        return Request(method, target, self._section_fields)

    def _keep_section(self, data: bytes, fields: Fields) -> None:
        """Keep the header section of a plain request that came alone and in one piece."""
        self._plain = None
        if self.in_message or len(data) > _MAX_SECTION_BYTES:
            self._section = b""
            return
        start = data.find(b"\r\n")
        is_alone = start > 0 and data.find(b"\r\n\r\n") == len(data) - 4
        self._section = data[start:] if is_alone else b""
        self._section_fields = fields
        fields.joined = b"".join(fields.lines)

    def _after_error(self, error: httptools.HttpParserError) -> None:
        stopped = isinstance(error.__context__, _StopParsing)
        if isinstance(error, httptools.HttpParserCallbackError) and not stopped:
            raise error  # a bug of ours
        if not self.is_over:
            self.is_over = True
            raise Fault(Reason.REQUEST_MALFORMED, str(error).lower()) from None

    def _after_head_piece(self, data: bytes) -> None:
        """Bound the size of a head that is not complete."""
        start = data.rfind(b"\r\n\r\n") + 4
        if start < 4:
            self._head_bytes += len(data)
        else:  # behind pipelined requests; what lies between may be a body, so refuse nothing yet
            self._head_bytes = min(len(data) - start, self._limits.head_bytes)
        if self._head_bytes <= self._limits.head_bytes:
            return
        self.is_over = True
        if len(self._target) > self._limits.target_bytes:
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

    def on_message_begin(self) -> None:
        """Begin with a request."""
        if self.is_over:
            raise _StopParsing
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
        elif kind == AUTHORIZATION and value[-1:] > b" ":
            fields.authorization += (value,)
        else:
            fields.add_special(cast(int, kind), value)

    def on_headers_complete(self) -> None:
        """Hand over the head."""
        fields = self.fields
        if fields is None:
            raise _StopParsing
        self.fields = None
        parser = self._parser
        request = Request(parser.get_method().decode("ascii"), self._target, fields)
        request.keep_alive = parser.should_keep_alive()
        request.wants_upgrade = parser.should_upgrade()
        self._settle(request, parser.get_http_version())
        self._head_bytes = self._framing_bytes = 0
        self.upload = self._taker.take_request(request)
        if fields.fault is not None:
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
            and request.method in _USUAL_METHODS.values()
            and request.target[:1] == b"/"
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
        size += sum(map(len, fields.authorization))
        if size > limits.head_bytes:
            fields.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.upload is None or self.is_over:
            raise _StopParsing
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
