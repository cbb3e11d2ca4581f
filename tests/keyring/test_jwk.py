import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.keys import Key
from gateway.keyring.jwk import MAX_KEYS, ParsedSet, parse_bundle, parse_jwk, parse_jwks
from tests.keyring.keys import (
    ML_DSA_KEYS,
    P256_KEYS,
    P384_KEY,
    P521_KEY,
    RSA_KEY,
    Jwk,
    base64url,
    ec_jwk,
    ed448_jwk,
    ed25519_jwk,
    jwks,
    ml_dsa_jwk,
    number,
    rsa_jwk,
)

RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

USABLE: dict[str, tuple[Jwk, set[str]]] = {
    "RSA": (rsa_jwk(), RSA_ALGORITHMS),
    "7517.3 RSA with alg": (rsa_jwk(alg="PS384"), {"PS384"}),
    "RSA with an exponent of 33 bits": (rsa_jwk(e=number(2**33 - 1)), RSA_ALGORITHMS),
    "RSA for signatures": (rsa_jwk(use="sig", key_ops=["verify"]), RSA_ALGORITHMS),
    "P-256": (ec_jwk(), {"ES256"}),
    "P-384": (ec_jwk(P384_KEY), {"ES384"}),
    "P-521": (ec_jwk(P521_KEY, alg="ES512"), {"ES512"}),
    "Ed25519": (ed25519_jwk(), {"EdDSA", "Ed25519"}),
    "Ed25519 by its RFC 9864 name": (ed25519_jwk(alg="Ed25519"), {"Ed25519"}),
    "Ed448": (ed448_jwk(), {"EdDSA"}),
    "9964.2 ML-DSA-44": (ml_dsa_jwk(use="sig", key_ops=["verify"]), {"ML-DSA-44"}),
    "9964.2 ML-DSA-65": (ml_dsa_jwk("ML-DSA-65"), {"ML-DSA-65"}),
    "9964.2 ML-DSA-87": (ml_dsa_jwk("ML-DSA-87"), {"ML-DSA-87"}),
    "7517.1 unknown members": (ec_jwk(x5c=["?"], jku="https://evil.example", y2=1), {"ES256"}),
}

BIG_PRIME_FREE = RSA_KEY.public_key().public_numbers().n
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
SHORT_MODULUS = SHORT_RSA.public_numbers().n
FAR_POINT = base64url(b"\x01" * 32)
CUT_ML_DSA = base64url(ML_DSA_KEYS["ML-DSA-44"].public_key().public_bytes_raw()[:-1])
PADDED = str(rsa_jwk()["n"]) + "="

