"""Find where one event of a stream ends and the next begins (HTML Standard §9.2.5)."""

import re
from typing import Final

# Each line may end in CRLF, LF or CR; an event ends with an empty line. Atomic, or the LF of a
# CRLF would be an empty line; and looked for at every place, since there may be several.
_BORDER: Final = re.compile(rb"(?=((?>\r\n|\n|\r){2}))")

# The end of a line and an empty line.
_MAX_BORDER_BYTES: Final = 4

# In a head that we wrote: one space after the colon.
_ENCODED: Final = re.compile(rb"\r\ncontent-encoding: (?!identity\r)")
_LENGTH: Final = b"\r\ncontent-length: "


class EventStream:
    """The borders between the events of one response, whose *head* is in lower case.

    It keeps only the last few bytes. *is_endless* says that the response has no length, so it
    ends only when the upstream or the gateway ends it; *is_draining* that the gateway does, at
    the next border.
    """

    __slots__ = ("_is_readable", "_tail", "is_draining", "is_endless")

    def __init__(self, head: bytes) -> None:
        self._tail = b""
        # No border can be seen in compressed data: the end of each piece is as good as any.
        self._is_readable = _ENCODED.search(head) is None
        self.is_endless = _LENGTH not in head
        self.is_draining = False

    def follow(self, data: bytes) -> None:
        """Note that *data* is sent."""
        if len(data) < _MAX_BORDER_BYTES:
            data = self._tail + data
        self._tail = data[-_MAX_BORDER_BYTES:]

    def is_between(self) -> bool:
        """Return whether an event ended with the last byte, or none has begun."""
        tail = self._tail
        if not (tail and self._is_readable):
            return True
        return any(border.end(1) == len(tail) for border in _BORDER.finditer(tail))

    def first_end(self, data: bytes) -> int | None:
        """Return where in *data*, which comes next, the first event ends; None if none does."""
        known = len(self._tail)
        ends = (border.end(1) for border in _BORDER.finditer(self._tail + data))
        return next((end - known for end in ends if end > known), None)
