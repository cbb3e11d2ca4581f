"""Recognise a request that repeats the one before it, without parsing it again."""

from typing import Final

from gateway.http.reading.fields import Fields
from gateway.http.reading.request import USUAL_METHODS, Request
from gateway.http.reading.trace_context import ReceivedTrace, read_trace
from gateway.settings.values.configuration import Limits

_USUAL_METHODS: Final = {name.encode(): name for name in USUAL_METHODS}

# Visible ASCII without `#`: what the parser accepts in a target, too.
_TARGET_BYTES: Final = bytes(byte for byte in range(0x21, 0x7F) if byte != 0x23)

_TRACE_STARTS: Final = (b"\r\ntraceparent: ", b"\r\nTraceparent: ")
_TRACEPARENT_BYTES: Final = 55

_TOKEN_STARTS: Final = (b"\r\nAuthorization: Bearer ", b"\r\nauthorization: Bearer ")

# RFC 6750 §2.1, b64token: bytes that cannot end a field, or begin another.
_TOKEN_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

# The most memory that a remembered header section takes, on each connection. It also leaves half
# of a head to the target, so that a section and a target that fit are never too large together.
_MAX_BYTES: Final = 4096

_NO_FIELDS: Final = Fields()

# If sections are remembered in vain again and again: so many requests are not remembered at all.
_MAX_PAUSE: Final = 15