UNUSABLE: dict[str, tuple[Jwk, str]] = {
    "7517.2 use enc": (rsa_jwk(use="enc"), "use is not sig"),
    "7517.2 use of another type": (rsa_jwk(use=["sig"]), "use is not sig"),
    "7517.2 key_ops without verify": (ec_jwk(key_ops=["encrypt"]), "key_ops does not allow verify"),
    "7517.2 key_ops as text": (ec_jwk(key_ops="verify"), "key_ops does not allow verify"),
    "7517.4 symmetric": ({"kty": "oct", "k": "AAAA"}, "a symmetric key"),
    "7517.4 private RSA": (rsa_jwk(d="AAAA"), "a private key was published"),
    "7517.4 private EC": (ec_jwk(d="AAAA"), "a private key was published"),
    "7517.4 secret hidden in a public key": (ec_jwk(k="AAAA"), "a private key was published"),
    "7518.1 RSA of 1024 bits": (rsa_jwk(n=number(SHORT_MODULUS)), "shorter than 2048"),
    "RSA exponent 1": (rsa_jwk(e="AQ"), "exponent"),
    "RSA exponent even": (rsa_jwk(e="BA"), "exponent"),
    "RSA exponent of 34 bits": (rsa_jwk(e=number(2**33 + 1)), "longer than 33 bits"),
    "RSA exponent as long as the modulus": (
        rsa_jwk(n=number(2**3071 + 1), e=number(2**3070 + 1)),
        "longer than 33 bits",
    ),
    "RSA exponent missing": ({"kty": "RSA", "n": rsa_jwk()["n"]}, "e is not a base64url string"),
    "RSA modulus even": (rsa_jwk(n=number(BIG_PRIME_FREE + 1)), "even"),
    "RSA modulus endless": (rsa_jwk(n=number(2**20000 + 1)), "longer than 16384"),
    "RSA modulus a number": (rsa_jwk(n=65537), "n is not a base64url string"),
    "RSA modulus padded": (rsa_jwk(n=PADDED), "n is not a base64url string"),
    "RSA modulus null": (rsa_jwk(n=None), "n is not a base64url string"),
    "RSA modulus not ASCII": (rsa_jwk(n="\u2603"), "n is not a base64url string"),
    "7518.4 point off the curve": (ec_jwk(x=FAR_POINT), "not on P-256"),
    "point of another size": (ec_jwk(x="AAAA"), "coordinates"),
    "curve of another size": (ec_jwk(crv="P-384"), "coordinates"),
    "curve unknown": (ec_jwk(crv="secp256k1"), "crv is not"),
    "curve of another type": (ec_jwk(crv=["P-256"]), "crv is not"),
    "Edwards curve unknown": (ed25519_jwk(crv="X25519"), "crv is not"),
    "Edwards point short": (ed25519_jwk(x="AAAA"), "not a point of Ed25519"),
    "Edwards point of small order": (ed25519_jwk(x=base64url(bytes(32))), "small order"),
    "Edwards point beyond the prime": (
        ed448_jwk(x=base64url(b"\xff" * 57)),
        "not a point of Ed448",
    ),
    "7518.3 alg of another curve": (ec_jwk(alg="ES384"), "alg does not fit"),
    "7517.3 alg of another kind": (rsa_jwk(alg="ES256"), "alg does not fit"),
    "CVE-2016-10555 alg HS256 on a public key": (rsa_jwk(alg="HS256"), "alg does not fit"),
    "alg none": (rsa_jwk(alg="none"), "alg does not fit"),
    "alg for encryption": (rsa_jwk(alg="RSA-OAEP"), "alg does not fit"),
    "alg null": (rsa_jwk(alg=None), "alg does not fit"),
    "Ed448 by a name kept for Ed25519": (ed448_jwk(alg="Ed25519"), "alg does not fit"),
    "kid not text": (rsa_jwk(kid=7), "kid is not a string"),
    "kid null": (rsa_jwk(kid=None), "kid is not a string"),
    "kid that no token may have": (rsa_jwk(kid="x" * 1025), "kid is longer than 1024 characters"),
    "kty missing": ({"n": "AAAA"}, "kty is not"),
    "kty of another type": ({"kty": ["RSA"]}, "kty is not"),
    "kty another": ({"kty": "akp"}, "kty is not"),
    "9964.2 AKP without alg": ({"kty": "AKP", "pub": ml_dsa_jwk()["pub"]}, "alg is not ML-DSA-44"),
    "9964.2 AKP of another algorithm": (ml_dsa_jwk(alg="ES256"), "alg is not ML-DSA-44"),
    "9964.2 AKP with alg of another type": (ml_dsa_jwk(alg=["ML-DSA-44"]), "alg is not ML-DSA-44"),
    "9964.2 AKP of another parameter set": (ml_dsa_jwk(alg="ML-DSA-65"), "the size of ML-DSA-65"),
    "9964.2 AKP without pub": ({"kty": "AKP", "alg": "ML-DSA-44"}, "pub is not a base64url"),
    "9964.2 AKP cut short": (ml_dsa_jwk(pub=CUT_ML_DSA), "the size of ML-DSA-44"),
    "9964.2 AKP of the OKP kind": (ml_dsa_jwk(kty="OKP", crv="ML-DSA-44"), "crv is not"),
    "9964.4 AKP with its private seed": (ml_dsa_jwk(priv="A" * 43), "a private key was published"),
}


@pytest.mark.parametrize("name", USABLE)
def test_a_good_key_serves_the_algorithms_of_its_kind_and_no_others(name: str) -> None:
    member, algorithms = USABLE[name]

    key = parse_jwk(member)

    assert isinstance(key, Key)
    assert key.algorithms == algorithms


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_key_that_must_not_verify_is_unusable_with_a_reason(name: str) -> None:
    member, reason = UNUSABLE[name]

    fault = parse_jwk(member)

    assert isinstance(fault, str)
    assert reason in fault


def test_the_key_is_the_one_that_was_published() -> None:
    key = parse_jwk(ec_jwk(P256_KEYS[1], kid="one"))

    assert isinstance(key, Key)
    assert key.kid == "one"
    assert key.material == P256_KEYS[1].public_key()


def test_bad_keys_are_left_out_and_the_good_ones_serve() -> None:
    """7517.1: null members, numbers and secrets do not spoil the set."""
    body = json.dumps({"keys": [None, 7, rsa_jwk(d="AA"), [], ec_jwk(kid="good"), "x"]}).encode()

    parsed = parse_jwks(body)

    assert isinstance(parsed, ParsedSet)
    assert [key.kid for key in parsed.keys] == ["good"]
    assert [reason.split(":")[0] for reason in parsed.unusable] == [
        "key 0",
        "key 1",
        "key 2",
        "key 3",
        "key 5",
    ]


