"""A crashed worker restarts at once; one that keeps crashing, with a growing pause."""

import pytest

from gateway.supervisor.starting import MOST_CRASHES, STABLE_SECONDS, Restarts


def test_the_first_death_costs_no_time() -> None:
    assert Restarts().after_crash(0.0) == 0.0


def test_deaths_in_a_row_take_longer_and_longer_up_to_five_seconds() -> None:
    restarts = Restarts()
    delays = [restarts.after_crash(STABLE_SECONDS - 0.1) for _ in range(9)]

    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert restarts.total == 9


def test_ten_thousand_deaths_are_no_more_than_that() -> None:
    restarts = Restarts()

    assert max(restarts.after_crash(0.0) for _ in range(10_000)) == 5.0


def test_a_worker_that_served_steadily_is_replaced_at_once_whatever_was_before() -> None:
    restarts = Restarts()
    for _ in range(20):
        restarts.after_crash(0.0)

    assert restarts.after_crash(STABLE_SECONDS) == 0.0
    assert restarts.after_crash(0.0) == 0.1
    assert restarts.total == 22


@pytest.mark.parametrize(
    ("deaths", "serves_seconds", "keeps_crashing"),
    [
        (0, 0.0, False),
        (MOST_CRASHES, 0.0, False),
        (MOST_CRASHES + 1, 0.0, True),
        (MOST_CRASHES + 1, STABLE_SECONDS - 0.1, True),  # it may be about to die again
        (MOST_CRASHES + 1, STABLE_SECONDS, False),
        (1000, STABLE_SECONDS, False),
    ],
)
def test_it_is_hopeless_until_one_serves_steadily(
    deaths: int, serves_seconds: float, keeps_crashing: bool
) -> None:
    restarts = Restarts()
    for _ in range(deaths):
        restarts.after_crash(0.0)

    assert restarts.keeps_crashing(serves_seconds) is keeps_crashing
