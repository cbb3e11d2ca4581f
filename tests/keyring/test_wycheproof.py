"""Every JWS case of Wycheproof, from the published key to the signature check."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.decision.keys import Key, KeySet
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.verdict import Deny
from gateway.keyring.jwk import ParsedSet, parse_jwks
from gateway.keyring.local_source import secret_keys

VECTORS = Path(__file__).parents[1] / "vectors" / "wycheproof"


class Case(NamedTuple):
    id: str
    token: bytes
    keys: KeySet
    valid: bool


def key_set(group: dict[str, Any]) -> KeySet:
    """Return the keys of *group*: sets as published, a lone secret as `secret_env` holds it."""
    published = group.get("public", group["private"])
    members = published.get("keys", [published])
    if len(members) == 1 and members[0]["kty"] == "oct":
        return KeySet(secret_key(members[0]))
    parsed = parse_jwks(json.dumps({"keys": members}).encode())
    assert isinstance(parsed, ParsedSet)
    return KeySet(parsed.keys)


def secret_key(member: dict[str, Any]) -> tuple[Key, ...]:
    secret = decode_base64url(member["k"].encode())
    assert secret is not None
    return tuple(
        Key(member["kid"], key.algorithms & {member["alg"]}, key.material)
        for key in secret_keys(secret).keys
    )


def cases() -> Iterator[Case]:
    for part in ("signature", "key", "crypto"):
        groups = json.loads((VECTORS / f"json_web_{part}_test.json").read_bytes())["testGroups"]
        for group in groups:
            tests = [test for test in group["tests"] if "jws" in test]
            keys = key_set(group) if tests else KeySet(())
            for test in tests:
                token = test["jws"]
                text = token if isinstance(token, str) else json.dumps(token)
                case_id = f"{part}/{test['tcId']}"
                yield Case(case_id, text.encode(), keys, test["result"] == "valid")


CASES = {case.id: case for case in cases()}

OTHER_ALG = "the key is published for another alg than the token's (RFC 7517 §4.4)"
NO_SUCH_ALG = "the key is published for ES521, which no algorithm is called"
NOT_BASE64URL = "a character outside of the alphabet is ignored by lenient decoders (RFC 7515 §2)"
SECRET_IN_SET = "symmetric keys in a published set are not used"

# Valid for the file, refused here, and why.
STRICTER = {
    "signature/346": OTHER_ALG,
    "signature/347": NO_SUCH_ALG,
    "signature/350": OTHER_ALG,
    "signature/351": NO_SUCH_ALG,
    "signature/372": NOT_BASE64URL,
    "signature/373": NOT_BASE64URL,
    "key/2": SECRET_IN_SET,
    "crypto/48": SECRET_IN_SET,
}

# Invalid by name ("padding"), but the padding is missing in the published file: the token is,
# byte for byte, one that the same file calls valid with the same key.
SAME_AS_A_VALID_ONE = {"signature/367": "signature/357", "signature/370": "signature/357"}


def holds(case: Case) -> bool:
    token = parse_compact(case.token)
    return not isinstance(token, Deny) and verify_signature(token, case.keys) is None


def test_all_cases_are_here() -> None:
    assert len(CASES) == 476


@pytest.mark.parametrize(
    "case_id", sorted(CASES.keys() - STRICTER.keys() - SAME_AS_A_VALID_ONE.keys())
)
def test_the_signature_holds_just_where_it_should(case_id: str) -> None:
    assert holds(CASES[case_id]) is CASES[case_id].valid


@pytest.mark.parametrize("case_id", STRICTER)
def test_what_is_listed_as_stricter_is_valid_for_others_and_refused_here(case_id: str) -> None:
    assert CASES[case_id].valid
    assert not holds(CASES[case_id])


@pytest.mark.parametrize("case_id", SAME_AS_A_VALID_ONE)
def test_what_is_listed_as_a_twin_is_one(case_id: str) -> None:
    case, twin = CASES[case_id], CASES[SAME_AS_A_VALID_ONE[case_id]]

    assert not case.valid
    assert twin.valid
    assert (case.token, case.keys) == (twin.token, twin.keys)
