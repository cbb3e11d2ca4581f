"""Frames of HTTP/2 and their headers blocks, byte by byte (RFC 9113 §4, RFC 7541 §6).

Written here and not by a library: a test must be able to send what none would.
"""

from collections.abc import Iterable
from enum import IntEnum, IntFlag
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES = 9


class Kind(IntEnum):
    """What a frame is (RFC 9113 §6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag(IntFlag):
    """What the bits of a frame's flags mean; ACK and END_STREAM are the same bit."""

    NONE = 0
    ACK = 1
    END_STREAM = 1
    END_HEADERS = 4
    PADDED = 8
    PRIORITY = 32


class Code(IntEnum):
    """Why a stream or a connection ends (RFC 9113 §7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """What the values of SETTINGS are (RFC 9113 §6.5.2, RFC 8441 §3)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def has(self, flag: Flag) -> bool:
        return bool(self.flags & flag)

    @property
    def number(self) -> int:
        """Return the last four bytes: a code, a size of a window."""
        return int.from_bytes(self.payload[-4:], "big")


def frame(
    kind: int, stream: int, payload: bytes = b"", flags: int = 0, length: int | None = None
) -> bytes:
    """Return a frame; *length* is what it says of itself, by default the truth."""
    size = len(payload) if length is None else length
    head = size.to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def settings(values: Iterable[tuple[int, int]] = ()) -> bytes:
    """Return SETTINGS with *values* in this order."""
    payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values)
    return frame(Kind.SETTINGS, 0, payload)


def window_update(stream: int, size: int) -> bytes:
    """Return WINDOW_UPDATE of *size* bytes; stream 0 is the connection."""
    return frame(Kind.WINDOW_UPDATE, stream, size.to_bytes(4, "big"))


def rst_stream(stream: int, code: int = Code.CANCEL) -> bytes:
    """Return RST_STREAM."""
    return frame(Kind.RST_STREAM, stream, code.to_bytes(4, "big"))


def priority(depends_on: int, weight: int = 15, *, exclusive: bool = False) -> bytes:
    """Return the five bytes that PRIORITY has, and HEADERS may have."""
    return (depends_on | (exclusive << 31)).to_bytes(4, "big") + bytes((weight,))


def padded(payload: bytes, pad_bytes: int, length: int | None = None) -> bytes:
    """Return *payload* with padding; *length* is what is said of it, by default the truth."""
    return bytes((pad_bytes if length is None else length,)) + payload + bytes(pad_bytes)


def integer(value: int, prefix_bits: int, pattern: int) -> bytes:
    """Return *value* as HPACK writes it, behind the bits of *pattern* (RFC 7541 §5.1)."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes((pattern | value,))
    out = bytearray((pattern | most,))
    value -= most
    while value >= 128:
        out.append(128 | value & 127)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(raw: bytes) -> bytes:
    """Return *raw* as a string of HPACK, not Huffman-coded (RFC 7541 §5.2)."""
    return integer(len(raw), 7, 0) + raw


def literal(name: bytes, value: bytes) -> bytes:
    """Return a field that no table remembers, so that a block is the same each time."""
    return b"\0" + text(name) + text(value)


def remembered(name: bytes, value: bytes) -> bytes:
    """Return a field that the dynamic table remembers (RFC 7541 §6.2.1)."""
    return b"\x40" + text(name) + text(value)


def indexed(index: int) -> bytes:
    """Return a field of a table (RFC 7541 §6.1); 62 is what was remembered last."""
    return integer(index, 7, 0x80)


def table_size(size: int) -> bytes:
    """Return an update of the dynamic table's size (RFC 7541 §6.3)."""
    return integer(size, 5, 0x20)


Field = tuple[bytes, bytes]


def block(fields: Iterable[Field]) -> bytes:
    """Return *fields* as a headers block without use of tables."""
    return b"".join(literal(name, value) for name, value in fields)


def request_fields(
    path: bytes, *fields: Field, method: bytes = b"GET", authority: bytes = b"gateway.test"
) -> list[Field]:
    """Return the fields of a request."""
    pseudo = [(b":method", method), (b":scheme", b"http"), (b":path", path)]
    return [*pseudo, (b":authority", authority), *fields]


def headers(
    stream: int,
    fields: Iterable[Field],
    *,
    ends: bool = True,
) -> bytes:
    """Return *fields* in HEADERS, and in CONTINUATION frames where they are too long."""
    raw = block(fields)
    first, rest = raw[:16384], raw[16384:]
    flags = Flag.END_STREAM if ends else Flag.NONE
    if not rest:
        return frame(Kind.HEADERS, stream, first, flags | Flag.END_HEADERS)
    out = frame(Kind.HEADERS, stream, first, flags)
    while rest:
        piece, rest = rest[:16384], rest[16384:]
        last = Flag.NONE if rest else Flag.END_HEADERS
        out += frame(Kind.CONTINUATION, stream, piece, last)
    return out


def body(stream: int, raw: bytes, *, ends: bool = True) -> bytes:
    """Return *raw* in DATA frames."""
    pieces = [raw[at : at + 16384] for at in range(0, len(raw), 16384)] or [b""]
    flags = [Flag.NONE] * (len(pieces) - 1) + [Flag.END_STREAM if ends else Flag.NONE]
    return b"".join(
        frame(Kind.DATA, stream, piece, flag) for piece, flag in zip(pieces, flags, strict=True)
    )
