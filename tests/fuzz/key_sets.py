"""Surface: what an issuer publishes, a key set or metadata, from the bytes to a signature check.

An input is the document.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa

from gateway.decision.keys import Key, KeySet
from gateway.decision.token import CompactToken
from gateway.decision.tokens.signature import verify_signature
from gateway.fetching.document import FetchFailed
from gateway.keyring.discovery import jwks_uri
from gateway.keyring.jwk import MAX_KEYS, parse_jwk, parse_jwks
from tests.decision.policies import ISSUER

MAX_INPUT_BYTES = 32 * 1024

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def check_key_set(document: bytes) -> None:
    """Raise for a document that is an error, or whose keys are not those that are in it."""
    if len(document) > MAX_INPUT_BYTES:
        return
    _check_metadata(document)
    parsed = parse_jwks(document)
    if isinstance(parsed, str):
        assert parsed.isascii(), "a reason that is not in our words"
        return
    members = json.loads(document)["keys"]
    assert len(parsed.keys) + len(parsed.unusable) == len(members)
    used = [member for member in members[:MAX_KEYS] if _is_usable(member)]
    assert len(used) == len(parsed.keys)
    for member, key in zip(used, parsed.keys, strict=True):
        _check_key(member, key)
        _check_garbage(key)


def read_key_set(document: bytes) -> None:
    """Do what the gateway does with a document."""
    parse_jwks(document)


def _check_metadata(document: bytes) -> None:
    try:
        location = jwks_uri(document, ISSUER, "here")
    except FetchFailed:
        return
    assert json.loads(document)["issuer"] == ISSUER
    assert location.startswith("https://"), "an issuer with https leads elsewhere without"


def _is_usable(member: object) -> bool:
    return isinstance(member, dict) and isinstance(parse_jwk(member), Key)


def _check_key(member: Mapping[str, Any], key: Key) -> None:
    """Compare with the published member, and with what the standards want of it."""
    assert key.kid == member.get("kid")
    assert member.get("use", "sig") == "sig"
    assert "verify" in member.get("key_ops", ["verify"])
    assert _PRIVATE.isdisjoint(member)
    assert key.algorithms <= key.fitting
    assert "alg" not in member or key.algorithms == {member["alg"]}
    match key.material:
        case rsa.RSAPublicKey():
            numbers = key.material.public_numbers()
            assert member["kty"] == "RSA"
            assert (numbers.n, numbers.e) == (_number(member["n"]), _number(member["e"]))
            assert 2048 <= key.material.key_size <= 16384
        case ec.EllipticCurvePublicKey():
            point = key.material.public_numbers()
            assert {_CURVES[algorithm] for algorithm in key.algorithms} == {member["crv"]}
            assert (point.x, point.y) == (_number(member["x"]), _number(member["y"]))
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            assert key.material.public_bytes_raw() == _octets(member["x"])
        case mldsa.MLDSA44PublicKey() | mldsa.MLDSA65PublicKey() | mldsa.MLDSA87PublicKey():
            assert key.algorithms == {member["alg"]}
            assert key.material.public_bytes_raw() == _octets(member["pub"])
        case _:
            raise AssertionError(f"a key of no known kind: {key.material}")


def _check_garbage(key: Key) -> None:
    """Find garbage refused for a signature, whatever the key is made of."""
    for algorithm in key.algorithms:
        for size_bytes in (0, 64, 114, 132, getattr(key.material, "key_size", 8) // 8):
            garbage = b"\x05" * size_bytes
            token = CompactToken({}, algorithm, key.kid, None, b"", b"a.b", garbage)
            assert verify_signature(token, KeySet((key,))) is not None


def _number(text: str) -> int:
    return int.from_bytes(_octets(text))


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
