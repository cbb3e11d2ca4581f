"""Retries are a bounded share of the requests."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.retry_budget import PER_SECOND, RetryBudget


def allowed(budget: RetryBudget, attempts: int, requests: int, now: float) -> int:
    return sum(budget.withdraw(requests, now) for _ in range(attempts))


def test_a_quiet_upstream_has_a_few_retries() -> None:
    assert allowed(RetryBudget(0.2, 0, 0.0), 100, 1, 0.0) == PER_SECOND


def test_a_busy_one_has_its_share() -> None:
    budget = RetryBudget(0.2, 0, 0.0)

    assert allowed(budget, 1000, 1000, 1.0) in range(200, 200 + 2 * int(PER_SECOND) + 1)


def test_without_a_share_only_the_few_are_left() -> None:
    budget = RetryBudget(0.0, 0, 0.0)

    assert allowed(budget, 1000, 100_000, 0.5) <= PER_SECOND * 1.5


def test_the_unused_budget_of_a_night_is_not_spent_in_one_minute() -> None:
    budget = RetryBudget(0.2, 0, 0.0)

    assert allowed(budget, 10_000, 100_000, 36_000.0) < 200


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 60), st.integers(0, 200)), max_size=40),
)
def test_there_are_never_more_than_the_share_and_the_few(
    share: float, events: list[tuple[int, float, int]]
) -> None:
    budget, requests, now, retries = RetryBudget(share, 0, 0.0), 0, 0.0, 0

    for sent, pause, attempts in events:
        requests += sent
        now += pause
        retries += allowed(budget, attempts, requests, now)

        assert retries <= share * requests + PER_SECOND * (now + 1) + 1e-6


@given(st.lists(st.integers(0, 50), max_size=60))
def test_retries_that_are_a_smaller_share_are_never_refused(attempts: list[int]) -> None:
    budget, requests = RetryBudget(0.5, 0, 0.0), 0

    for second, wanted in enumerate(attempts):
        requests += 2 * wanted
        assert allowed(budget, wanted, requests, float(second)) == wanted
