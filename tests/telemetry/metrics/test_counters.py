"""Observations are counted by size, and nothing of them is lost but the digits."""

import pickle
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.metrics.counters import Histogram, add_counts

BOUNDS = (0.5, 1.0, 10.0)
VALUES = st.lists(st.floats(0, 100))


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (0.5, 0), (0.50001, 1), (1.0, 1), (10.0, 2), (10.1, 3)]
)
def test_a_value_counts_in_the_first_bucket_that_holds_it(value: float, bucket: int) -> None:
    times = Histogram(BOUNDS)

    times.observe(value)

    assert times.counts == [int(number == bucket) for number in range(4)]
    assert times.total == value


def fill(values: list[float]) -> Histogram:
    times = Histogram(BOUNDS)
    for value in values:
        times.observe(value)
    return times


@given(VALUES)
def test_every_value_is_in_one_bucket_and_in_the_sum(values: list[float]) -> None:
    times = fill(values)

    assert times.counts == [
        sum(bisect_left(BOUNDS, value) == bucket for value in values) for bucket in range(4)
    ]
    assert times.total == pytest.approx(sum(values))


@given(VALUES, VALUES)
def test_two_add_up_to_what_one_would_have_counted(ones: list[float], others: list[float]) -> None:
    times = fill(ones)

    times.add(fill(others))

    assert times.counts == fill(ones + others).counts
    assert times.total == pytest.approx(sum(ones) + sum(others))


def test_it_can_be_sent_to_another_process() -> None:
    sent: Histogram = pickle.loads(pickle.dumps(fill([0.1, 20.0])))

    assert (sent.bounds, sent.counts, sent.total) == (BOUNDS, [1, 0, 0, 1], 20.1)


def test_what_both_counted_adds_up() -> None:
    ours, theirs = {"a": 1, "b": 2}, {"b": 3, "c": 4}

    add_counts(ours, theirs)

    assert ours == {"a": 1, "b": 5, "c": 4}
    assert theirs == {"b": 3, "c": 4}


def test_what_is_added_to_itself_is_twice_as_much() -> None:
    ours = {"a": 1}

    add_counts(ours, ours)

    assert ours == {"a": 2}
