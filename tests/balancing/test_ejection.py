"""A server that fails is ejected, for longer each time, but never too many at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.ejection import Standing, ejection_seconds, fail, readmit
from gateway.settings.values.balancing import EjectionLimits

LIMITS = EjectionLimits(after=3, first_seconds=10.0, longest_seconds=60.0, max_share=0.5)


def fail_times(times: int, standing: Standing, others: list[Standing], now: float = 0.0) -> bool:
    """Return whether the last of so many failures ejected it."""
    return [fail(standing, others, LIMITS, now) for _ in range(times)][-1]


def test_only_failures_in_a_row_eject() -> None:
    standing, others = Standing(), [Standing()]

    assert not fail_times(2, standing, others)
    standing.in_a_row = 0  # an answer
    assert not fail_times(2, standing, others)
    assert fail_times(1, standing, others)
    assert standing.is_ejected


def test_an_ejected_server_comes_back_when_its_time_is_over() -> None:
    standing, others = Standing(), [Standing()]
    fail_times(3, standing, others, now=100.0)

    assert readmit([standing, *others], 109.9) == []
    assert readmit([standing, *others], 110.0) == [standing]
    assert not standing.is_ejected


def test_it_is_ejected_twice_as_long_each_time_up_to_a_limit() -> None:
    standing, others, now = Standing(), [Standing()], 0.0
    seconds = []
    for _ in range(5):
        fail_times(3, standing, others, now)
        seconds.append(standing.ejected_until - now)
        now = standing.ejected_until
        readmit([standing], now)

    assert seconds == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_old_ejections_do_not_count() -> None:
    standing, others = Standing(), [Standing()]
    fail_times(3, standing, others, 0.0)
    readmit([standing], 10.0)

    fail_times(3, standing, others, 70.5)

    assert standing.ejected_until - 70.5 == 10.0


def test_an_ejected_server_is_not_ejected_again_by_requests_in_flight() -> None:
    standing, others = Standing(), [Standing()]
    fail_times(3, standing, others, 0.0)

    assert not fail_times(9, standing, others, 5.0)
    assert standing.ejected_until == 10.0


@pytest.mark.parametrize(
    ("count", "share", "most"),
    [(1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 1), (4, 0.5, 2), (4, 0.0, 0), (4, 1.0, 4), (10, 0.3, 3)],
)
def test_no_more_than_a_share_of_the_servers_is_ejected(
    count: int, share: float, most: int
) -> None:
    standings = [Standing() for _ in range(count)]
    limits = EjectionLimits(1, 10.0, 60.0, share)

    said = [
        fail(standing, [one for one in standings if one is not standing], limits, 0.0)
        for standing in standings
    ]

    assert said == [True] * most + [False] * (count - most)
    assert [one.is_ejected for one in standings] == said


@given(
    st.integers(1, 12),
    st.floats(0, 1),
    st.lists(st.tuples(st.integers(0, 11), st.floats(0, 100)), max_size=80),
)
def test_the_ceiling_holds_whatever_happens(
    count: int, share: float, events: list[tuple[int, float]]
) -> None:
    standings = [Standing() for _ in range(count)]
    limits, now = EjectionLimits(1, 10.0, 60.0, share), 0.0

    for number, pause in events:
        now += pause
        readmit(standings, now)
        standing = standings[number % count]
        fail(standing, [one for one in standings if one is not standing], limits, now)

        out = [one for one in standings if one.is_ejected]
        assert len(out) <= share * count
        assert all(now < one.ejected_until <= now + 60.0 for one in out)


def test_no_number_of_ejections_is_too_many_to_count() -> None:
    assert ejection_seconds(10_000, LIMITS) == 60.0
