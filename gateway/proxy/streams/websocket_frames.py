"""Follow the frames of a WebSocket: where one ends and the next begins (RFC 6455 §5.2)."""

import struct
from typing import Final

_MAX_HEAD_BYTES: Final = 14  # opcode, length, the 8 bytes of a long one, and the mask
_MAX_CONTROL_BYTES: Final = 125
_SIZE_OF_LENGTH: Final = {126: 2, 127: 8}
_OPCODES: Final = frozenset((0x0, 0x1, 0x2, 0x8, 0x9, 0xA))
_CLOSE: Final = 0x8


class FrameTracker:
    """The borders of the frames that one end of a WebSocket sends; the client's are *masked*.

    It reads only headers, and keeps nothing of a payload. *has_closed* says that a Close frame
    came: what follows means nothing. *is_lost* says that a frame was malformed, so that it is
    unknown where the next one begins.
    """

    __slots__ = ("_head", "_is_close", "_left", "_masked", "has_closed", "is_lost")

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked
        self._head = b""
        self._left = 0  # bytes of the payload that are still to come
        self._is_close = False
        self.has_closed = False
        self.is_lost = False

    @property
    def is_between(self) -> bool:
        """Return whether a frame could begin here."""
        return not (self._left or self._head or self.is_lost)

    def follow(self, data: bytes) -> None:
        """Note that *data* passed."""
        if self._left > len(data):  # the middle of a large frame, and the usual case of bulk
            self._left -= len(data)
            return
        at = 0
        while at < len(data):
            at = self.follow_one(data, at)

    def follow_one(self, data: bytes, at: int = 0) -> int:
        """Note that *data* passed, from *at* up to the end of one frame; return where that is.

        If the frame does not end there, or nothing is known, it is the end of *data*.
        """
        end = len(data)
        if self.has_closed or self.is_lost:
            return end
        if not self._left:
            at = self._begin(data, at)
            if self._head or self.is_lost:
                return end
        taken = min(self._left, end - at)
        self._left -= taken
        if not self._left and self._is_close:
            self.has_closed = True
        return at + taken

    def _begin(self, data: bytes, at: int) -> int:
        """Read the header of a frame; return where its payload begins."""
        known = len(self._head)
        head = self._head + data[at : at + _MAX_HEAD_BYTES - known]
        if len(head) < 2:
            self._head = head
            return len(data)
        code = head[1] & 0x7F
        if self._is_malformed(head[0], head[1], code):
            self.is_lost = True
            return len(data)
        length_end = 2 + _SIZE_OF_LENGTH.get(code, 0)
        head_bytes = length_end + (4 if self._masked else 0)
        if len(head) < head_bytes:
            self._head = head
            return len(data)
        self._head = b""
        self._left = code if code < 126 else int.from_bytes(head[2:length_end])
        self._is_close = head[0] & 0x0F == _CLOSE
        if self._left >> 63:
            self.is_lost = True  # RFC 6455 §5.2: the most significant bit is 0
        return at + head_bytes - known

    def _is_malformed(self, first: int, second: int, code: int) -> bool:
        opcode = first & 0x0F
        if opcode not in _OPCODES or bool(second & 0x80) is not self._masked:
            return True
        # RFC 6455 §5.5: control frames are short, and not fragmented.
        return opcode >= _CLOSE and (code > _MAX_CONTROL_BYTES or not first & 0x80)


def close_frame(code: int, reason: bytes, mask: bytes = b"") -> bytes:
    """Return a Close frame (RFC 6455 §5.5.1); a client's has a *mask* of 4 random bytes."""
    payload = struct.pack(">H", code) + reason
    if not mask:
        return bytes((0x80 | _CLOSE, len(payload))) + payload
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = bytes(one ^ other for one, other in zip(payload, key, strict=True))
    return bytes((0x80 | _CLOSE, 0x80 | len(payload))) + mask + masked
