"""Refresh tokens that change with each use."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.state.refresh_tokens import (
    REFRESH_SECONDS,
    REUSE_GRACE_SECONDS,
    RefreshTokens,
    Rotated,
)
from gateway.issuer.tokens.grant import Grant
from tests.issuer.running import HandClock

GRANT = Grant("web", PERSONAS["alice"], ("demo-api",), ("openid",), 60)


def new_tokens() -> tuple[RefreshTokens, str, HandClock]:
    numbers = itertools.count(1)
    clock = HandClock()
    tokens = RefreshTokens(clock, lambda: f"secret-{next(numbers)}")
    return tokens, tokens.start(GRANT, "family"), clock


def use(tokens: RefreshTokens, token: str) -> Rotated:
    rotated = tokens.rotate(token, "web")
    assert isinstance(rotated, Rotated)
    return rotated


def test_each_use_gives_a_successor() -> None:
    tokens, first, _ = new_tokens()

    second = use(tokens, first)
    third = use(tokens, second.token)

    assert len({first, second.token, third.token}) == 3
    assert third.grant is GRANT


def test_within_the_grace_the_former_token_gives_the_same_successor() -> None:
    tokens, first, clock = new_tokens()
    second = use(tokens, first)
    clock.now += REUSE_GRACE_SECONDS - 0.1

    assert use(tokens, first) == second


def test_the_grace_is_over_once_the_successor_was_used() -> None:
    """The owner has gone on: whoever still has the former token is somebody else."""
    tokens, first, _ = new_tokens()
    second = use(tokens, first)
    third = use(tokens, second.token)

    assert isinstance(tokens.rotate(first, "web"), OAuthError)
    assert isinstance(tokens.rotate(third.token, "web"), OAuthError)


def test_another_family_is_not_revoked() -> None:
    tokens, first, clock = new_tokens()
    other = tokens.start(GRANT, "other")
    use(tokens, first)
    clock.now += REUSE_GRACE_SECONDS

    assert isinstance(tokens.rotate(first, "web"), OAuthError)
    assert use(tokens, other)


def test_a_token_expires_and_is_of_its_client() -> None:
    tokens, first, clock = new_tokens()

    assert isinstance(tokens.rotate(first, "cli"), OAuthError)
    assert isinstance(tokens.rotate("made-up", "web"), OAuthError)
    clock.now += REFRESH_SECONDS
    assert isinstance(tokens.rotate(first, "web"), OAuthError)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12)), max_size=20))
def test_a_family_never_has_two_that_work_and_never_works_again_once_revoked(
    uses: list[tuple[int, int]],
) -> None:
    """RFC 9700 §4.14.2, for any order of uses and any pauses."""
    tokens, first, clock = new_tokens()
    known, revoked = [first], False
    for index, pause in uses:
        clock.now += pause
        answer = tokens.rotate(known[index % len(known)], "web")
        assert not (revoked and isinstance(answer, Rotated))
        if isinstance(answer, OAuthError):
            revoked = True
        elif answer.token not in known:
            assert index % len(known) == len(known) - 1  # only the newest gives a new one
            known.append(answer.token)
