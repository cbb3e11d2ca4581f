"""The first line of a response: with the standard phrase, not the upstream's."""

from http import HTTPStatus
from typing import Final


class _StatusLines(dict[int, bytes]):
    """Status lines without their line end; an unknown status has no phrase (RFC 9112 §4)."""

    def __missing__(self, status: int) -> bytes:
        return b"HTTP/1.1 %d " % status


STATUS_LINES: Final = _StatusLines(
    {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
)
