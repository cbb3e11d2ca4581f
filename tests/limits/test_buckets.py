"""Buckets are kept in bounded memory, and what is forgotten was as good as none."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.gcra import Rate, Wanted, take
from gateway.limits.limiter import Buckets

RATE = Rate(100, 3)


def one(key: bytes, rate: Rate = RATE) -> list[Wanted]:
    return [Wanted(key, rate)]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), max_size=80))
def test_what_is_forgotten_makes_no_difference(requests: list[tuple[int, int]]) -> None:
    buckets, kept = Buckets(), dict[int, int]()
    now_us = 0
    for step, number in requests:
        now_us += step
        expected = take([RATE], [kept.get(number)], now_us)
        (kept[number],) = expected.whole_at_us

        assert buckets.take(one(b"%d" % number), now_us) == expected


def test_buckets_that_are_whole_again_are_forgotten_as_others_come() -> None:
    buckets = Buckets()
    for number in range(1000):
        buckets.take(one(b"a%d" % number), 0)

    for number in range(1000):
        buckets.take(one(b"b%d" % number), 1_000_000)

    assert len(buckets) <= 1000


def test_no_more_are_kept_than_there_is_room_for() -> None:
    buckets = Buckets(room=50)

    for number in range(5000):
        buckets.take(one(b"%d" % number), 0)

    assert len(buckets) == 50


def test_where_there_is_no_room_the_one_that_is_nearly_whole_makes_it() -> None:
    buckets = Buckets(room=4)
    used_up = Wanted(b"used up", Rate(1_000_000, 1))
    buckets.take([used_up], 0)
    for number in range(3):
        buckets.take(one(b"%d" % number), 0)

    for number in range(100):
        buckets.take(one(b"more %d" % number), 0)

    assert buckets.take([used_up], 0).refused == 0


def test_a_request_that_is_refused_adds_no_bucket() -> None:
    buckets = Buckets()
    buckets.take(one(b"a", Rate(100, 1)), 0)

    both = [Wanted(b"new", RATE), Wanted(b"a", Rate(100, 1))]

    assert buckets.take(both, 0).refused == 1
    assert len(buckets) == 1
