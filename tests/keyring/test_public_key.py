from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519

from gateway.keyring.public_key import describe_key, key_fault
from tests.keyring.keys import (
    ED448_KEY,
    ED25519_KEY,
    ML_DSA_KEYS,
    P256_KEYS,
    P384_KEY,
    P521_KEY,
    RSA_KEY,
)

GOOD: list[Any] = [
    RSA_KEY, *P256_KEYS, P384_KEY, P521_KEY, ED25519_KEY, ED448_KEY, *ML_DSA_KEYS.values()
]  # fmt: skip
BAD: dict[str, Any] = {
    "RSA of 1024 bits": rsa.generate_private_key(public_exponent=65537, key_size=1024),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
    "X25519": x25519.X25519PrivateKey.generate(),
    "DSA": dsa.generate_private_key(1024),
}


@pytest.mark.parametrize("key", GOOD, ids=lambda key: type(key).__name__)
def test_strong_keys_of_the_known_kinds_have_no_fault(key: Any) -> None:
    assert key_fault(key.public_key()) is None


@pytest.mark.parametrize("name", BAD)
def test_weak_and_foreign_keys_have_one(name: str) -> None:
    assert key_fault(BAD[name].public_key())


def test_a_point_that_anybody_can_sign_for_has_one_however_it_was_published() -> None:
    small = ed25519.Ed25519PublicKey.from_public_bytes(bytes(32))

    assert "small order" in str(key_fault(small))


@pytest.mark.parametrize("material", [b"s" * 64, None, "text", RSA_KEY], ids=str)
def test_what_is_no_public_key_has_one(material: object) -> None:
    assert key_fault(material)


@pytest.mark.parametrize(
    ("material", "words"),
    [
        (RSA_KEY.public_key(), "RSA 2048"),
        (P256_KEYS[0].public_key(), "EC P-256"),
        (P521_KEY.public_key(), "EC P-521"),
        (ED25519_KEY.public_key(), "Ed25519"),
        (ED448_KEY.public_key(), "Ed448"),
        *((key.public_key(), name) for name, key in ML_DSA_KEYS.items()),
        (b"secret", "HMAC"),
        (None, "unknown"),
    ],
)
def test_a_key_is_described_by_kind_and_size(material: object, words: str) -> None:
    assert describe_key(material) == words
