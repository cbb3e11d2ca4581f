"""Tables whose entries expire."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.expiring import ExpiringTable
from tests.issuer.running import HandClock


def test_an_entry_is_there_until_its_time_is_over() -> None:
    clock = HandClock()
    table = ExpiringTable[str, int](3, clock)
    table.put("a", 1, 10)

    clock.now += 9.9
    assert table.get("a") == 1
    assert table.values() == [1]
    clock.now += 0.1
    assert table.get("a") is None
    assert table.pop("a") is None
    assert table.values() == []


def test_what_is_taken_out_is_gone() -> None:
    table = ExpiringTable[str, int](3, HandClock())
    table.put("a", 1, 10)

    assert table.pop("a") == 1
    assert table.get("a") is None


def test_a_value_in_the_place_of_another_lives_no_longer() -> None:
    clock = HandClock()
    table = ExpiringTable[str, int](3, clock)
    table.put("a", 1, 10)
    clock.now += 5

    table.replace("a", 2)
    table.replace("b", 3)

    assert (table.get("a"), table.get("b")) == (2, None)
    clock.now += 5
    assert table.get("a") is None


def test_an_entry_too_many_takes_the_place_of_an_expired_one_first() -> None:
    clock = HandClock()
    table = ExpiringTable[str, int](2, clock)
    table.put("old", 1, 100)
    table.put("short", 2, 1)
    clock.now += 2

    table.put("new", 3, 100)

    assert table.values() == [1, 3]


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=40))
def test_no_more_entries_are_kept_than_there_is_room_for(
    capacity: int, entries: list[tuple[int, int]]
) -> None:
    clock = HandClock()
    table = ExpiringTable[int, int](capacity, clock)
    for number, (key, lifetime) in enumerate(entries):
        table.put(key, number, lifetime)
        assert table.get(key) == number
        assert len(table.values()) <= capacity
        clock.now += 1
