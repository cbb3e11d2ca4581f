"""A server is healthy until enough checks in a row fail, and again after enough have passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.health import Health, after_check, first_check_at, next_check_at, postpone
from gateway.settings.values.balancing import HealthCheck


def make_check(unhealthy_after: int = 3, healthy_after: int = 2) -> HealthCheck:
    return HealthCheck("/", 5.0, 2.0, unhealthy_after, healthy_after, ((200, 299),), 0.0)


def after(checks: str, check: HealthCheck) -> Health:
    """Return the health after *checks*: ``+`` is one that passed, ``-`` one that failed."""
    health = Health()
    for mark in checks:
        health = after_check(health, check, None if mark == "+" else "it failed", 1.0)
    return health


@pytest.mark.parametrize(
    ("checks", "is_healthy"),
    [
        ("", True),
        ("--", True),
        ("---", False),
        ("--+--", True),
        ("--+---", False),
        ("---+", False),
        ("---++", True),
        ("---+-+", False),
        ("---++--", True),
        ("---++---", False),
    ],
)
def test_checks_count_in_a_row(checks: str, is_healthy: bool) -> None:
    assert after(checks, make_check()).is_healthy == is_healthy


@given(st.text("+-", max_size=30), st.integers(1, 5), st.integers(1, 5))
def test_health_changes_exactly_when_enough_checks_in_a_row_contradict_it(
    checks: str, unhealthy_after: int, healthy_after: int
) -> None:
    check = make_check(unhealthy_after, healthy_after)
    for end in range(1, len(checks) + 1):
        before, now = after(checks[: end - 1], check), after(checks[:end], check)
        against = "-" if before.is_healthy else "+"
        enough = unhealthy_after if before.is_healthy else healthy_after
        changes = before.is_healthy != now.is_healthy
        if changes:
            assert checks[:end].endswith(against * enough)
        if checks[:end].endswith(against * enough) and not changes:
            # They were counted from the last change on.
            assert before.in_a_row + 1 < enough


def test_the_detail_is_that_of_the_last_check_and_empty_after_one_that_passes() -> None:
    assert after("-", make_check()).detail == "it failed"
    assert after("-+", make_check()).detail == ""


@given(st.floats(0, 1), st.floats(0, 1e9))
def test_the_next_check_is_about_an_interval_away(luck: float, now: float) -> None:
    pause = next_check_at(make_check(), now, luck) - now

    assert 4.4 <= pause <= 5.6


@given(st.floats(0, 1), st.floats(0, 1e9), st.floats(0.01, 60))
def test_the_first_check_is_within_a_second_and_within_an_interval(
    luck: float, now: float, interval: float
) -> None:
    check = HealthCheck("/", interval, 2.0, 3, 2, ((200, 299),), 0.0)

    pause = first_check_at(check, now, luck) - now

    assert -1e-6 <= pause <= min(1.0, interval) + 1e-6


def test_postponing_a_check_changes_nothing_else() -> None:
    health = Health(False, 1, "it failed", 3.0)

    assert postpone(health, 9.0) == Health(False, 1, "it failed", 9.0)


@pytest.mark.parametrize(
    ("status", "accepted"), [(199, False), (200, True), (299, True), (300, False), (304, True)]
)
def test_ranges_include_both_ends(status: int, accepted: bool) -> None:
    check = HealthCheck("/", 5.0, 2.0, 3, 2, ((200, 299), (304, 304)), 0.0)

    assert check.accepts(status) == accepted
