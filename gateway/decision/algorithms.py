"""The supported signature algorithms, and which of them a key may verify."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PublicKey,
    MLDSA65PublicKey,
    MLDSA87PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import get_default_algorithms

HMAC_ALGORITHMS = frozenset({"HS256", "HS384", "HS512"})
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

# RFC 7518 §3.4: each curve has one algorithm.
_CURVE_ALGORITHMS: Mapping[str, frozenset[str]] = {
    SECP256R1.name: frozenset({"ES256"}),
    SECP384R1.name: frozenset({"ES384"}),
    SECP521R1.name: frozenset({"ES512"}),
}
_NO_ALGORITHMS: frozenset[str] = frozenset()

# RFC 9964 §4: the parameter set is part of the name, and a key is for one of them.
ML_DSA_ALGORITHMS = frozenset({"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"})

ASYMMETRIC_ALGORITHMS = (
    RSA_ALGORITHMS | {"ES256", "ES384", "ES512", "EdDSA", "Ed25519"} | ML_DSA_ALGORITHMS
)


class SignatureAlgorithm(Protocol):
    """What is used of an algorithm, in the words of PyJWT, which has most of them."""

    def sign(self, msg: bytes, key: Any) -> bytes:
        """Return the signature of *msg* by the private *key*, or the secret."""

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether *sig* is the signature of *msg* by the private half of *key*."""

    def to_jwk(self, key_obj: Any, as_dict: Literal[True]) -> dict[str, Any]:
        """Return the public key *key_obj* as the members of a JWK (RFC 7517)."""


class _MlDsa:
    """ML-DSA (RFC 9964, FIPS 204) of the parameter set called *name*, with an empty context."""

    def __init__(self, name: str) -> None:
        self._name = name

    def sign(self, msg: bytes, key: Any) -> bytes:
        """Return the signature of *msg* by the private *key*."""
        return bytes(key.sign(msg))

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether *sig* is the signature of *msg* by the private half of *key*."""
        try:
            key.verify(sig, msg)
        except InvalidSignature:  # of another length, too
            return False
        return True

    def to_jwk(self, key_obj: Any, as_dict: Literal[True]) -> dict[str, Any]:
        """Return the public key *key_obj* as a JWK (RFC 9964 §3)."""
        public = urlsafe_b64encode(key_obj.public_bytes_raw()).rstrip(b"=").decode("ascii")
        return {"kty": "AKP", "alg": self._name, "pub": public}


def _make_table() -> Mapping[str, SignatureAlgorithm]:
    # An allow list of our own: the library's defaults include `none`.
    known: dict[str, Any] = get_default_algorithms()
    known["Ed25519"] = known["EdDSA"]  # RFC 9864; a key decides which curve it is
    known.update({name: _MlDsa(name) for name in ML_DSA_ALGORITHMS})
    return MappingProxyType(
        {name: known[name] for name in sorted(ASYMMETRIC_ALGORITHMS | HMAC_ALGORITHMS)}
    )


ALGORITHMS = _make_table()

_ML_DSA_44_BYTES = 1312  # of a public key; any octets are one


def find_unavailable(
    make_key: Callable[[bytes], object] = MLDSA44PublicKey.from_public_bytes,
) -> frozenset[str]:
    """Return the algorithms that the installed OpenSSL lacks: those of ML-DSA before 3.5.

    *make_key* makes a public key of octets; it raises UnsupportedAlgorithm if OpenSSL cannot.
    """
    try:
        make_key(bytes(_ML_DSA_44_BYTES))
    except UnsupportedAlgorithm:
        return ML_DSA_ALGORITHMS
    return _NO_ALGORITHMS


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
        case MLDSA44PublicKey():
            return frozenset({"ML-DSA-44"})
        case MLDSA65PublicKey():
            return frozenset({"ML-DSA-65"})
        case MLDSA87PublicKey():
            return frozenset({"ML-DSA-87"})
        case _:
            return _NO_ALGORITHMS
