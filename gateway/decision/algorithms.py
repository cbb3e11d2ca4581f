"""The supported signature algorithms, and which of them a key may verify."""

from collections.abc import Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, get_default_algorithms

HMAC_ALGORITHMS = frozenset({"HS256", "HS384", "HS512"})
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

# RFC 7518 §3.4: each curve has one algorithm.
_CURVE_ALGORITHMS: Mapping[str, frozenset[str]] = {
    SECP256R1.name: frozenset({"ES256"}),
    SECP384R1.name: frozenset({"ES384"}),
    SECP521R1.name: frozenset({"ES512"}),
}
_NO_ALGORITHMS: frozenset[str] = frozenset()

ASYMMETRIC_ALGORITHMS = RSA_ALGORITHMS | {"ES256", "ES384", "ES512", "EdDSA", "Ed25519"}


def _make_table() -> Mapping[str, Algorithm]:
    # An allow list of our own: the library's defaults include `none`.
    known = get_default_algorithms()
    known["Ed25519"] = known["EdDSA"]  # RFC 9864; a key decides which curve it is
    return MappingProxyType(
        {name: known[name] for name in sorted(ASYMMETRIC_ALGORITHMS | HMAC_ALGORITHMS)}
    )


ALGORITHMS = _make_table()


def fitting_algorithms(material: object) -> frozenset[str]:
    """Return the algorithms that *material* may verify, by its kind of key (RFC 8725 §3.1).

    *material* is a ``cryptography`` public key, or bytes for HMAC. Empty for anything else.
    """
    match material:
        case bytes():
            return HMAC_ALGORITHMS
        case RSAPublicKey():
            return RSA_ALGORITHMS
        case EllipticCurvePublicKey():
            return _CURVE_ALGORITHMS.get(material.curve.name, _NO_ALGORITHMS)
        case Ed25519PublicKey():
            return frozenset({"EdDSA", "Ed25519"})
        case Ed448PublicKey():
            return frozenset({"EdDSA"})
        case _:
            return _NO_ALGORITHMS
