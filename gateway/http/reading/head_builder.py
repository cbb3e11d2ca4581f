"""Build the head of a request from what the parser finds in it."""

from typing import Final, cast

import httptools

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault, StopParsing
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import (
    AUTHORIZATION,
    COOKIE,
    CREDENTIAL,
    HOST,
    TRACEPARENT,
    TRACESTATE,
    RequestNames,
)
from gateway.http.reading.request import UNSUPPORTED_METHODS, USUAL_METHODS, Request
from gateway.settings.values.configuration import Limits

# Input is parsed in pieces of this size: a client that sends much at once neither delays others
# nor makes a heap of parsed requests. What follows a piece can wait as bytes.
PIECE_BYTES: Final = 4 * 1024

_NOT_ONE_LINE: Final = "the request line is not method, target and HTTP version, a space between"

_TRACE: Final = frozenset((TRACEPARENT, TRACESTATE))


class HeadBuilder:
    """Builds one request head after the other.

    The owner of the parser lets it call ``on_url`` and ``on_header`` of the builder, announces
    each piece of input with ``add_piece``, each request with ``begin``, and takes its head with
    ``complete``. *fields* are those of the head being read; None outside of a head.
    *ignores_upgrade* says that the parser takes what follows the last head for another protocol,
    although it is HTTP. *trailer_fields* counts the fields after the body.
    """

    __slots__ = (
        "_head_bytes",
        "_limits",
        "_line",
        "_names",
        "_piece_bytes",
        "_target",
        "fields",
        "ignores_upgrade",
        "trailer_fields",
    )

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self._piece_bytes = 0
        self._head_bytes = 0  # of the head being read, in the pieces before this one
        self._line = b""
        self._target = b""
        self.fields: Fields | None = None
        self.ignores_upgrade = False
        self.trailer_fields = 0

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Switch to another configuration, also for the fields already read of a head.

        Otherwise a client could send a field in one piece that is an identity field by the next.
        """
        self._names = names
        self._limits = limits
        if self.fields is not None:
            self.fields.judge_again(names)

    def add_piece(self, piece: bytes, in_message: bool) -> None:
        """Note *piece*, which is parsed next; a head begins at its start, or before it.

        It is kept as far as the request line is in it: the parser accepts request lines that
        are none, so the line is compared with what was understood.
        """
        self._piece_bytes = len(piece)
        if not in_message:
            self._line = piece
        elif self.fields is not None and b"\n" not in self._line.lstrip(b"\r\n"):
            self._line += piece

    def begin(self) -> None:
        """Begin a head."""
        self._target = b""
        self.fields = Fields()

    def on_url(self, url: bytes) -> None:
        """Add a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one field; trailers are dropped, never merged (RFC 9110 §6.5.1)."""
        fields = self.fields
        if fields is None:
            self._drop_trailer()
            return
        kind = self._names[name]
        # The usual fields first: most are bytes to be forwarded as they came, and of the special
        # ones nearly every request has one Host and one Authorization.
        if type(kind) is bytes:
            fields.lines += (kind, value)
        elif kind == HOST and not fields.host and value[-1:] > b" ":
            fields.host = value
        elif kind == AUTHORIZATION and not fields.authorization and value[-1:] > b" ":
            fields.authorization = (value,)
        elif kind in _TRACE:
            fields.add_trace(kind, value)
        elif kind == COOKIE:
            fields.add_cookies(name, value)
        elif kind == CREDENTIAL:
            fields.add_credentials(name, value)
        else:
            fields.add_special(cast(int, kind), value)

    def _drop_trailer(self) -> None:
        self.trailer_fields += 1
        if self.trailer_fields > self._limits.head_fields:
            raise StopParsing

    def complete(self, parser: httptools.HttpRequestParser) -> Request:
        """Return the request whose head *parser* has just read."""
        fields = self.fields
        if fields is None:
            raise StopParsing
        self.fields = None
        request = Request(parser.get_method().decode("ascii"), self._target, fields)
        request.keep_alive = parser.should_keep_alive()
        version = parser.get_http_version()
        if parser.should_upgrade():
            self._choose_upgrade(request, version)
        self._settle(request, version)
        self._head_bytes = self.trailer_fields = 0
        self._line = b""
        return request

    def _choose_upgrade(self, request: Request, version: str) -> None:
        """Accept an upgrade that is offered, or ignore it (RFC 9110 §7.8)."""
        fields = request.fields
        if request.method == "CONNECT":
            request.wants_upgrade = True
        elif version == "1.1":
            request.wants_upgrade = fields.choose_upgrade(self._names.upgrades)
        else:
            fields.ignore_upgrade()  # RFC 9110 §7.8: a server must, in HTTP/1.0
        self.ignores_upgrade = not request.wants_upgrade

    def cut_short(self, parser: httptools.HttpRequestParser, in_message: bool) -> Request:
        """Return what is known of a request that is not read to its end, for its refusal."""
        fields, self.fields = self.fields or Fields(), None
        target = self._target if in_message else b""
        # Known as soon as a target is; a response to HEAD has no body (RFC 9110 §9.3.2).
        method = parser.get_method().decode("ascii") if target else ""
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
            or self._head_bytes + self._piece_bytes > limits.head_bytes
        ):
            self._check_size(fields)
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

    def _check_size(self, fields: Fields) -> None:
        limits = self._limits
        if len(self._target) > limits.target_bytes:
            return  # which is found later, and says it better
        if len(fields.lines) // 2 + fields.special_count > limits.head_fields:
            fields.find(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        size = len(self._target) + sum(map(len, fields.lines))
        size += sum(map(len, fields.authorization)) + fields.special_bytes
        if size > limits.head_bytes:
            fields.find(Reason.HEADERS_TOO_LARGE, "the head is too large")

    def check_incomplete(self, piece: bytes) -> Fault | None:
        """Return why a head that does not end in *piece*, parsed last, is read no further."""
        start = piece.rfind(b"\r\n\r\n") + 4
        if start < 4:
            self._head_bytes += len(piece)
        else:  # after pipelined requests; what lies between may be a body, so refuse nothing yet
            self._head_bytes = min(len(piece) - start, self._limits.head_bytes)
        limits, fields = self._limits, self.fields
        is_large = self._head_bytes > limits.head_bytes
        has_too_many = (
            fields is not None
            and len(fields.lines) // 2 + fields.special_count > limits.head_fields
        )
        if not (is_large or has_too_many):
            return None
        if len(self._target) > limits.target_bytes:
            return Fault(Reason.TARGET_TOO_LONG, "the target is too long")
        found = None if fields is None else fields.fault
        if found is not None:  # the same that would be said of the whole head
            return Fault(found.reason, found.detail)
        if has_too_many:
            return Fault(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        return Fault(Reason.HEADERS_TOO_LARGE, "the head is too large")


def too_many_fields(limits: Limits) -> str:
    """Return what is wrong with a head, or a trailer section, over the number of fields."""
    return f"more than {limits.head_fields} fields"
