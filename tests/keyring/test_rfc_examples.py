"""The examples of RFC 7515 to 7518, 8037, 9864 and 9964; those of RFC 7520 are the cookbook's.

Tokens at the signature seam, for their payloads are no claims of ours; keys through the parser.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.keys import KeySet
from gateway.decision.token import CompactToken
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.verdict import Deny
from gateway.keyring.jwk import ParsedSet, parse_jwks
from gateway.keyring.local_source import secret_keys

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc"
FILES: dict[str, Any] = {
    path.stem: json.loads(path.read_bytes()) for path in sorted(VECTORS.glob("*.json"))
}
TOKENS: dict[str, dict[str, Any]] = {
    f"{rfc} {token['name']}": token for rfc, file in FILES.items() for token in file["tokens"]
}
KEY_SETS: dict[str, dict[str, Any]] = {
    f"{rfc} {keys['name']}": keys["set"] for rfc, file in FILES.items() for keys in file["key_sets"]
}

# Tokens that are good for somebody, what the gateway says to them, and why.
PARTS = "the token does not have three parts"
REFUSED = {
    "7515 A.5": ("no key of the issuer matches", "none is no algorithm here (8725.1)"),
    "7515 A.6": (PARTS, "a bearer token is compact (8725.12)"),
    "7515 A.7": (PARTS, "a bearer token is compact (8725.12)"),
    "7515 E": ("has an extension that is not supported", "the RFC says so as well (7515.3)"),
    "7516 A.2": (PARTS, "nothing is decrypted here, and RSA1_5 is an oracle (8725.12)"),
    "7516 A.3": (PARTS, "nothing is decrypted here (8725.12)"),
    "9864 EdDSA only": ("no key of the issuer matches", "the key is published for a name (7517.3)"),
}

# What is used of each set, by name, and why the others are not.
USED: dict[str, tuple[list[str | None], list[str]]] = {
    "7517 A.1": (["2011-04-29"], ["key 0: use is not sig"]),
    "7517 A.2": ([], ["key 0: use is not sig", "key 1: a private key was published"]),
    "7517 A.3": (
        [],
        [f"key {n}: a symmetric key does not belong in a published set" for n in (0, 1)],
    ),
    "7517 B": (["1b94c"], []),
    "7518 C": ([], [f"key {n}: a private key was published" for n in (0, 1)]),
    "8037 A.1": ([], ["key 0: a private key was published"]),
    "8037 A.2": ([None], []),
    "8037 A.6": ([], ["key 0: crv is not Ed25519 or Ed448"]),
    "8037 A.7": ([], ["key 0: crv is not Ed25519 or Ed448"]),
    "9964 private": ([], ["key 0: a private key was published"]),
}

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "priv"}


def octets_of(token: dict[str, Any]) -> bytes:
    text = token["token"]
    return text.encode() if isinstance(text, str) else json.dumps(text).encode()


def keys_of(token: dict[str, Any]) -> KeySet:
    """Return the example's key as an issuer publishes it, or as `secret_env` holds it.

    All keys of all examples where it has none of its own.
    """
    member = token.get("key")
    if member is None:
        others = [keys_of(other) for other in TOKENS.values() if "key" in other]
        return KeySet(tuple(key for keys in others for key in keys.keys))
    if member["kty"] == "oct":
        secret = decode_base64url(member["k"].encode())
        assert secret is not None
        return KeySet(secret_keys(secret).keys)
    return KeySet(parsed({"keys": [member]}).keys)


def parsed(keys: dict[str, Any]) -> ParsedSet:
    answer = parse_jwks(json.dumps(keys).encode())
    assert isinstance(answer, ParsedSet)
    return answer


def refusal(octets: bytes, keys: KeySet) -> str | None:
    token = parse_compact(octets)
    deny = token if isinstance(token, Deny) else verify_signature(token, keys)
    return None if deny is None else deny.detail


def test_every_file_says_where_it_is_from_and_what_is_not_in_it() -> None:
    assert FILES.keys() == {"7515", "7516", "7517", "7518", "8037", "9864", "9964"}
    assert all(file["source"].startswith(f"RFC {rfc} (") for rfc, file in FILES.items())
    assert all(file["left_out"] for file in FILES.values())


@pytest.mark.parametrize("name", sorted(TOKENS.keys() - REFUSED.keys()))
def test_the_signature_of_an_example_holds(name: str) -> None:
    """7518.3, 8725.16, 9964.1."""
    octets, keys = octets_of(TOKENS[name]), keys_of(TOKENS[name])

    assert refusal(octets, keys) is None


@pytest.mark.parametrize("name", sorted(TOKENS.keys() - REFUSED.keys()))
def test_with_any_bit_of_its_text_turned_it_does_not(name: str) -> None:
    """8725.4."""
    octets, keys = octets_of(TOKENS[name]), keys_of(TOKENS[name])

    # A signature of ML-DSA has thousands: each third or fifth of them.
    for at in range(0, len(octets), 1 + len(octets) // 1500):
        changed = octets[:at] + bytes([octets[at] ^ 1 << at % 7]) + octets[at + 1 :]
        assert refusal(changed, keys) is not None, at


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_listed_as_refused_is_refused_for_that(name: str) -> None:
    told = refusal(octets_of(TOKENS[name]), keys_of(TOKENS[name]))

    assert told is not None
    assert REFUSED[name][0] in told


def test_the_new_name_of_an_algorithm_is_not_the_old_one() -> None:
    """8725.16: a key for both takes both; they are two texts, and two signatures."""
    both, new = TOKENS["8037 A.4"], TOKENS["9864 Ed25519"]
    older, newer = parse_compact(octets_of(both)), parse_compact(octets_of(new))

    assert isinstance(older, CompactToken)
    assert isinstance(newer, CompactToken)
    assert (older.algorithm, newer.algorithm) == ("EdDSA", "Ed25519")
    assert older.payload == newer.payload
    assert older.signature != newer.signature
    assert refusal(octets_of(new), keys_of(both)) is None


@pytest.mark.parametrize("algorithm", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_the_key_id_of_an_example_is_the_thumbprint_of_its_key(algorithm: str) -> None:
    """9964.3: of alg, kty and pub; so `alg` is a part of the key, and not only what it is for."""
    (key,) = keys_of(TOKENS[f"9964 {algorithm}"]).keys

    members = ALGORITHMS[algorithm].to_jwk(key.material, as_dict=True)

    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    digest = urlsafe_b64encode(sha256(canonical).digest()).rstrip(b"=").decode()
    assert members.keys() == {"alg", "kty", "pub"}
    assert digest == key.kid


def test_what_is_used_is_told_of_every_set() -> None:
    assert USED.keys() == KEY_SETS.keys()


@pytest.mark.parametrize("name", USED)
def test_of_a_set_those_keys_are_used_that_verify_signatures(name: str) -> None:
    """7517.1, 7517.2, 7517.4."""
    answer = parsed(KEY_SETS[name])

    assert ([key.kid for key in answer.keys], list(answer.unusable)) == USED[name]


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("7517 A.2", {"RS256"}),
        ("7518 C", {"ES256"}),
        ("8037 A.1", {"EdDSA", "Ed25519"}),
        ("9964 private", {"ML-DSA-44"}),
    ],
)
def test_without_its_private_members_a_key_is_a_key(name: str, fitting: set[str]) -> None:
    members = [
        {field: value for field, value in member.items() if field not in PRIVATE}
        for member in KEY_SETS[name]["keys"]
        if member.get("use") != "enc"
    ]

    answer = parsed({"keys": members})

    assert {frozenset(key.algorithms) for key in answer.keys} == {frozenset(fitting)}
    assert answer.unusable == ()


def test_a_key_with_a_certificate_is_the_key_of_the_certificate() -> None:
    """RFC 7517 §4.7: n and e must be those of x5c; here they are, and x5c is never read."""
    (member,) = KEY_SETS["7517 B"]["keys"]
    (key,) = parsed(KEY_SETS["7517 B"]).keys
    certified = load_der_x509_certificate(b64decode(member["x5c"][0])).public_key()

    assert isinstance(key.material, RSAPublicKey)
    assert isinstance(certified, RSAPublicKey)
    assert key.material.public_numbers() == certified.public_numbers()
    (garbled,) = parsed({"keys": [{**member, "x5c": ["?"]}]}).keys
    assert isinstance(garbled.material, RSAPublicKey)
    assert garbled.material.public_numbers() == certified.public_numbers()
