"""Build the head of a request from what the parser finds in it."""

from typing import Final

import httptools

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault, StopParsing
from gateway.http.reading.field_collector import FieldCollector, too_many_fields
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import HTTP_1_0, UNSUPPORTED_METHODS, Request
from gateway.settings.values.configuration import Limits

# Input is parsed in pieces of this size: a client that sends much at once neither delays others
# nor makes a heap of parsed requests. What follows a piece can wait as bytes.
PIECE_BYTES: Final = 4 * 1024

_NOT_ONE_LINE: Final = "the request line is not method, target and HTTP version, a space between"

# What the parser says after the preface of HTTP/2 (RFC 9113 §3.4), and its first line.
_PREFACE_SEEN: Final = "Pause on PRI/Upgrade"
_PREFACE_LINE: Final = b"PRI * HTTP/2.0\r\n"


class HeadBuilder:
    """Builds one request head after the other.

    The owner of the parser lets it call ``on_url`` and ``on_header`` of the builder, announces
    each piece of input with ``add_piece``, each request with ``begin``, and takes its head with
    ``complete``. *on_header* is that of the *collector*, which the parser calls for every field.
    *ignores_upgrade* says that the parser takes what follows the last head for another protocol,
    although it is HTTP.
    """

    __slots__ = (
        "_head_bytes",
        "_limits",
        "_line",
        "_names",
        "_piece_bytes",
        "_target",
        "collector",
        "ignores_upgrade",
        "on_header",
    )

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self._piece_bytes = 0
        self._head_bytes = 0  # of the head being read, in the pieces before this one
        self._line = b""
        self._target = b""
        self.collector = FieldCollector(names, limits)
        self.on_header = self.collector.on_header
        self.ignores_upgrade = False

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Switch to another configuration, also for the fields already read of a head."""
        self._names = names
        self._limits = limits
        self.collector.use(names, limits)

    def add_piece(self, piece: bytes, in_message: bool) -> None:
        """Note *piece*, which is parsed next; a head begins at its start, or before it.

        It is kept as far as the request line is in it: the parser accepts request lines that
        are none, so the line is compared with what was understood.
        """
        self._piece_bytes = len(piece)
        if not in_message:
            self._line = piece
        elif self.collector.fields is not None and b"\n" not in self._line.lstrip(b"\r\n"):
            self._line += piece

    def begin(self) -> None:
        """Begin a head."""
        self._target = b""
        self.collector.fields = Fields()

    def on_url(self, url: bytes) -> None:
        """Add a piece of the target."""
        self._target += url

    def complete(self, parser: httptools.HttpRequestParser) -> Request:
        """Return the request whose head *parser* has just read."""
        collector = self.collector
        fields = collector.fields
        if fields is None:
            raise StopParsing
        collector.fields = None
        request = Request(parser.get_method().decode("ascii"), self._target, fields)
        request.keep_alive = parser.should_keep_alive()
        version = parser.get_http_version()
        if parser.should_upgrade():
            self._choose_upgrade(request, version)
        self._settle(request, version)
        self._head_bytes = 0
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
        collector = self.collector
        fields, collector.fields = collector.fields or Fields(), None
        target = self._target if in_message else b""
        # Known as soon as a target is; a response to HEAD has no body (RFC 9110 §9.3.2).
        method = parser.get_method().decode("ascii") if target else ""
        request = Request(method, target, fields)
        request.is_plain = False
        return request

    def is_preface(self, error: httptools.HttpParserError) -> bool:
        """Return whether *error* is that the message is the preface of HTTP/2, to the byte.

        The parser knows it, and stops after it; but it takes other request lines for it as well.
        """
        return str(error) == _PREFACE_SEEN and self._line.startswith(_PREFACE_LINE)

    def _settle(self, request: Request, version: str) -> None:
        """Note what is unusual, or wrong, about a head that is complete."""
        fields = request.fields
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
            request.version, request.keep_alive = HTTP_1_0, False
            if version != "1.0":
                fields.find(Reason.REQUEST_MALFORMED, "not HTTP/1.0 or HTTP/1.1")
        # The last piece may hold more than the head, so this is the most that it can have had.
        self.collector.settle(request, self._head_bytes + self._piece_bytes)

    def check_incomplete(self, piece: bytes) -> Fault | None:
        """Return why a head that does not end in *piece*, parsed last, is read no further."""
        start = piece.rfind(b"\r\n\r\n") + 4
        if start < 4:
            self._head_bytes += len(piece)
        else:  # after pipelined requests; what lies between may be a body, so refuse nothing yet
            self._head_bytes = min(len(piece) - start, self._limits.head_bytes)
        limits, fields = self._limits, self.collector.fields
        is_large = self._head_bytes > limits.head_bytes
        has_too_many = self.collector.has_too_many()
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
