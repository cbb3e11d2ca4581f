"""Keys that the gateway signs with: which there are, their names, and what is published."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from joserfc import jwk as jwk_class

from gateway.settings.values.signing_key import SigningKey, parse_signing_key, render_jwks
from tests.assertion.callers import pem_of, signing_key, signing_pem
from tests.tokens import make_private


@pytest.mark.parametrize(("algorithm", "kind"), [("ES256", "EC"), ("EdDSA", "OKP")])
def test_a_key_is_named_by_its_rfc_7638_thumbprint(algorithm: str, kind: str) -> None:
    key = signing_key(algorithm)

    assert key.algorithm == algorithm
    assert key.public_jwk["kty"] == kind
    assert jwk_class.import_key(dict(key.public_jwk)).thumbprint() == key.kid


def test_only_public_halves_are_published() -> None:
    """7517.4"""
    keys = [signing_key("ES256"), signing_key("EdDSA")]

    published = json.loads(render_jwks(keys))

    assert list(published) == ["keys"]
    assert [jwk["kid"] for jwk in published["keys"]] == [key.kid for key in keys]
    assert all(jwk["use"] == "sig" for jwk in published["keys"])
    members = {name for jwk in published["keys"] for name in jwk}
    assert members == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def encrypted() -> bytes:
    octets: bytes = make_private("ES256").private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    return octets


# `openssl ecparam -genkey -name brainpoolP256t1`: a curve that our library cannot read at all.
UNKNOWN_CURVE = b"""-----BEGIN EC PRIVATE KEY-----
MHgCAQEEICMEKrAbviGEheaBOJZgLyN26Poh36sNdF8qKlOOQPOnoAsGCSskAwMC
CAEBCKFEA0IABGLs94hmLAv0Qzd9cBIgm0dU8vZWLAe0CJ4+20+NRpU7U1TCQR/P
ybfDUUH3LriKEeSSwBWbk9DFFx7XHFbXqxg=
-----END EC PRIVATE KEY-----
"""

WRONG: dict[str, Any] = {
    "nothing": lambda: b"",
    "a public key": lambda: b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
    "a certificate's head": lambda: b"-----BEGIN CERTIFICATE-----\n",
    "cut short": lambda: signing_pem("ES256")[:60],
    "RSA": lambda: pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "P-384": lambda: pem_of(ec.generate_private_key(ec.SECP384R1())),
    "Ed448": lambda: pem_of(ed448.Ed448PrivateKey.generate()),
    "a curve unknown here": lambda: UNKNOWN_CURVE,
    "encrypted": encrypted,
}


@pytest.mark.parametrize("name", WRONG)
def test_anything_else_is_no_key_of_ours_and_never_shown(name: str) -> None:
    pem = WRONG[name]()

    found = parse_signing_key(pem)

    assert isinstance(found, str)
    assert not any(len(line) > 20 and line.decode() in found for line in pem.splitlines())


def test_a_private_key_is_not_shown() -> None:
    key = signing_key()

    assert isinstance(key, SigningKey)
    assert "PrivateKey" not in repr(key)
