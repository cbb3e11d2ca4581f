"""An upstream gets as many requests at a time as it can serve in time."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.adaptive_limit import START, AdaptiveLimit
from gateway.settings.values.route_options import Priority

TARGET = 0.2


def busy(adaptive: AdaptiveLimit) -> AdaptiveLimit:
    adaptive.taken = 10_000
    return adaptive


def test_until_a_response_is_late_each_one_in_time_adds_a_slot() -> None:
    adaptive = busy(AdaptiveLimit(TARGET))

    for number in range(5):
        adaptive.learn(0.1, number, Priority.HIGH)

    assert adaptive.limit == START + 5


def test_later_a_round_of_responses_adds_one() -> None:
    adaptive = busy(AdaptiveLimit(TARGET))
    adaptive.learn(0.3, 1.0, Priority.HIGH)
    assert adaptive.limit == START - 1

    for number in range(adaptive.limit + 1):
        adaptive.learn(0.1, 2.0 + number, Priority.HIGH)

    assert adaptive.limit == START


def test_of_responses_that_were_late_together_one_counts() -> None:
    adaptive = busy(AdaptiveLimit(TARGET))

    for _ in range(5):
        adaptive.learn(0.3, 1.0, Priority.HIGH)  # sent at 0.7: before the first of them was known
    assert adaptive.limit == START - 1
    adaptive.learn(0.3, 1.29, Priority.HIGH)
    assert adaptive.limit == START - 1
    adaptive.learn(0.3, 1.31, Priority.HIGH)
    assert adaptive.limit == START - 2


def test_where_there_is_room_enough_nothing_is_added() -> None:
    adaptive = AdaptiveLimit(TARGET)
    adaptive.taken = START // 2 - 1

    adaptive.learn(0.1, 1.0, Priority.HIGH)

    assert adaptive.limit == START


@given(
    st.sampled_from(Priority),
    st.sets(st.sampled_from(Priority)),
    st.integers(0, 60),
)
def test_a_limit_in_full_use_grows_as_long_as_responses_are_in_time(
    priority: Priority, others: set[Priority], late: int
) -> None:
    """However few slots there were: those reserved for others are no reason to keep it so."""
    adaptive = AdaptiveLimit(TARGET, {priority, *others})
    for number in range(late):
        adaptive.learn(0.3, float(number), priority)
    before = adaptive.limit

    for number in range(2000):
        adaptive.taken = 0
        while adaptive.has_room(priority):
            adaptive.taken += 1
        adaptive.learn(0.1, 1000.0 + number, priority)

    assert adaptive.limit >= before + 20


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100))))
def test_there_is_always_a_slot(samples: list[tuple[float, float]]) -> None:
    adaptive = AdaptiveLimit(TARGET, {Priority.NORMAL})
    now = 0.0
    for seconds, later in samples:
        now += later
        adaptive.learn(seconds, now, Priority.HIGH)
        assert adaptive.limit >= 1
        assert adaptive.has_room(Priority.LOW)


def test_the_highest_priority_has_twice_the_slots_where_there_are_others() -> None:
    adaptive = AdaptiveLimit(TARGET, set(Priority))

    def room(taken: int) -> list[bool]:
        adaptive.taken = taken
        return [adaptive.has_room(priority) for priority in Priority]

    assert room(5) == [True, True, True]
    assert room(6) == [False, True, True]
    assert room(8) == room(19) == [False, False, True]
    assert room(20) == [False, False, False]
    adaptive.aim(TARGET, {Priority.HIGH})
    assert room(9)[-1]
    assert not room(10)[-1]


def test_what_was_learned_outlives_another_target() -> None:
    adaptive = busy(AdaptiveLimit(TARGET))
    adaptive.learn(0.3, 1.0, Priority.HIGH)

    adaptive.aim(1.0, {Priority.LOW})
    adaptive.learn(0.9, 5.0, Priority.HIGH)

    assert adaptive.limit == START - 1
    assert adaptive.target_seconds == 1.0


def test_a_service_that_serves_so_many_at_once_is_given_about_as_many_as_are_in_time() -> None:
    # Of n under way each takes n / 4 tenths of a second: 8 are in time with 0.2.
    adaptive, now = AdaptiveLimit(TARGET), 0.0
    seen = []
    for _ in range(2000):
        adaptive.taken = adaptive.limit
        seconds = max(0.1, adaptive.taken / 4 * 0.1)
        now += seconds / adaptive.taken
        adaptive.learn(seconds, now, Priority.HIGH)
        seen.append(adaptive.limit)

    assert min(seen[500:]) >= 6
    assert max(seen[500:]) <= 9
