"""Decode base64url strictly (RFC 7515): one text for each octet string."""

from binascii import Error, a2b_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Into the standard alphabet; its own `+/=` become invalid.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")

# RFC 4648 §3.5: the last character's unused bits are zero. By length modulo 4.
_LAST = (
    frozenset(range(256)),  # no unused bits
    frozenset[int](),  # six bits make no octet
    frozenset(b"AQgw"),
    frozenset(_ALPHABET[::4]),
)
_PADDING = (b"", b"", b"==", b"=")


def decode_base64url(text: bytes) -> bytes | None:
    """Return the octets, or None for anything but their canonical spelling.

    Padding, white space, the standard alphabet's ``+/`` and stray bits at the end are refused:
    each would give one signature many spellings.
    """
    if not text:
        return b""
    beyond = len(text) & 3
    if text[-1] not in _LAST[beyond]:
        return None
    try:
        return a2b_base64(text.translate(_TO_STANDARD) + _PADDING[beyond], strict_mode=True)
    except Error:
        return None
