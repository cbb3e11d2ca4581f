"""Bodies that say whose they are: every 256 bytes name the request and the place in the body."""

from functools import lru_cache
from typing import Final

_BLOCK_BYTES: Final = 256
_FILLING: Final = b"abcdefghijklmnopqrstuvwxyz0123456789" * 8


@lru_cache(maxsize=32)
def body_of(nonce: str, size: int) -> bytes:
    """Return *size* bytes that no other nonce has, and that tell of every byte lost in them."""
    count = -(-size // _BLOCK_BYTES)
    blocks = [(b"%b@%d " % (nonce.encode(), at) + _FILLING)[:_BLOCK_BYTES] for at in range(count)]
    return b"".join(blocks)[:size]


def asked_body(nonce: str, size: int) -> bytes:
    """Return the body that the request *nonce* carries."""
    return body_of("?" + nonce, size)


def answered_body(nonce: str, size: int) -> bytes:
    """Return the body that the answer to *nonce* carries."""
    return body_of("!" + nonce, size)


def pieces_of(body: bytes, count: int) -> list[bytes]:
    """Return *body* in at most *count* pieces of the same size, none of them empty."""
    size = max(1, -(-len(body) // max(1, count)))
    return [body[at : at + size] for at in range(0, len(body), size)]
