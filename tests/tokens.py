"""Keys and tokens for tests: keys are made once per run, tokens signed as they are asked for."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from jwt.algorithms import get_default_algorithms

from gateway.decision.algorithms import fitting_algorithms
from gateway.decision.keys import Key, KeySet

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA", "Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "HS256", "HS384", "HS512",
)  # fmt: skip

_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_ML_DSA: dict[str, Any] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}
_SIGNERS: dict[str, Any] = get_default_algorithms()
_SIGNERS["Ed25519"] = _SIGNERS["EdDSA"]


@cache
def make_private(kind: str, which: int = 0) -> Any:
    """Return the private key (or secret) number *which* of one kind, the same in one run.

    *kind* is RSA, ES256, ES384, ES512, Ed25519, Ed448, HMAC or the name of an ML-DSA algorithm.
    """
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind in _ML_DSA:
        return _ML_DSA[kind]()
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return f"a test secret that is long enough for SHA-512 in all cases, number {which:04}".encode()


def kind_of(algorithm: str) -> str:
    """Return the kind of key that *algorithm* signs with."""
    if algorithm[:2] in {"RS", "PS"}:
        return "RSA"
    if algorithm in {"EdDSA", "Ed25519"}:
        return "Ed25519"
    return "HMAC" if algorithm.startswith("HS") else algorithm


def as_key(private: Any, kid: str | None = "k1", algorithms: frozenset[str] | None = None) -> Key:
    """Return *private*'s verifying half; by default for every algorithm that it fits."""
    material = private if isinstance(private, bytes) else private.public_key()
    return Key(kid, fitting_algorithms(material) if algorithms is None else algorithms, material)


def make_key(algorithm: str, kid: str | None = "k1", which: int = 0) -> tuple[Any, KeySet]:
    """Return a private key for *algorithm*, and the key set that has its verifying half."""
    private = make_private(kind_of(algorithm), which)
    return private, KeySet((as_key(private, kid, frozenset({algorithm})),))


def mint(
    private: Any,
    algorithm: str,
    claims: Mapping[str, Any] | bytes,
    kid: str | None = "k1",
    headers: Mapping[str, Any] | None = None,
) -> bytes:
    """Return a signed compact JWS.

    *headers* add to ``alg``, ``kid`` and ``typ: JWT`` or replace them; None leaves one out.
    Bytes for *claims* are signed as they are.
    """
    fields = {"alg": algorithm, "kid": kid, "typ": "JWT", **(headers or {})}
    header = {name: value for name, value in fields.items() if value is not None}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return sign(private, algorithm, json.dumps(header).encode(), payload)


def sign(private: Any, algorithm: str, header: bytes, payload: bytes) -> bytes:
    """Return *header* and *payload*, whatever they hold, signed by *algorithm*."""
    signing_input = b64(header) + b"." + b64(payload)
    return signing_input + b"." + b64(sign_octets(private, algorithm, signing_input))


def sign_octets(private: Any, algorithm: str, octets: bytes) -> bytes:
    """Return the signature that *algorithm* makes over *octets*."""
    if algorithm in _ML_DSA:  # PyJWT has none of them
        return bytes(private.sign(octets))
    return bytes(_SIGNERS[algorithm].sign(octets, private))


def b64(octets: bytes) -> bytes:
    """Return *octets* in base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=")
