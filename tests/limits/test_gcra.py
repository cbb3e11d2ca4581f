"""The algorithm agrees with the queue that it stands for, and never gives more than it says."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.gcra import Rate, Taken, remaining, take, wait_us

rates = st.builds(Rate, st.integers(1, 50), st.integers(1, 6))
steps_us = st.lists(st.integers(0, 120), max_size=60)


class Queue:
    """What a rate stands for, without cleverness: a queue from which one leaves each interval."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.length = Fraction(0)

    def pass_time(self, microseconds: int) -> None:
        self.length = max(Fraction(0), self.length - Fraction(microseconds, self.rate.interval_us))

    @property
    def has_room(self) -> bool:
        return self.length + 1 <= self.rate.burst


@given(st.lists(rates, min_size=1, max_size=3), steps_us)
def test_one_limit_or_several_allow_what_their_queues_have_room_for(
    limits: list[Rate], steps: list[int]
) -> None:
    queues = [Queue(rate) for rate in limits]
    moments: list[int | None] = [None] * len(limits)
    now_us = 1_000_000
    for step in steps:
        now_us += step
        for queue in queues:
            queue.pass_time(step)

        taken = take(limits, moments, now_us)

        assert (taken.refused is None) == all(queue.has_room for queue in queues)
        for queue in queues if taken.refused is None else ():
            queue.length += 1
        moments = list(taken.whole_at_us)
        for rate, queue, moment in zip(limits, queues, taken.whole_at_us, strict=True):
            assert remaining(rate, moment, now_us) == int(rate.burst - queue.length)


@given(
    st.lists(rates, min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 60), st.sets(st.integers(0, 3), min_size=1)), max_size=60),
)
def test_limits_that_requests_share_in_any_way_allow_what_their_queues_have_room_for(
    limits: list[Rate], requests: list[tuple[int, set[int]]]
) -> None:
    queues = [Queue(rate) for rate in limits]
    moments: dict[int, int] = {}
    now_us = 0
    for step, chosen in requests:
        used = sorted(number for number in chosen if number < len(limits)) or [0]
        now_us += step
        for queue in queues:
            queue.pass_time(step)

        taken = take([limits[one] for one in used], [moments.get(one) for one in used], now_us)

        assert (taken.refused is None) == all(queues[one].has_room for one in used)
        if taken.refused is None:
            for one, moment in zip(used, taken.whole_at_us, strict=True):
                queues[one].length += 1
                moments[one] = moment


@given(rates, steps_us)
def test_no_window_has_more_than_a_burst_and_what_its_time_gives(
    rate: Rate, steps: list[int]
) -> None:
    allowed, moment, now_us = [], None, 0
    for step in steps:
        now_us += step
        taken = take([rate], [moment], now_us)
        (moment,) = taken.whole_at_us
        if taken.refused is None:
            allowed.append(now_us)
    for first, begins_us in enumerate(allowed):
        for last, ends_us in enumerate(allowed[first:], first):
            assert last - first + 1 <= rate.burst + Fraction(ends_us - begins_us, rate.interval_us)


@given(rates, st.integers(0, 10_000))
def test_who_waits_as_long_as_is_said_is_let_through_and_not_a_microsecond_before(
    rate: Rate, now_us: int
) -> None:
    moment: int | None = None
    for _ in range(rate.burst):
        (moment,) = take([rate], [moment], now_us).whole_at_us
    refused = take([rate], [moment], now_us)

    waits_us = wait_us(rate, refused.whole_at_us[0], now_us)

    assert refused.refused == 0
    assert take([rate], [moment], now_us + waits_us - 1).refused == 0
    assert take([rate], [moment], now_us + waits_us).refused is None


def test_a_request_that_one_limit_refuses_takes_from_none() -> None:
    wide, narrow = Rate(10, 100), Rate(1000, 1)

    first = take([wide, narrow], [None, None], 0)
    second = take([wide, narrow], first.whole_at_us, 0)

    assert first == Taken(None, (10, 1000), 0)
    assert second == Taken(1, (10, 1000), 0)


def test_of_several_that_refuse_the_one_that_does_for_longest_is_named() -> None:
    short, long = Rate(10, 1), Rate(1000, 1)

    assert take([short, long, short], [10, 1000, 10], 0).refused == 1


def test_a_bucket_is_never_emptier_than_a_smaller_burst_makes_it() -> None:
    """As after a reload, or where somebody put the clock of Redis back."""
    assert take([Rate(10, 2)], [1_000_000], 0) == Taken(0, (20,), 0)
