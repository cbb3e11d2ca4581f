"""Authorization codes."""

import itertools

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.state.codes import (
    CODE_SECONDS,
    AuthorizationCodes,
    CodeReused,
    IssuedCode,
    challenge_of,
)
from gateway.issuer.tokens.grant import Grant
from tests.issuer.running import CALLBACK, VERIFIER, HandClock

GRANT = Grant("web", PERSONAS["alice"], ("demo-api",), ("openid",), 60)


def new_codes() -> tuple[AuthorizationCodes, str, HandClock]:
    numbers = itertools.count(1)
    clock = HandClock()
    codes = AuthorizationCodes(clock, lambda: f"secret-{next(numbers)}")
    return codes, codes.issue(GRANT, CALLBACK, challenge_of(VERIFIER)), clock


def test_a_challenge_is_that_of_the_rfc_and_of_another_library() -> None:
    """RFC 7636 appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert challenge_of(VERIFIER) == create_s256_code_challenge(VERIFIER)


def test_a_code_stands_for_its_grant_once() -> None:
    codes, code, _ = new_codes()

    first = codes.redeem(code, "web", CALLBACK, VERIFIER)
    second = codes.redeem(code, "web", CALLBACK, VERIFIER)

    assert isinstance(first, IssuedCode)
    assert first.grant is GRANT
    assert second == CodeReused(first.family)


@pytest.mark.parametrize(
    ("redirect_uri", "verifier"),
    [
        (CALLBACK + "/", VERIFIER),
        (None, VERIFIER),
        (CALLBACK, None),
        (CALLBACK, "short"),
        (CALLBACK, VERIFIER + "x"),
        (CALLBACK, challenge_of(VERIFIER)),
        (CALLBACK, VERIFIER + " "),
        (CALLBACK, "a" * 129),
    ],
)
def test_an_exchange_that_fails_uses_the_code_up(
    redirect_uri: str | None, verifier: str | None
) -> None:
    """RFC 6749 §4.1.3, RFC 7636 §4.6: nobody may try verifiers one after the other."""
    codes, code, _ = new_codes()

    failed = codes.redeem(code, "web", redirect_uri, verifier)

    assert isinstance(failed, OAuthError)
    assert failed.code == "invalid_grant"
    assert isinstance(codes.redeem(code, "web", CALLBACK, VERIFIER), CodeReused)


def test_another_client_does_not_know_the_code() -> None:
    codes, code, _ = new_codes()

    assert isinstance(codes.redeem(code, "cli", CALLBACK, VERIFIER), OAuthError)
    assert isinstance(codes.redeem("made-up", "web", CALLBACK, VERIFIER), OAuthError)
    assert isinstance(codes.redeem(code, "web", CALLBACK, VERIFIER), IssuedCode)


def test_a_code_expires() -> None:
    codes, code, clock = new_codes()
    clock.now += CODE_SECONDS

    assert isinstance(codes.redeem(code, "web", CALLBACK, VERIFIER), OAuthError)


def test_a_code_is_recognized_long_after_it_was_used() -> None:
    codes, code, clock = new_codes()
    codes.redeem(code, "web", CALLBACK, VERIFIER)
    clock.now += 3600

    assert isinstance(codes.redeem(code, "web", CALLBACK, VERIFIER), CodeReused)
