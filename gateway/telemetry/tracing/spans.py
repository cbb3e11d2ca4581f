"""The spans of one request: plain values, in OpenTelemetry's terms."""

from enum import Enum
from typing import NamedTuple

# Clients can send long paths, and spans wait in memory.
_MAX_TEXT_BYTES = 1024

Attributes = tuple[tuple[str, str | int], ...]


class SpanKind(Enum):
    """Which side of a request it is, by the numbers of the OpenTelemetry protocol."""

    SERVER = 2
    CLIENT = 3


class Span(NamedTuple):
    """One span; ids are hexadecimal, *parent_id* is empty if the trace begins here.

    Times are nanoseconds since the epoch. *failed* says that the gateway or the upstream failed,
    not only the request. A NamedTuple, which is cheap to make while a request is served.
    """

    kind: SpanKind
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    tracestate: bytes
    name: str
    start_ns: int
    end_ns: int
    failed: bool
    attributes: Attributes


def span_text(value: bytes) -> str:
    r"""Return *value* as text that any collector accepts; long text is cut.

    Bytes that are not visible ASCII are written as ``\xff``.
    """
    return value[:_MAX_TEXT_BYTES].decode("ascii", "backslashreplace")
