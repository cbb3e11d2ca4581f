"""Prove that who exchanges a code is who asked for it: PKCE with S256 (RFC 7636)."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

METHOD: Final = "S256"

RANDOM_BYTES: Final = 32  # RFC 7636 §4.1 and §7.1: 256 bits of entropy, 43 characters


def make_verifier(octets: bytes) -> str:
    """Return the verifier made of 32 random *octets*."""
    if len(octets) != RANDOM_BYTES:
        raise ValueError(f"a verifier is made of {RANDOM_BYTES} random bytes")
    return _encode(octets)


def challenge_of(verifier: str) -> str:
    """Return the challenge of *verifier*, by S256: the verifier does not follow from it."""
    return _encode(sha256(verifier.encode("ascii")).digest())


def _encode(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
