"""Keys for the tests: made once, shown as JWK Sets and PEM files."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256_KEYS = tuple(ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
P384_KEY = ec.generate_private_key(ec.SECP384R1())
P521_KEY = ec.generate_private_key(ec.SECP521R1())
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED448_KEY = ed448.Ed448PrivateKey.generate()
ML_DSA_KEYS: dict[str, Any] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate(),
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate(),
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate(),
}

Jwk = dict[str, object]


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


def rsa_jwk(**others: object) -> Jwk:
    numbers = RSA_KEY.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **others}


def ec_jwk(key: ec.EllipticCurvePrivateKey = P256_KEYS[0], **others: object) -> Jwk:
    numbers = key.public_key().public_numbers()
    size_bytes = (key.curve.key_size + 7) // 8
    return {
        "kty": "EC",
        "crv": f"P-{key.curve.key_size}",
        "x": base64url(numbers.x.to_bytes(size_bytes)),
        "y": base64url(numbers.y.to_bytes(size_bytes)),
        **others,
    }


def ed25519_jwk(**others: object) -> Jwk:
    x = base64url(ED25519_KEY.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, **others}


def ed448_jwk(**others: object) -> Jwk:
    x = base64url(ED448_KEY.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed448", "x": x, **others}


def ml_dsa_jwk(algorithm: str = "ML-DSA-44", **others: object) -> Jwk:
    pub = base64url(ML_DSA_KEYS[algorithm].public_key().public_bytes_raw())
    return {"kty": "AKP", "alg": algorithm, "pub": pub, **others}


def jwks(*members: Mapping[str, object]) -> bytes:
    return json.dumps({"keys": members}).encode()
