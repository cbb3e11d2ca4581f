"""Each issuer has keys of its own; the decision has the halves that verify."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Profile
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.suites.simulation.run_keys import RunKey, RunKeys, make_key
from tests.tokens import ALGORITHMS


def issuer(name: str, *algorithms: str) -> Issuer:
    return Issuer(name, name, None, frozenset(algorithms), Profile.ANY, 0)


def token_of(key: RunKey) -> CompactToken:
    token = parse_compact(key.sign({"alg": key.algorithm, "kid": key.kid}, b"{}"))
    assert isinstance(token, CompactToken)
    return token


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_the_decision_verifies(algorithm: str) -> None:
    keys = RunKeys([issuer("main", algorithm)])

    token = token_of(keys.of("main"))

    assert token.algorithm == algorithm
    assert verify_signature(token, keys.sets["main"]) is None


def test_a_key_is_made_once() -> None:
    keys = RunKeys([issuer("main", "ES256")])

    assert keys.of("main") is keys.of("main", "ES256")
    assert len(keys.sets["main"].keys) == 1


def test_no_key_is_made_before_somebody_signs() -> None:
    """RSA keys cost more than all the tests of a suite."""
    keys = RunKeys([issuer("main", "RS256"), issuer("other", "RS256")])

    assert [keys.sets[name].keys for name in ("main", "other")] == [(), ()]


@pytest.mark.parametrize(
    ("allowed", "preferred"),
    [
        (["RS256", "ES256", "EdDSA"], "ES256"),
        (["RS256", "EdDSA"], "EdDSA"),
        (["RS512", "PS256"], "PS256"),
        (["HS512", "HS256"], "HS256"),
    ],
)
def test_what_is_quickly_made_is_preferred(allowed: list[str], preferred: str) -> None:
    assert RunKeys([issuer("main", *allowed)]).preferred("main") == preferred


def test_an_issuer_has_a_key_for_each_algorithm_and_none_serves_another() -> None:
    """RFC 8725 §3.1."""
    keys = RunKeys([issuer("main", "ES256", "EdDSA")])
    first, second = keys.of("main", "ES256"), keys.of("main", "EdDSA")

    crossed = RunKey(first.kid, second.algorithm, second.private)

    fault = verify_signature(token_of(crossed), keys.sets["main"])
    assert {key.kid for key in keys.sets["main"].keys} == {first.kid, second.kid}
    assert fault is not None
    assert fault.reason is Reason.KEY_UNKNOWN


def test_a_key_of_one_issuer_is_worth_nothing_for_another() -> None:
    keys = RunKeys([issuer("main", "ES256"), issuer("other", "ES256")])
    keys.of("main")
    thief = RunKey(keys.of("main").kid, "ES256", keys.of("other").private)

    fault = verify_signature(token_of(thief), keys.sets["main"])

    assert fault is not None
    assert fault.reason is Reason.SIGNATURE_INVALID


def test_a_key_of_its_own_is_published_by_nobody() -> None:
    key = make_key("ES256", "k")

    assert verify_signature(token_of(key), KeySet(())) is not None


def test_the_public_key_can_be_had_by_anybody() -> None:
    key = make_key("RS256", "k")

    assert load_pem_public_key(key.public_pem()) == key.verifying


def test_a_key_does_not_show_what_is_private() -> None:
    assert "private" not in repr(make_key("HS256", "k"))
