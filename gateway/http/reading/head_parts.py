"""Collect the parts of a request's head from the parser's callbacks."""

from typing import Final, cast

import httptools

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault, StopParsing
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import AUTHORIZATION, HOST, TRACEPARENT, TRACESTATE, RequestNames
from gateway.http.reading.request import UNSUPPORTED_METHODS, USUAL_METHODS, Request
from gateway.settings.values.configuration import Limits

# What comes is read in pieces, so that one who sends much at once makes neither others wait nor
# a heap of requests: the rest of it can wait as bytes.
PIECE_BYTES: Final = 4 * 1024

_NOT_ONE_LINE: Final = "the request line is not method, target and HTTP version, a space between"

_TRACE: Final = frozenset((TRACEPARENT, TRACESTATE))


class HeadParts:
    """One head after the other, in parts; each is handed to ``_take_head``.

    *in_message* says that a request was begun that is not complete. *fields* are those of
    its head, until that is. *is_over* says that no more is read. *_resumes* says that the parser
    takes what is behind the head for another protocol, and that it is none.
    """

    __slots__ = (
        "_feed_bytes",
        "_head_bytes",
        "_limits",
        "_line",
        "_names",
        "_parser",
        "_resumes",
        "_target",
        "fields",
        "in_message",
        "is_over",
    )

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._feed_bytes = 0
        self._head_bytes = 0
        self._line = b""
        self._resumes = False
        self._target = b""
        self.fields: Fields | None = None
        self.in_message = False
        self.is_over = False

    def _note_line(self, piece: bytes) -> None:
        """Remember *piece* as far as the request line is in it; a head begins with it or before."""
        if not self.in_message:
            self._line = piece
        elif self.fields is not None and b"\n" not in self._line.lstrip(b"\r\n"):
            self._line += piece

    def on_message_begin(self) -> None:
        """Begin with a request."""
        if self.is_over:
            raise StopParsing
        self.in_message = True
        self._target = b""
        self.fields = Fields()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; trailers are dropped, never merged (RFC 9110 §6.5.1)."""
        fields = self.fields
        if fields is None:
            self._count_trailer()
            return
        kind = self._names[name]
        if type(kind) is bytes:
            fields.lines += (kind, value)
        elif kind == HOST and not fields.host and value[-1:] > b" ":
            fields.host = value
        elif kind == AUTHORIZATION and not fields.authorization and value[-1:] > b" ":
            fields.authorization = (value,)
        elif kind in _TRACE:
            fields.add_trace(kind, value)
        else:
            fields.add_special(cast(int, kind), value)

    def _count_trailer(self) -> None:
        """Drop a trailer field; whoever reads bodies counts them."""

    def on_headers_complete(self) -> None:
        """Hand over the head."""
        fields = self.fields
        if fields is None:
            raise StopParsing
        self.fields = None
        parser = self._parser
        request = Request(parser.get_method().decode("ascii"), self._target, fields)
        request.keep_alive = parser.should_keep_alive()
        version = parser.get_http_version()
        if parser.should_upgrade():
            self._take_upgrade(request, version)
        self._settle(request, version)
        self._head_bytes = 0
        self._line = b""
        self._take_head(request)

    def _take_upgrade(self, request: Request, version: str) -> None:
        """Take an upgrade that is offered, or ignore it (RFC 9110 §7.8)."""
        fields = request.fields
        if request.method == "CONNECT":
            request.wants_upgrade = True
        elif version == "1.1":
            request.wants_upgrade = fields.choose_upgrade(self._names.upgrades)
        else:
            fields.ignore_upgrade()  # in HTTP/1.0 it means nothing, and must be
        self._resumes = not request.wants_upgrade

    def _take_head(self, request: Request) -> None:
        """Take a head that is complete."""
        raise NotImplementedError

    def cut_short(self) -> Request:
        """Return what is known of the request that is being read, and read no more of it."""
        fields, self.fields = self.fields or Fields(), None
        self.is_over = True
        target = self._target if self.in_message else b""
        # Known as soon as a target is; an answer to HEAD has no body (RFC 9110 §9.3.2).
        method = self._parser.get_method().decode("ascii") if target else ""
        request = Request(method, target, fields)
        request.is_plain = False
        return request

    def _settle(self, request: Request, version: str) -> None:
        """Note what is unusual, or wrong, about a head that is complete."""
        fields = request.fields
        limits = self._limits
        if fields.traceparent is not None:
            request.trace = fields.read_trace()
        line = b"%b %b HTTP/%b\r" % (
            request.method.encode(), request.target, version.encode(),
        )  # fmt: skip
        if (
            not self._line.startswith(line)
            and not self._line.lstrip(b"\r\n").startswith(line)
            and request.method not in UNSUPPORTED_METHODS  # which says it better
        ):
            # RFC 9112 §3: more white space, or RTSP, which the parser reads without saying so.
            fields.find(Reason.REQUEST_MALFORMED, _NOT_ONE_LINE)
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
            and not (fields.connection or fields.upgrade)
            and fields.fault is None
            and request.is_http11
            and request.keep_alive
            and request.method in USUAL_METHODS
            and request.target[:1] == b"/"
            and b"#" not in request.target
            and len(request.target) <= limits.target_bytes
            and fields.host != b""
            and not (fields.authorization and request.logs_in())
        )

    def _check_head_size(self, fields: Fields) -> None:
        limits = self._limits
        if len(self._target) > limits.target_bytes:
            return  # which is found later, and says it better
        if len(fields.lines) // 2 + fields.special_count > limits.head_fields:
            fields.find(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        size = len(self._target) + sum(map(len, fields.lines))
        size += sum(map(len, fields.authorization)) + fields.special_bytes
        if size > limits.head_bytes:
            fields.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def _after_head_piece(self, data: bytes) -> None:
        """Bound the size of a head that is not complete; raises Fault."""
        start = data.rfind(b"\r\n\r\n") + 4
        if start < 4:
            self._head_bytes += len(data)
        else:  # behind pipelined requests; what lies between may be a body, so refuse nothing yet
            self._head_bytes = min(len(data) - start, self._limits.head_bytes)
        limits, fields = self._limits, self.fields
        is_large = self._head_bytes > limits.head_bytes
        has_too_many = (
            fields is not None
            and len(fields.lines) // 2 + fields.special_count > limits.head_fields
        )
        if not (is_large or has_too_many):
            return
        self.is_over = True
        if len(self._target) > limits.target_bytes:
            raise Fault(Reason.TARGET_TOO_LONG, "the target is too long")
        found = None if fields is None else fields.fault
        if found is not None:  # as it would be said of the whole head
            raise Fault(found.reason, found.detail)
        if has_too_many:
            raise Fault(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        raise Fault(Reason.HEADERS_TOO_LARGE, "the head is too large")


def too_many_fields(limits: Limits) -> str:
    """Return what is wrong with a head, or a trailer section, of more fields than *limits* say."""
    return f"more than {limits.head_fields} fields"
