"""What is in use stays, what strangers make up makes room, and what lasts is never evicted."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.remembered import Remembered


def find(memory: Remembered[int, str], key: int) -> str | None:
    """Look *key* up as those do who keep what is in use."""
    return memory.get(key) or memory.recall(key)


@given(st.lists(st.integers(0, 30)), st.integers(1, 12))
def test_what_was_kept_last_is_found_and_never_more_than_there_is_room_for(
    keys: list[int], capacity: int
) -> None:
    memory: Remembered[int, str] = Remembered(capacity)
    for key in keys:
        memory.keep(key, str(key))

        assert find(memory, key) == str(key)
        assert memory.evictable <= max(2, capacity)


def test_a_key_in_use_outlasts_any_number_of_keys_that_come_once() -> None:
    memory: Remembered[int, str] = Remembered(4)
    memory.keep(0, "in use")
    for key in range(1, 50):
        memory.keep(key, "once")
        assert find(memory, 0) == "in use"


def test_a_key_that_is_not_asked_for_makes_room() -> None:
    memory: Remembered[int, str] = Remembered(4)
    for key in range(5):
        memory.keep(key, "x")

    assert memory.evictable == 3
    assert [find(memory, key) for key in range(5)] == [None, None, "x", "x", "x"]


def test_what_lasts_is_never_evicted_and_takes_no_room_from_others() -> None:
    memory = Remembered(4, {-1: "lasting", -2: "too"})
    for key in range(50):
        memory.keep(key, "x")

        assert (memory[-1], memory[-2]) == ("lasting", "too")
        assert memory.evictable <= 4
    assert sum(find(memory, key) is not None for key in range(50)) >= 3


def test_whoever_holds_its_look_up_finds_what_is_young_after_an_eviction_too() -> None:
    memory: Remembered[int, str] = Remembered(4)
    look_up = memory.get
    for key in range(50):
        memory.keep(key, str(key))

        assert look_up(key) == str(key)


def test_what_was_never_kept_is_not_recalled() -> None:
    memory: Remembered[int, str] = Remembered(4)

    assert memory.recall(1) is None
    assert not memory