class RepeatedHead:
    """The last plain request head of a connection: its bytes, and what they mean.

    Most clients send the same header section again on the same connection, with the same or
    another request line. The same bytes mean the same, so only the request line is read anew. On a
    connection that many users share, only the bearer token differs; a client that traces its
    requests sends each with a traceparent of its own. Then these are all that is read anew. If
    nothing is repeated, heads are remembered less and less often.

    *whole* is the last request that matched, to the byte, and *whole_bytes* its length.
    """

    __slots__ = (
        "_after_token",
        "_after_trace",
        "_before_token",
        "_before_trace",
        "_fields",
        "_head_bytes",
        "_line",
        "_method",
        "_pause",
        "_section",
        "_skips",
        "_target",
        "_target_bytes",
        "_trace",
        "_traceparent",
        "_whole_trace",
        "whole",
        "whole_bytes",
    )

    def __init__(self, limits: Limits) -> None:
        self._set_limits(limits)
        self.whole = b""
        self.whole_bytes = -1  # that of no data
        self._whole_trace: ReceivedTrace | None = None
        self._section = b""
        # The section before its bearer token, and after it; empty if it has none.
        self._before_token = self._after_token = b""
        self._trace: ReceivedTrace | None = None
        # Its traceparent, or empty if no other may stand in its place; and how many bytes are
        # before it or, if the bearer token is before it and may change its length, after it.
        self._traceparent = b""
        self._before_trace = self._after_trace = 0
        self._fields = _NO_FIELDS
        # The last request line, and its parts: a client that polls sends it again, too.
        self._line: bytes | None = None
        self._method = ""
        self._target = b""
        self._pause = 0
        self._skips = 0

    def use(self, limits: Limits) -> None:
        """Forget all: under another configuration it may mean something else."""
        self._set_limits(limits)
        self._section = self._before_token = self.whole = b""
        self.whole_bytes = -1
        self._fields = _NO_FIELDS  # they hold the last decision, and the policy it is based on
        self._line = None

    def _set_limits(self, limits: Limits) -> None:
        self._head_bytes = min(limits.head_bytes // 2, _MAX_BYTES)
        self._target_bytes = min(limits.target_bytes, limits.head_bytes - self._head_bytes)

    def repeat(self) -> Request:
        """Return the request in ``whole``, for data that are the same to the byte."""
        return Request(self._method, self._target, self._fields, self._whole_trace)

    def match(self, data: bytes) -> Request | None:
        """Return the request in *data*, if it is a whole one with the same fields.

        Return None in case of doubt: then the parser decides.
        """
        whole, section, trace = data, self._section, self._trace
        if not section:
            return None
        if not data.endswith(section):
            if trace is not None and self._traceparent:
                found = self._find_trace(data, trace)
                if found is None:
                    return None
                data, trace = found
            if not data.endswith(section):
                return self._match_but_token(data, trace, whole) if self._before_token else None
        line = data[: -len(section)]
        if line != self._line and not self._read_line(line):
            return None
        self._pause = 0
        self.whole, self.whole_bytes, self._whole_trace = whole, len(whole), trace
        return Request(self._method, self._target, self._fields, trace)

    def _find_trace(self, data: bytes, last: ReceivedTrace) -> tuple[bytes, ReceivedTrace] | None:
        """Return *data* with the *last* traceparent in the place of its own, and its own trace.

        It is expected where the last one was. If *data* differs in more than that, the caller's
        look at the rest of it shows it.
        """
        if len(data) > self._head_bytes:
            return None
        if self._after_trace:
            begin = len(data) - self._after_trace - _TRACEPARENT_BYTES
        else:
            begin = data.find(b"\r\n") + self._before_trace
        if begin < 0:
            return None
        end = begin + _TRACEPARENT_BYTES
        traceparent = data[begin:end]
        if traceparent == self._traceparent:
            return data, last
        trace = read_trace(traceparent, last.tracestate)
        if trace is None:
            return None
        return b"%b%b%b" % (data[:begin], self._traceparent, data[end:]), trace

    def _match_but_token(
        self, data: bytes, trace: ReceivedTrace | None, whole: bytes
    ) -> Request | None:
        """Return the request in *data*, if only the bearer token of the section is new.

        It was received as *whole*, which may have another traceparent.
        """
        before, after = self._before_token, self._after_token
        start = data.find(b"\r\n")
        begin = start + len(before)
        end = len(data) - len(after)
        if not begin < end or len(data) > self._head_bytes:
            return None
        if not data.startswith(before, start) or not data.endswith(after):
            return None
        token = data[begin:end]
        if token.translate(None, _TOKEN_BYTES):
            return None  # the parser decides where the token ends and the next field begins
        line = data[:start]
        if line != self._line and not self._read_line(line):
            return None
        self._pause = 0
        self.whole, self.whole_bytes, self._whole_trace = whole, len(whole), trace
        self._section = data[start:]  # a client with a new token mostly uses it again
        self._fields = fields = self._fields.with_authorization(b"Bearer " + token)
        return Request(self._method, self._target, fields, trace)

    def _read_line(self, line: bytes) -> bool:
        """Read a request line; return False if it is not one of the usual kind."""
        name, _, rest = line.partition(b" ")
        method = _USUAL_METHODS.get(name)
        if method is None or rest[-9:] != b" HTTP/1.1" or rest[:1] != b"/":
            return False
        target = rest[:-9]
        if target.translate(None, _TARGET_BYTES) or len(target) > self._target_bytes:
            return False
        self._line, self._method, self._target = line, method, target
        return True

    def remember(self, data: bytes, fields: Fields, trace: ReceivedTrace | None) -> None:
        """Remember the plain request in *data*, if it came alone and in one piece.

        *fields* and *trace* are what was read of it, not what became of it.
        """
        self._section = self._before_token = self.whole = b""
        self.whole_bytes = -1
        if self._skips:
            self._skips -= 1
            return
        self._skips = self._pause
        self._pause = min(self._pause * 2 + 1, _MAX_PAUSE)
        if len(data) > self._head_bytes:
            return
        start = data.find(b"\r\n")
        if start > 0 and data.find(b"\r\n\r\n") == len(data) - 4:
            self._section = data[start:]
            self._fields = fields
            fields.joined = b"".join(fields.lines)
            self._find_token(fields.authorization)
            self._trace = trace
            self._traceparent = b""
            if trace is not None and fields.traceparent is not None:
                self._find_traceparent(fields.traceparent)

    def _find_traceparent(self, traceparent: bytes) -> None:
        """Find where in the section *traceparent* stands, in a usual spelling."""
        if len(traceparent) != _TRACEPARENT_BYTES:
            return
        for start in _TRACE_STARTS:
            front, found, after = self._section.partition(start + traceparent + b"\r\n")
            if found:
                self._traceparent = traceparent
                self._before_trace = before = len(front) + len(start)
                is_after_token = bool(self._before_token) and len(self._before_token) < before
                self._after_trace = len(after) + 2 if is_after_token else 0

    def _find_token(self, authorization: tuple[bytes, ...]) -> None:
        """Find where in the section the bearer token stands, in a usual spelling."""
        if len(authorization) != 1 or not authorization[0].startswith(b"Bearer "):
            return
        for start in _TOKEN_STARTS:
            before, found, after = self._section.partition(start + authorization[0][7:] + b"\r\n")
            if found:
                self._before_token = before + start
                self._after_token = b"\r\n" + after
