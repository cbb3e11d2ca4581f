"""A service has as many places as it can serve in time."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.adaptive_limit import START, AdaptiveLimit
from gateway.settings.values.route_options import Priority

TARGET = 0.2


def busy(places: AdaptiveLimit) -> AdaptiveLimit:
    places.taken = 10_000
    return places


def test_until_an_answer_is_late_each_that_is_not_adds_a_place() -> None:
    places = busy(AdaptiveLimit(TARGET))

    for number in range(5):
        places.learn(0.1, number, Priority.HIGH)

    assert places.limit == START + 5


def test_later_a_round_of_answers_adds_one() -> None:
    places = busy(AdaptiveLimit(TARGET))
    places.learn(0.3, 1.0, Priority.HIGH)
    assert places.limit == START - 1

    for number in range(places.limit + 1):
        places.learn(0.1, 2.0 + number, Priority.HIGH)

    assert places.limit == START


def test_of_answers_that_were_late_together_one_counts() -> None:
    places = busy(AdaptiveLimit(TARGET))

    for _ in range(5):
        places.learn(0.3, 1.0, Priority.HIGH)  # sent at 0.7: before the first of them was known
    assert places.limit == START - 1
    places.learn(0.3, 1.29, Priority.HIGH)
    assert places.limit == START - 1
    places.learn(0.3, 1.31, Priority.HIGH)
    assert places.limit == START - 2


def test_where_there_is_room_enough_nothing_is_added() -> None:
    places = AdaptiveLimit(TARGET)
    places.taken = START // 2 - 1

    places.learn(0.1, 1.0, Priority.HIGH)

    assert places.limit == START


@given(
    st.sampled_from(Priority),
    st.sets(st.sampled_from(Priority)),
    st.integers(0, 60),
)
def test_whoever_takes_all_it_may_is_given_more_as_long_as_answers_are_in_time(
    priority: Priority, others: set[Priority], late: int
) -> None:
    """However few places there were left: those that are for others are no reason to stay there."""
    places = AdaptiveLimit(TARGET, {priority, *others})
    for number in range(late):
        places.learn(0.3, float(number), priority)
    before = places.limit

    for number in range(2000):
        places.taken = 0
        while places.has_room(priority):
            places.taken += 1
        places.learn(0.1, 1000.0 + number, priority)

    assert places.limit >= before + 20


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100))))
def test_there_is_always_a_place(samples: list[tuple[float, float]]) -> None:
    places = AdaptiveLimit(TARGET, {Priority.NORMAL})
    now = 0.0
    for seconds, later in samples:
        now += later
        places.learn(seconds, now, Priority.HIGH)
        assert places.limit >= 1
        assert places.has_room(Priority.LOW)


def test_the_highest_priority_has_twice_the_places_where_there_are_others() -> None:
    places = AdaptiveLimit(TARGET, set(Priority))

    def room(taken: int) -> list[bool]:
        places.taken = taken
        return [places.has_room(priority) for priority in Priority]

    assert room(5) == [True, True, True]
    assert room(6) == [False, True, True]
    assert room(8) == room(19) == [False, False, True]
    assert room(20) == [False, False, False]
    places.aim(TARGET, {Priority.HIGH})
    assert room(9)[-1]
    assert not room(10)[-1]


def test_what_was_learned_outlives_another_target() -> None:
    places = busy(AdaptiveLimit(TARGET))
    places.learn(0.3, 1.0, Priority.HIGH)

    places.aim(1.0, {Priority.LOW})
    places.learn(0.9, 5.0, Priority.HIGH)

    assert places.limit == START - 1
    assert places.target_seconds == 1.0


def test_a_service_that_serves_so_many_at_once_is_given_about_as_many_as_are_in_time() -> None:
    # Of n under way each takes n / 4 tenths of a second: 8 are in time with 0.2.
    places, now = AdaptiveLimit(TARGET), 0.0
    seen = []
    for _ in range(2000):
        places.taken = places.limit
        seconds = max(0.1, places.taken / 4 * 0.1)
        now += seconds / places.taken
        places.learn(seconds, now, Priority.HIGH)
        seen.append(places.limit)

    assert min(seen[500:]) >= 6
    assert max(seen[500:]) <= 9
