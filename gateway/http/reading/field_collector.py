"""Collect the fields of a head, whatever protocol brings them, within the limits."""

from typing import Final, cast

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
from gateway.http.reading.request import USUAL_METHODS, Request
from gateway.settings.values.configuration import Limits

# The fields of a section, in order: name and value.
Section = tuple[tuple[bytes, bytes], ...]

TOO_MUCH_FRAMING: Final = "more chunk framing than body"

_TRACE: Final = frozenset((TRACEPARENT, TRACESTATE))


class FieldCollector:
    """Collects the fields of one head after the other, and then the trailers of its body.

    *fields* are those of the head being read; None outside of a head.
    """

    __slots__ = ("_limits", "_names", "_trailer_bytes", "_trailers", "fields")

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._names = names
        self._limits = limits
        self.fields: Fields | None = None
        self._trailers: Section = ()
        self._trailer_bytes = 0

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Switch to another configuration, also for the fields already read of a head.

        Otherwise a client could send a field in one piece that is an identity field by the next.
        """
        self._names = names
        self._limits = limits
        if self.fields is not None:
            self.fields.judge_again(names)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one field; a trailer is never merged with those of the head (RFC 9110 §6.5.1)."""
        fields = self.fields
        if fields is None:
            self._add_trailer(name, value)
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

    def _add_trailer(self, name: bytes, value: bytes) -> None:
        self._trailers += ((name, value),)
        self._trailer_bytes += len(name) + len(value)
        if self.trailer_fault() is not None:
            raise StopParsing

    def trailer_fault(self) -> Fault | None:
        """Return in what the trailers of a chunked body are over the limits, or None."""
        limits = self._limits
        if len(self._trailers) > limits.head_fields:
            return Fault(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        # As it is said of a trailer that has not ended, which is not here yet.
        is_large = self._trailer_bytes > limits.head_bytes
        return Fault(Reason.REQUEST_MALFORMED, TOO_MUCH_FRAMING) if is_large else None

    def take_trailers(self) -> Section:
        """Return the trailers of the body that has ended, and forget them."""
        trailers, self._trailers = self._trailers, ()
        self._trailer_bytes = 0
        return trailers

    def has_too_many(self) -> bool:
        """Return whether the head being read has too many fields already."""
        fields = self.fields
        return fields is not None and _count(fields) > self._limits.head_fields

    def settle(self, request: Request, head_bytes: int) -> None:
        """Note what is unusual about the fields of *request*, of whose head all has come.

        *head_bytes* is the most that its head can have had; it is counted only if that is too much.
        """
        fields, limits = request.fields, self._limits
        if fields.traceparent is not None:
            request.trace = fields.read_trace()
        if _count(fields) > limits.head_fields or head_bytes > limits.head_bytes:
            self._check_size(request)
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

    def _check_size(self, request: Request) -> None:
        limits, fields = self._limits, request.fields
        if len(request.target) > limits.target_bytes:
            return  # which is found later, and says it better
        if _count(fields) > limits.head_fields:
            fields.find(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        size = len(request.target) + sum(map(len, fields.lines))
        size += sum(map(len, fields.authorization)) + fields.special_bytes
        if size > limits.head_bytes:
            fields.find(Reason.HEADERS_TOO_LARGE, "the head is too large")


def _count(fields: Fields) -> int:
    return len(fields.lines) // 2 + fields.special_count


def too_many_fields(limits: Limits) -> str:
    """Return what is wrong with a head, or a trailer section, over the number of fields."""
    return f"more than {limits.head_fields} fields"
