"""Read and write the fields of a trace (W3C Trace Context)."""

import re
from typing import Final

# §3.2.2: lower-case hexadecimal, and neither version ff nor an id of zeros. In a version above 00
# more may follow, after a dash; a comma would make it two fields.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?"
)

# §3.3.2.2: one member of tracestate, a vendor's key and a value.
_MEMBER: Final = re.compile(
    rb"([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MAX_MEMBERS: Final = 32

# The flags that have a meaning: sampled, and random (Level 2). In a field that is written anew, all
# others are 0 (§3.2.2.5).
SAMPLED: Final = 0x01
_KNOWN_FLAGS: Final = 0x03

# In place of what only a running gateway makes: ids, and whether a new trace is sampled.
SOME_TRACE: Final = b"x" * 32
SOME_SPAN: Final = b"x" * 16
SOME_FLAGS: Final = b"xx"


class Trace:
    """The trace of a request, and the *lines* that the upstream gets.

    *trace_id* is 32 hexadecimal digits. Each of *lines* has a leading CRLF.
    """

    __slots__ = ("lines", "trace_id")

    def __init__(self, trace_id: bytes, lines: bytes) -> None:
        self.trace_id = trace_id
        self.lines = lines


class ReceivedTrace(Trace):
    """The trace that a request came with; its *lines* are as received.

    *parent_id* is the caller's span, 16 hexadecimal digits, and *flag_digits* are two of them.
    *tracestate* is normalised, and empty if there is no valid one.
    """

    __slots__ = ("flag_digits", "parent_id", "tracestate")

    def __init__(
        self,
        trace_id: bytes,
        parent_id: bytes,
        flag_digits: bytes,
        tracestate: bytes,
        lines: bytes,
    ) -> None:
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.flag_digits = flag_digits
        self.tracestate = tracestate
        self.lines = lines

    @property
    def flags(self) -> int:
        """Return the flags as a number."""
        return int(self.flag_digits, 16)

    @property
    def is_sampled(self) -> bool:
        """Return whether the caller asks to record the trace."""
        return self.flags & SAMPLED != 0


def read_trace(traceparent: bytes, tracestate: bytes) -> ReceivedTrace | None:
    """Return the trace in these fields, or None if *traceparent* is invalid (§4.3).

    Several fields of one name come as one value with commas, which is no valid traceparent. An
    invalid *tracestate* alone is dropped.
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, parent_id, flag_digits, more = found.groups()
    if more is not None and version == b"00":
        return None
    lines = b"\r\ntraceparent: " + traceparent
    state = _settle_state(tracestate) if tracestate else b""
    if state:
        lines += b"\r\ntracestate: " + state
    return ReceivedTrace(trace_id, parent_id, flag_digits, state, lines)


def write_trace(trace_id: bytes, parent_id: bytes, flags: int, tracestate: bytes = b"") -> bytes:
    """Return the lines of a new span, in version 00, the highest known one (§3.2.4)."""
    line = b"\r\ntraceparent: 00-%b-%b-%02x" % (trace_id, parent_id, flags & _KNOWN_FLAGS)
    return b"%b\r\ntracestate: %b" % (line, tracestate) if tracestate else line


def rehearse_trace(received: ReceivedTrace | None) -> Trace:
    """Return the trace of a request that came with *received*, if spans are recorded."""
    if received is None:
        lines = b"\r\ntraceparent: 00-%b-%b-%b" % (SOME_TRACE, SOME_SPAN, SOME_FLAGS)
        return Trace(SOME_TRACE, lines)
    if not received.is_sampled:
        return received
    lines = write_trace(received.trace_id, SOME_SPAN, received.flags, received.tracestate)
    return Trace(received.trace_id, lines)


def _settle_state(tracestate: bytes) -> bytes:
    """Return the members of *tracestate*, or nothing if one of them is invalid (§4.3)."""
    parts = (part.strip(b" \t") for part in tracestate.split(b","))
    members = [part for part in parts if part]  # §3.3.1.1: empty members are allowed
    if len(members) > _MAX_MEMBERS:
        return b""
    keys = set()
    for member in members:
        found = _MEMBER.fullmatch(member)
        if found is None:
            return b""
        keys.add(found[1])
    return b",".join(members) if len(keys) == len(members) else b""
