"""Load early what libraries would load with the first request that needs it.

An import opens files. If no descriptor is left, or a disk fails, it would raise in the middle of a
request, for a reason that has nothing to do with it.
"""

import codecs
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PublicKey,
    MLDSA65PublicKey,
    MLDSA87PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from gateway.decision.algorithms import ALGORITHMS, fitting_algorithms

# The first is used to look up host names.
_CODECS = ("idna", "ascii", "latin-1", "utf-8")

# A key of each kind, and the length of its signatures. Any odd number will do for an RSA modulus
# that verifies nothing.
_KEYS = (
    (lambda: bytes(64), 32),
    (lambda: RSAPublicNumbers(65537, 2**2047 + 1).public_key(), 256),
    (lambda: derive_private_key(1, SECP256R1()).public_key(), 64),
    (lambda: derive_private_key(1, SECP384R1()).public_key(), 96),
    (lambda: derive_private_key(1, SECP521R1()).public_key(), 132),
    (lambda: Ed25519PublicKey.from_public_bytes(b"\2" + bytes(31)), 64),
    (lambda: Ed448PublicKey.from_public_bytes(b"\2" + bytes(56)), 114),
    (lambda: MLDSA44PublicKey.from_public_bytes(bytes(1312)), 2420),
    (lambda: MLDSA65PublicKey.from_public_bytes(bytes(1952)), 3309),
    (lambda: MLDSA87PublicKey.from_public_bytes(bytes(2592)), 4627),
)


def preload() -> None:
    """Load the codecs and the cryptography that requests may need; raise what prevents it.

    Each algorithm verifies one bad signature: a list of modules would change with the versions of
    the libraries.
    """
    for name in _CODECS:
        codecs.lookup(name)
    for key, signature in _samples():
        for algorithm in fitting_algorithms(key):
            ALGORITHMS[algorithm].verify(b"", key, signature)


def _samples() -> Iterator[tuple[object, bytes]]:
    for make, size in _KEYS:
        try:
            yield make(), b"\1" * size
        except UnsupportedAlgorithm:  # this OpenSSL lacks it, and verifies no token with it either
            continue
