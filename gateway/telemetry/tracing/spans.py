"""What the gateway tells a collector about one request: plain values, in OpenTelemetry's terms."""

from enum import Enum
from typing import NamedTuple

# Paths are as long as clients make them, and spans wait in memory.
_MAX_TEXT_BYTES = 1024

Attributes = tuple[tuple[str, str | int], ...]


class SpanKind(Enum):
    """Which side of a request it is, by the numbers of the OpenTelemetry protocol."""

    SERVER = 2
    CLIENT = 3


class Span(NamedTuple):
    """One span; ids are hexadecimal, *parent_id* is empty where the trace begins here.

    Times are nanoseconds since the epoch. *failed* says that something is wrong with more than
    the request. A NamedTuple, for it is made on the way of a request.
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
    r"""Return *value* as text that any collector takes, cut off where it is long.

    What is not visible ASCII stays visible as ``\xff``.
    """
    return value[:_MAX_TEXT_BYTES].decode("ascii", "backslashreplace")
