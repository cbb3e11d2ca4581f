"""WebSocket frames as a soak needs them (RFC 6455 §5.2): one frame is one message."""

from base64 import b64encode
from hashlib import sha1
from typing import Final

from tests.proxy.wire import Wire

BINARY: Final = 2
CLOSE: Final = 8

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def key_of(nonce: str) -> bytes:
    """Return a Sec-WebSocket-Key that *nonce* alone has."""
    return b64encode(sha1(nonce.encode(), usedforsecurity=False).digest()[:16])


def accept_of(key: bytes) -> bytes:
    """Return the Sec-WebSocket-Accept that answers *key* (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + _MAGIC, usedforsecurity=False).digest())


def write_frame(opcode: int, payload: bytes, mask: bytes = b"") -> bytes:
    """Return a final frame; clients must *mask* with four bytes, servers must not (§5.1)."""
    size = len(payload)
    masked = 0x80 if mask else 0
    if size < 126:
        head = bytes((0x80 | opcode, masked | size))
    elif size < 0x10000:
        head = bytes((0x80 | opcode, masked | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, masked | 127)) + size.to_bytes(8, "big")
    return head + mask + _apply(mask, payload)


async def read_frame(wire: Wire) -> tuple[int, bytes]:
    """Return opcode and payload of the next frame; raises Cut."""
    first, second = await wire.read(2)
    size = second & 0x7F
    if size >= 126:
        size = int.from_bytes(await wire.read(2 if size == 126 else 8), "big")
    mask = await wire.read(4) if second & 0x80 else b""
    return first & 0x0F, _apply(mask, await wire.read(size))


def _apply(mask: bytes, payload: bytes) -> bytes:
    if not mask or not payload:
        return payload
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
