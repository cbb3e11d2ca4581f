"""What is kept of exchanges: by the caller's token and the upstream, until it expires."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.service_tokens.exchanged_tokens import ExchangedTokens, Place
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken

A, B = ("orders", b"a"), ("orders", b"b")


def token_of(place: Place, until: float = 100.0) -> ServiceToken:
    return ServiceToken(f"{place}".encode(), 0.0, until)


def refusal(until: float) -> NoServiceToken:
    return NoServiceToken(Reason.TOKEN_EXCHANGE_REFUSED, "no", until)


def test_a_token_is_kept_until_it_expires() -> None:
    kept = ExchangedTokens()
    kept.keep(A, token_of(A))

    assert kept.recall(A, 99.9) == token_of(A)
    assert kept.recall(A, 100.0) is None
    assert kept.recall(B, 0.0) is None
    assert kept.recall(("other", b"a"), 0.0) is None


def test_a_refusal_is_kept_for_its_time_and_a_failure_never() -> None:
    kept = ExchangedTokens()
    kept.keep(A, refusal(10.0))
    kept.keep(B, refusal(0.0))

    assert kept.recall(A, 9.0) == refusal(10.0)
    assert kept.recall(A, 10.0) is None
    assert kept.recall(B, -1.0) is None


def test_refusals_evict_no_token() -> None:
    kept = ExchangedTokens()
    kept.keep(A, token_of(A))
    for number in range(5000):
        kept.keep(("orders", b"%d" % number), refusal(10.0))

    assert kept.recall(A, 0.0) == token_of(A)
    assert len(kept) == 1


def test_a_rejected_token_is_forgotten_but_not_its_successor() -> None:
    kept = ExchangedTokens()
    kept.keep(A, token_of(A, 50.0))
    kept.forget(A, token_of(A))
    assert kept.recall(A, 0.0) == token_of(A, 50.0)

    kept.forget(A, token_of(A, 50.0))

    assert kept.recall(A, 0.0) is None


PLACES = st.tuples(st.sampled_from(["orders", "bills"]), st.binary(min_size=1, max_size=1))
STEPS = st.lists(st.tuples(PLACES, st.floats(0, 20), st.booleans()), max_size=60)


@given(STEPS, st.floats(0, 20))
def test_no_place_ever_has_the_token_of_another_nor_an_expired_one(
    steps: list[tuple[Place, float, bool]], now: float
) -> None:
    kept = ExchangedTokens(capacity=8)
    for place, until, forgets in steps:
        token = token_of(place, until)
        kept.keep(place, token)
        if forgets:
            kept.forget(place, token)
        for other, _, _ in steps:
            found: Found | None = kept.recall(other, now)
            if isinstance(found, ServiceToken):
                assert found.line == f"{other}".encode()
                assert now < found.until
    assert len(kept) <= 8
