"""A service gets a word about the caller that is its own, short-lived, and made rarely."""

import json
from base64 import urlsafe_b64decode
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.assertion.signer import AssertionSigner
from gateway.decision.rules.claim_sources import parse_claim_source
from gateway.decision.token import SignedToken
from tests.assertion.callers import assertion_settings, signed_token
from tests.decision.policies import ISSUER, NOW


def make_signer(capacity: int = 100, **changes: Any) -> AssertionSigner:
    numbers = count(1)
    return AssertionSigner(assertion_settings(**changes), lambda: f"id-{next(numbers)}", capacity)


def claims_in(line: bytes) -> dict[str, Any]:
    name, _, token = line.removesuffix(b"\r\n").partition(b": ")
    assert name == b"X-Gateway-Assertion"
    payload = token.split(b".")[1]
    members: dict[str, Any] = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    return members


def test_a_claim_may_be_the_first_of_several_or_a_text_of_several() -> None:
    signer = make_signer(
        claims=(
            ("groups", parse_claim_source("groups | roles")),
            ("scope", parse_claim_source("nothing | scope")),
            ("user", parse_claim_source("{tid}/{oid | sub}")),
            ("part", parse_claim_source("{tid}/{nothing}")),
        )
    )

    found = claims_in(signer.vouch(signed_token(roles=["a b"], tid="t/1"), "orders", NOW))

    assert found["groups"] == ["a b"]
    assert found["scope"] == "orders:read"
    assert found["user"] == "t%2F1/alice"
    assert "part" not in found


def test_a_service_is_told_who_calls_and_that_it_is_meant() -> None:
    line = make_signer().vouch(signed_token(), "orders", NOW)

    assert claims_in(line) == {
        "iss": "https://gateway.example.com/",
        "aud": "orders",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "jti": "id-1",
        "sub": "alice",
        "scope": "orders:read",
        "token_issuer": ISSUER,
    }


def test_what_the_token_does_not_say_is_left_out() -> None:
    """CVE-2026-30851"""
    token = signed_token(sub=..., scope=..., scp=["a", "b"])

    found = claims_in(make_signer().vouch(token, "orders", NOW))

    assert "sub" not in found
    assert found["scope"] == "a b"


def test_a_nested_claim_is_found_and_keeps_its_type() -> None:
    signer = make_signer(claims=(("roles", ("realm", "roles")), ("none", ("realm", "none"))))

    found = claims_in(signer.vouch(signed_token(realm={"roles": ["a", 1]}), "orders", NOW))

    assert found["roles"] == ["a", 1]
    assert "none" not in found


def test_one_word_does_for_many_requests_until_half_of_its_life_is_over() -> None:
    signer, token = make_signer(), signed_token()
    first = signer.vouch(token, "orders", NOW)

    assert signer.vouch(token, "orders", NOW + 29.9) == first
    later = claims_in(signer.vouch(token, "orders", NOW + 30))
    assert (later["iat"], later["jti"]) == (int(NOW) + 30, "id-2")


def test_each_service_and_each_token_has_its_own() -> None:
    signer, alice, bob = make_signer(), signed_token(), signed_token(sub="bob")

    lines = {
        signer.vouch(token, upstream, NOW)
        for token in (alice, bob)
        for upstream in ("orders", "invoices")
    }

    assert {(claims_in(line)["sub"], claims_in(line)["aud"]) for line in lines} == {
        ("alice", "orders"),
        ("alice", "invoices"),
        ("bob", "orders"),
        ("bob", "invoices"),
    }


def test_it_never_outlives_its_token() -> None:
    """The token is let in until its `exp` and the leeway of 30 s."""
    signer, token = make_signer(), signed_token(exp=NOW + 10)

    first = signer.vouch(token, "orders", NOW)

    assert claims_in(first)["exp"] == NOW + 40
    # There is no longer one to be had: it is not made again and again.
    assert signer.vouch(token, "orders", NOW + 35) == first


def test_a_clock_that_was_set_back_makes_no_service_refuse_it() -> None:
    """Those that check `iat` would, until their clock has come to it again (RFC 7519 §4.1.6)."""
    signer, token = make_signer(), signed_token()
    signer.vouch(token, "orders", NOW)

    found = claims_in(signer.vouch(token, "orders", NOW - 3600))

    assert (found["iat"], found["exp"]) == (int(NOW) - 3600, int(NOW) - 3540)


@given(
    ages=st.lists(st.floats(0, 400), min_size=1, max_size=20),
    lifetime=st.floats(1, 600),
    left=st.floats(0, 300),
)
def test_whenever_it_is_handed_out_it_is_valid_and_its_token_is_too(
    ages: list[float], lifetime: float, left: float
) -> None:
    signer, token = make_signer(lifetime_seconds=lifetime), signed_token(exp=NOW + left)
    ends_at = NOW + left + 30
    for age in sorted(ages):
        now = NOW + age
        if now >= ends_at:  # nobody gets in with the token any more
            break
        found = claims_in(signer.vouch(token, "orders", now))
        assert found["iat"] <= now < found["exp"] <= ends_at


def test_those_that_are_in_use_stay_and_memory_is_bounded() -> None:
    signer = make_signer(capacity=4)
    tokens = [signed_token(sub=f"s{number}") for number in range(10)]
    kept = signer.vouch(tokens[0], "orders", NOW)
    for token in tokens[1:]:
        signer.vouch(token, "orders", NOW)
        assert signer.vouch(tokens[0], "orders", NOW) == kept

    assert len(signer) <= 4


@pytest.mark.parametrize("issued", [NOW, NOW + 0.75])
def test_a_service_with_a_clock_of_whole_seconds_takes_it_at_once(issued: float) -> None:
    found = claims_in(make_signer().vouch(signed_token(), "orders", issued))

    assert found["iat"] == int(issued)
    assert isinstance(found["exp"], int)


def test_nothing_of_a_caller_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    signer, token = make_signer(), signed_token()
    signer.vouch(token, "orders", NOW)

    assert isinstance(token, SignedToken)
    assert "alice" not in repr(signer)
    assert "alice" not in caplog.text
