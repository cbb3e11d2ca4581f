"""Signing keys, and callers with tokens that hold, for tests of what we say about them."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.settings.values.configuration import AssertionSettings
from gateway.settings.values.signing_key import SigningKey, parse_signing_key
from tests.decision.policies import claims, policy
from tests.tokens import make_key, mint


def pem_of(private_key: Any) -> bytes:
    """Return a private key as PEM, without a password."""
    octets: bytes = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return octets


@cache
def signing_pem(algorithm: str) -> bytes:
    """Return the private key for *algorithm* as PEM, the same in one run."""
    if algorithm == "ES256":
        return pem_of(ec.generate_private_key(ec.SECP256R1()))
    return pem_of(ed25519.Ed25519PrivateKey.generate())


def signing_key(algorithm: str = "ES256") -> SigningKey:
    key = parse_signing_key(signing_pem(algorithm))
    assert isinstance(key, SigningKey)
    return key


def assertion_settings(*keys: SigningKey, **changes: Any) -> AssertionSettings:
    values: dict[str, Any] = {
        "header": b"X-Gateway-Assertion",
        "issuer": "https://gateway.example.com/",
        "keys": keys or (signing_key(),),
        "lifetime_seconds": 60.0,
        "claims": (("sub", ("sub",)), ("scope", ("scope",)), ("token_issuer", ("iss",))),
        "jwks_path": b"/.well-known/jwks.json",
    }
    return AssertionSettings(**(values | changes))


def signed_token(**changes: Any) -> SignedToken:
    """Return a token whose signature holds; *changes* are of its claims."""
    private, keys = make_key("ES256")
    token = mint(private, "ES256", claims(**changes))
    held = authenticate(token, policy(), {"main": keys})
    assert isinstance(held, SignedToken)
    return held
