"""The JOSE cookbook (RFC 7520, RFC 8037, RFC 7797): compact tokens hold, all else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.keys import Key, KeySet
from gateway.decision.token import CompactToken
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.verdict import Deny
from gateway.keyring.jwk import parse_jwk
from gateway.keyring.local_source import secret_keys

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc7520"

COMPACT = [
    "jws/4_1.rsa_v15_signature.json",
    "jws/4_2.rsa-pss_signature.json",
    "jws/4_3.ecdsa_signature.json",
    "jws/4_4.hmac-sha2_integrity_protection.json",
    "curve25519/jws.json",
]
ALL = sorted(str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*.json"))
SIGNED = [name for name in ALL if "signature" in name or "jws" in name or "b64" in name]

# RFC 7516 §3.1's shape: five parts, as RFC 7520 §5.8 prints it (direct encryption).
JWE = b"eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..refa467QzzKx6QAB.JW_i_f52hww_ELQ.vbb32Xvl-gA"


def example(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((VECTORS / name).read_bytes())
    return read


def key_set(member: dict[str, Any]) -> KeySet:
    """Return the public half of the example's private key, or its secret as configured."""
    if member["kty"] == "oct":
        secret = decode_base64url(member["k"].encode())
        assert secret is not None
        return KeySet(secret_keys(secret).keys)
    private = {"d", "p", "q", "dp", "dq", "qi"}
    key = parse_jwk({name: value for name, value in member.items() if name not in private})
    assert isinstance(key, Key)
    return KeySet((key,))


@pytest.mark.parametrize("name", COMPACT)
def test_the_compact_serialisation_holds(name: str) -> None:
    shown = example(name)

    token = parse_compact(shown["output"]["compact"].encode())

    assert isinstance(token, CompactToken)
    assert verify_signature(token, key_set(shown["input"]["key"])) is None
    assert token.payload == shown["input"]["payload"].encode()


@pytest.mark.parametrize("name", COMPACT)
def test_one_changed_character_of_the_payload_does_not(name: str) -> None:
    shown = example(name)
    head, payload, signature = shown["output"]["compact"].split(".")
    changed = ("T" if payload[0] != "T" else "U") + payload[1:]

    token = parse_compact(f"{head}.{changed}.{signature}".encode())

    assert isinstance(token, CompactToken)
    assert verify_signature(token, key_set(shown["input"]["key"])) is not None


@pytest.mark.parametrize("form", ["json", "json_flat"])
@pytest.mark.parametrize("name", SIGNED)
def test_the_json_serialisations_are_no_bearer_tokens(name: str, form: str) -> None:
    output = example(name)["output"]
    texts = [json.dumps(output[key]).encode() for key in (form,) if key in output]

    assert all(isinstance(parse_compact(text), Deny) for text in texts)
    assert texts or (name, form) == ("jws/4_8.multiple_signatures.json", "json_flat")


def test_detached_content_does_not_hold() -> None:
    """RFC 7515 appendix F: what was signed is not in the token."""
    shown = example("jws/4_5.signature_with_detached_content.json")

    token = parse_compact(shown["output"]["compact"].encode())

    assert isinstance(token, CompactToken)
    assert verify_signature(token, key_set(shown["input"]["key"])) is not None


def test_unencoded_payloads_are_refused() -> None:
    """RFC 7797, GHSA-w7vc-732c-9m39."""
    shown = example("rfc7797/hmac-sha2_b64_false.json")

    assert isinstance(parse_compact(shown["output"]["compact"].encode()), Deny)


def test_encrypted_tokens_are_refused_unread() -> None:
    assert isinstance(parse_compact(JWE), Deny)


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("jwk/")])
def test_published_private_and_symmetric_keys_are_not_used(name: str) -> None:
    parsed = parse_jwk(example(name))

    assert isinstance(parsed, Key) == ("public" in name)
