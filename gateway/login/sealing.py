"""Seal what a browser or Redis keeps: only gateways with the same keys can read or make it."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from enum import Enum
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from gateway.decision.tokens.base64url import decode_base64url

KEY_BYTES: Final = 32

# The longest text that is opened at all, in characters: far more than a browser keeps for a host.
MAX_TEXT: Final = 64 * 1024

_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEAD_BYTES: Final = len(_VERSION) + _ID_BYTES


class Purpose(Enum):
    """What a text is sealed for; one that is sealed for one purpose opens for no other."""

    LOGIN = b"login under way"
    SESSION_COOKIE = b"session in a cookie"
    SESSION_IN_REDIS = b"session in redis"


class KeyRing:
    """Seals with the first of *keys*, 32 bytes each, and opens with any of them.

    The cipher is AES-256-GCM-SIV (RFC 8452). Nonces are random, and gateways that share keys do
    not know of each other's. If a nonce ever repeats (a virtual machine is cloned with the state
    of its random numbers), this cipher reveals only whether two texts are equal; AES-GCM would let
    anyone forge sessions. Each purpose has a key of its own (HKDF, RFC 5869).

    Raises ValueError for a key of another length, and for no key at all.
    """

    def __init__(self, keys: Sequence[bytes], random: Callable[[int], bytes] = token_bytes) -> None:
        if not keys:
            raise ValueError("a key ring needs a key")
        if any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"each key must be {KEY_BYTES} bytes")
        self._random = random
        self._first = _key_id(keys[0])
        # In reverse, so that of two keys with one id, which never happens, the first is used.
        self._ciphers = {
            (purpose, _key_id(key)): AESGCMSIV(_derive(key, purpose.value))
            for key in reversed(keys)
            for purpose in Purpose
        }

    def seal(self, purpose: Purpose, plain: bytes, context: bytes = b"") -> str:
        """Return *plain* as base64url, a third and 44 characters longer.

        Whoever opens it must name the same *context*, which is not part of the text.
        """
        head = _VERSION + self._first
        nonce = self._random(_NONCE_BYTES)
        cipher = self._ciphers[purpose, self._first]
        body = cipher.encrypt(nonce, plain, head + context)
        return urlsafe_b64encode(head + nonce + body).rstrip(b"=").decode()

    def open(self, purpose: Purpose, text: str | bytes, context: bytes = b"") -> bytes | None:
        """Return what was sealed; None for any other *text*, whatever it is.

        That is one that was changed or cut, or sealed with another key, for another purpose or in
        another *context*, or that is longer than MAX_TEXT. Each text has one spelling.
        """
        if len(text) > MAX_TEXT:
            return None
        octets = decode_base64url(_ascii(text))
        if octets is None or len(octets) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES:
            return None
        head, rest = octets[:_HEAD_BYTES], octets[_HEAD_BYTES:]
        cipher = self._ciphers.get((purpose, head[len(_VERSION) :]))
        if cipher is None or not head.startswith(_VERSION):
            return None
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + context)
        except InvalidTag:
            return None


def _ascii(text: str | bytes) -> bytes:
    # What is not ASCII becomes `?`, which base64url does not have.
    return text if isinstance(text, bytes) else text.encode("ascii", "replace")


def _key_id(key: bytes) -> bytes:
    return _expand(key, b"id", _ID_BYTES)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return _expand(key, b"key for " + purpose, KEY_BYTES)


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    # Keys are random in all of their bits, so HKDF's first step is not needed (RFC 5869 §3.3).
    return HKDFExpand(SHA256(), length, b"jwt-gateway login 1: " + info).derive(key)
