"""Laws of when to fetch and how long to trust: no clock, no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fetching.schedule import (
    LAST_BACKOFF_SECONDS,
    MIN_REFRESH_SECONDS,
    Schedule,
    after_failure,
    after_success,
    backoff_seconds,
    expires_at,
    is_usable,
    may_try,
    refresh_at,
    retry_at,
)
from gateway.settings.values.configuration import FetchTimes

TIMES = FetchTimes(
    fresh_seconds=300.0,
    stale_seconds=3600.0,
    fetch_timeout_seconds=5.0,
)

seconds = st.floats(0.0, 100_000.0)
times = st.builds(
    FetchTimes,
    fresh_seconds=st.floats(0.0, 86_400.0),
    stale_seconds=st.floats(0.0, 86_400.0),
    fetch_timeout_seconds=st.floats(0.1, 60.0),
)
outcomes = st.lists(st.tuples(st.floats(0.0, 1000.0), st.booleans()), max_size=30)


def played(steps: list[tuple[float, bool]]) -> tuple[Schedule, float]:
    """Return the state after *steps* of (seconds waited, success), and the time then."""
    state, now = Schedule(), 0.0
    for waited, good in steps:
        now += waited
        state = after_success(state, now) if good else after_failure(state, now)
    return state, now


def test_a_document_is_refreshed_at_four_fifths_of_its_freshness() -> None:
    assert refresh_at(after_success(Schedule(), 1000.0), TIMES) == 1240.0


def test_the_last_of_many_is_refreshed_an_eighth_of_its_pause_earlier() -> None:
    state = after_success(Schedule(), 1000.0)

    moments = [refresh_at(state, TIMES, index / 1000) for index in range(1000)]

    assert moments == sorted(moments, reverse=True)
    assert moments[0] == 1240.0
    assert moments[-1] == pytest.approx(1210.03)


@given(outcomes, times, st.floats(0.0, 1.0))
def test_a_head_start_makes_no_fetch_later_nor_two_of_them_closer_than_a_second(
    steps: list[tuple[float, bool]], key_times: FetchTimes, head_start: float
) -> None:
    state, now = played(steps)

    moment = refresh_at(state, key_times, head_start)

    assert moment <= refresh_at(state, key_times)
    assert state.attempted_at is None or moment >= now + MIN_REFRESH_SECONDS


def test_documents_that_failed_together_are_tried_again_one_after_the_other() -> None:
    state = Schedule()
    for _ in range(10):
        state = after_failure(state, 1000.0)

    moments = {refresh_at(state, TIMES, index / 1000) for index in range(1000)}

    assert len(moments) == 1000
    assert max(moments) == 1060.0
    assert min(moments) == pytest.approx(1052.5, abs=0.01)


def test_backoff_doubles_from_one_second_to_a_minute() -> None:
    assert [backoff_seconds(n) for n in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_the_first_fetch_is_due_at_once() -> None:
    assert refresh_at(Schedule(), TIMES) == float("-inf")
    assert may_try(Schedule(), 0.0)


def test_a_document_serves_while_fresh_and_stale_and_not_a_moment_longer() -> None:
    state = after_success(Schedule(), 1000.0)

    assert is_usable(state, TIMES, 1000.0 + 3900.0 - 0.001)
    assert not is_usable(state, TIMES, 1000.0 + 3900.0)


def test_without_a_document_nothing_is_usable() -> None:
    assert not is_usable(after_failure(Schedule(), 1.0), TIMES, 1.0)
    assert expires_at(Schedule(), TIMES) is None


@given(outcomes, times)
def test_a_failure_never_changes_how_long_a_document_serves(
    steps: list[tuple[float, bool]], fetch_times: FetchTimes
) -> None:
    state, now = played(steps)

    assert expires_at(after_failure(state, now), fetch_times) == expires_at(state, fetch_times)


@given(outcomes, times)
def test_a_failure_never_brings_the_refresh_forward(
    steps: list[tuple[float, bool]], fetch_times: FetchTimes
) -> None:
    """A flood of unknown kids at an issuer that is down must not become a flood of fetches."""
    state, now = played(steps)

    assert refresh_at(after_failure(state, now), fetch_times) >= refresh_at(state, fetch_times)


@given(outcomes.filter(bool), times)
def test_after_any_attempt_the_next_one_is_a_second_away_and_after_failures_a_minute_at_most(
    steps: list[tuple[float, bool]], fetch_times: FetchTimes
) -> None:
    state, now = played(steps)
    due = refresh_at(state, fetch_times)

    assert due >= now + MIN_REFRESH_SECONDS
    assert retry_at(state) <= now + LAST_BACKOFF_SECONDS


@given(outcomes, seconds)
def test_success_forgets_all_failures(steps: list[tuple[float, bool]], later: float) -> None:
    state, now = played(steps)
    state = after_success(state, now + later)

    assert state.failures == 0
    assert refresh_at(state, TIMES) == now + later + 240.0


@given(outcomes, seconds)
def test_a_fetch_that_is_not_due_waits_for_the_backoff(
    steps: list[tuple[float, bool]], later: float
) -> None:
    state, now = played(steps)

    assert may_try(state, now + later) == (now + later >= retry_at(state))