def test_the_first_hundred_keys_are_looked_at_and_the_rest_counted() -> None:
    parsed = parse_jwks(jwks(*(ec_jwk(kid=str(n)) for n in range(MAX_KEYS + 20))))

    assert isinstance(parsed, ParsedSet)
    assert [key.kid for key in parsed.keys] == [str(n) for n in range(100)]
    assert parsed.unusable == ("more than 100 keys",) * 20


def test_equal_kids_are_all_kept() -> None:
    """7517.4: which one is meant, if any, is for the signature check to say."""
    parsed = parse_jwks(jwks(ec_jwk(kid="a"), rsa_jwk(kid="a")))

    assert isinstance(parsed, ParsedSet)
    assert [key.kid for key in parsed.keys] == ["a", "a"]


NOT_A_SET = {
    "empty": b"",
    "garbage": b"\x00\xff\x13",
    "html": b"<!doctype html><title>Log in</title>",
    "array": b"[]",
    "no keys": b'{"kty": "RSA"}',
    "keys not an array": b'{"keys": {"0": {}}}',
    "a name twice": b'{"keys": [], "keys": []}',
    "a byte order mark": b'\xef\xbb\xbf{"keys": []}',
    "UTF-16": '{"keys": []}'.encode("utf-16"),
    "trailing text": b'{"keys": []} {"keys": []}',
    "NaN": b'{"keys": [NaN]}',
    "deep nesting": b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", NOT_A_SET)
def test_what_is_no_key_set_is_refused_with_a_reason(name: str) -> None:
    assert isinstance(parse_jwks(NOT_A_SET[name]), str)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_set_or_a_reason(body: bytes) -> None:
    assert isinstance(parse_jwks(body), ParsedSet | str)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from([rsa_jwk(), ec_jwk(), ed25519_jwk(), ed448_jwk()]),
    st.dictionaries(
        st.sampled_from(["kty", "n", "e", "crv", "x", "y", "alg", "use", "key_ops", "kid"]),
        json_values,
    ),
)
def test_any_members_make_a_key_or_a_reason(
    member: dict[str, object], changes: dict[str, object]
) -> None:
    assert isinstance(parse_jwk({**member, **changes}), Key | str)


BUNDLE = {"keys": [ec_jwk(kid="a", use="jwt-svid"), ec_jwk(use="x509-svid")]}


def test_of_a_bundle_the_keys_for_jwt_svids_are_read_and_what_it_says_of_itself() -> None:
    """SVID.6, SVID.7."""
    body = json.dumps({**BUNDLE, "spiffe_refresh_hint": 90, "spiffe_sequence": 7}).encode()

    parsed = parse_bundle(body)

    assert isinstance(parsed, ParsedSet)
    assert [key.kid for key in parsed.keys] == ["a"]
    assert (parsed.unusable, parsed.refresh_seconds, parsed.sequence) == ((), 90.0, 7)


@pytest.mark.parametrize("hint", [None, 0, -1, "60", 1.5, True, 10**40, [60]])
def test_a_hint_that_is_no_number_of_seconds_says_nothing(hint: object) -> None:
    parsed = parse_bundle(json.dumps({**BUNDLE, "spiffe_refresh_hint": hint}).encode())

    assert isinstance(parsed, ParsedSet)
    assert len(parsed.keys) == 1
    assert parsed.refresh_seconds is None


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (ec_jwk(kid="a"), "use is not jwt-svid"),
        (ec_jwk(kid="a", use="sig"), "use is not jwt-svid"),
        (ec_jwk(kid="a", use="JWT-SVID"), "use is not jwt-svid"),
        (ec_jwk(kid="a", use=None), "use is not jwt-svid"),
        (ec_jwk(use="jwt-svid"), "has no kid"),
        (ec_jwk(kid="a", use="jwt-svid", d="AA"), "a private key was published"),
        ("x509-svid", "not a JSON object"),
    ],
)
def test_any_other_key_of_a_bundle_is_left_out_with_a_reason(member: Any, reason: str) -> None:
    """SVID.6."""
    parsed = parse_bundle(json.dumps({"keys": [member]}).encode())

    assert parsed == ParsedSet((), (f"key 0: {reason}",))


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"keys": {}}', b"<html>"])
def test_what_has_no_keys_is_no_bundle(body: bytes) -> None:
    assert isinstance(parse_bundle(body), str)
