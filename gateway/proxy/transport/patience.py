"""How much work a peer may cause for nothing over HTTP/2, before its connection is ended."""

from math import inf
from typing import Final

from gateway.http.reading.field_collector import Section

# Streams that are reset although a request on them may have reached a service: a client that only
# opens and resets them may do so as often (CVE-2023-44487, CVE-2025-8671). Each response that
# completes allows one more, and so does time.
_RESETS: Final = 28
_MOST_RESETS: Final = 128
_RESETS_PER_SECOND: Final = 10.0

# Frames about the connection alone, and empty ones (CVE-2019-9512 to 9518). Bodies, both ways, and
# responses allow some, since WINDOW_UPDATE is one of them.
_FRAMES: Final = 1000.0
_FRAMES_PER_SECOND: Final = 100.0
_FRAMES_PER_PIECE: Final = 4.0
_FRAMES_PER_RESPONSE: Final = 10.0

# Bytes that are neither a body nor the head of a request that came whole: also those of frames
# that nobody hears of, such as PRIORITY.
_BYTES: Final = 512 * 1024.0
_BYTES_PER_SECOND: Final = 8 * 1024.0
_BYTES_PER_RESPONSE: Final = 16 * 1024.0
# A body may come byte by byte, as in HTTP/1.1: there are so many bytes of framing for each.
_BYTES_PER_BODY_BYTE: Final = 17


class Patience:
    """What a peer has left of each kind of work; it gets more by using the connection well.

    *most_bytes* is how much may be left of bytes that are neither bodies nor heads.
    """

    __slots__ = ("_bytes", "_frames", "_most_bytes", "_resets", "_since")

    def __init__(self, now: float, most_bytes: float = _BYTES) -> None:
        self._since = now
        self._resets = float(_RESETS)
        self._frames = _FRAMES
        self._bytes = _BYTES
        self._most_bytes = most_bytes

    def is_over(self) -> bool:
        """Return whether nothing is left of one kind."""
        return self._bytes < 0 or self._frames < 0 or self._resets < 0

    def is_over_by_resets_alone(self) -> bool:
        """Return whether there is something left of each kind but resets."""
        return self._bytes >= 0 and self._frames >= 0

    def allow_no_resets(self) -> None:
        """Have nothing left of resets for good."""
        self._resets = -inf

    def received(self, size: int) -> None:
        """Charge *size* bytes of input, of any kind."""
        self._bytes -= size

    def head_received(self, headers: Section) -> None:
        """Allow the bytes of a request's head: how many may be in flight is limited by itself."""
        if self._bytes < _BYTES / 2:  # else nothing is gained, and it is not worth the sum
            size = sum(len(name) + len(value) for name, value in headers)
            self._bytes = min(self._most_bytes, self._bytes + size)

    def control_received(self) -> None:
        """Charge a frame that is about the connection alone, or empty."""
        self._frames -= 1

    def was_reset(self) -> None:
        """Charge a stream that was reset, by the client or because of what it sent."""
        self._resets -= 1

    def body_passed(self, size: int) -> None:
        """Allow what belongs to a piece of a body of *size* bytes, in either direction."""
        self._frames = min(_FRAMES, self._frames + _FRAMES_PER_PIECE)
        self._bytes = min(self._most_bytes, self._bytes + _BYTES_PER_BODY_BYTE * size)

    def response_ended(self) -> None:
        """Allow what belongs to a request that was answered."""
        self._resets = min(_MOST_RESETS, self._resets + 1)
        self._frames = min(_FRAMES, self._frames + _FRAMES_PER_RESPONSE)
        self._bytes = min(self._most_bytes, self._bytes + _BYTES_PER_RESPONSE)

    def stream_given_up(self, size: int) -> None:
        """Allow *size* bytes: as many may be on their way on a stream that we have reset."""
        self._bytes = min(self._most_bytes, self._bytes + size)

    def elapse(self, now: float) -> None:
        """Allow what time allows, up to *now*."""
        seconds, self._since = now - self._since, now
        if self._resets < _RESETS:
            self._resets = min(_RESETS, self._resets + _RESETS_PER_SECOND * seconds)
        self._frames = min(_FRAMES, self._frames + _FRAMES_PER_SECOND * seconds)
        self._bytes = min(self._most_bytes, self._bytes + _BYTES_PER_SECOND * seconds)
