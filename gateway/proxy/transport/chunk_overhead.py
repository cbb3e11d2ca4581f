"""Bound what the framing of a chunked body may cost: sizes, extensions and trailers."""

from typing import Final

# So many bytes for each byte of body, and so many more in all: one-byte chunks are legal,
# 4 KiB of extension on each are an attack (CVE-2023-39326).
_RATIO: Final = 16


class ChunkOverhead:
    """The bytes of one chunked body that are framing, not body.

    *read_bytes* are those of its message that were read before it.
    """

    __slots__ = ("_body_bytes", "_quiet_bytes", "_read_bytes")

    def __init__(self, read_bytes: int = 0) -> None:
        self._read_bytes = read_bytes
        self._body_bytes = 0
        self._quiet_bytes = 0  # since the last byte of body

    def exceeds(self, size: int, body_bytes: int, spare_bytes: int) -> bool:
        """Return whether a piece of *size* bytes is too much; *body_bytes* of body came so far.

        *spare_bytes* of framing are free, and no more of it may come without any body in between:
        the parser copies an unfinished field again with each piece of it.
        """
        self._read_bytes += size
        if self._body_bytes == body_bytes:
            self._quiet_bytes += size
        else:
            self._body_bytes = body_bytes
            self._quiet_bytes = 0
        allowed = spare_bytes + (_RATIO + 1) * body_bytes
        return self._quiet_bytes > spare_bytes or self._read_bytes > allowed
