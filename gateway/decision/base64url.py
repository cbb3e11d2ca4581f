"""Decode base64url as RFC 7515 wants it: one text for each octet string."""

import binascii

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")

# RFC 4648 §3.5: the last character's unused bits are zero. By length modulo 4.
_LAST = {0: frozenset(_ALPHABET), 2: frozenset(b"AQgw"), 3: frozenset(_ALPHABET[::4])}


def decode_base64url(text: bytes) -> bytes | None:
    """Return the octets, or None for anything that is not their one spelling.

    Padding, white space, the standard alphabet's ``+/`` and stray bits at the end are
    refused: each would give one signature many spellings.
    """
    if text.translate(None, _ALPHABET):
        return None
    if not text:
        return b""
    last = _LAST.get(len(text) % 4)
    if last is None or text[-1] not in last:
        return None
    padding = b"=" * (-len(text) % 4)
    return binascii.a2b_base64(text.translate(_TO_STANDARD) + padding)
