"""Some slots of a limit are left to requests that matter more."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.concurrency_limit import ConcurrencyLimit, usable_slots
from gateway.settings.values.route_options import Priority

PRIORITIES = st.sampled_from(Priority)


def test_whoever_is_alone_has_every_slot() -> None:
    for priority in Priority:
        assert usable_slots(10, {priority})[priority] == 10


def test_a_fifth_is_left_to_each_higher_priority_that_there_is() -> None:
    assert usable_slots(10, set(Priority)) == (6, 8, 10)
    assert usable_slots(10, {Priority.LOW, Priority.HIGH}) == (8, 8, 10)
    assert usable_slots(12, {Priority.NORMAL, Priority.HIGH})[Priority.NORMAL] == 9  # 3 for 2.4


@given(limit=st.integers(1, 10_000), used=st.sets(PRIORITIES))
def test_nobody_has_more_than_the_limit_or_none_and_who_matters_more_has_no_less(
    limit: int, used: set[Priority]
) -> None:
    low, normal, high = usable_slots(limit, used)

    assert 1 <= low <= normal <= high == limit


@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.one_of(PRIORITIES, st.none(), st.integers(1, 20)), max_size=80),
)
def test_in_any_order_of_coming_going_and_reloads_no_more_come_in_than_there_is_room_for(
    limit: int, steps: list[Priority | int | None]
) -> None:
    slots, inside = ConcurrencyLimit(limit, set(Priority)), 0
    for step in steps:
        if step is None:
            if inside:
                slots.taken -= 1
                inside -= 1
        elif isinstance(step, Priority):
            if slots.has_room(step):
                slots.taken += 1
                inside += 1
                assert inside <= limit
        else:
            limit = step
            slots.use(limit, set(Priority))
        assert slots.taken == inside
        assert slots.has_room(Priority.HIGH) == (inside < limit)
