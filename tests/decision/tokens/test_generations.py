"""What is in use is remembered, what is not makes room, and never is much freed at once."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.tokens.generations import Generations


def find(memory: Generations[int, str], key: int) -> str | None:
    """Look *key* up as those do who keep what is in use."""
    known = memory.young.get(key) or memory.old.pop(key, None)
    if known is not None and key not in memory.young:
        memory.keep(key, known)
    return known


@given(st.lists(st.integers(0, 30)), st.integers(1, 12))
def test_what_was_kept_last_is_there_and_never_more_than_there_is_room_for(
    keys: list[int], capacity: int
) -> None:
    memory: Generations[int, str] = Generations(capacity)
    for key in keys:
        memory.keep(key, str(key))
        assert find(memory, key) == str(key)
        assert len(memory) <= max(2, capacity)


def test_what_is_found_again_and_again_outlasts_all_others() -> None:
    memory: Generations[int, str] = Generations(4)
    memory.keep(0, "in use")
    for key in range(1, 50):
        memory.keep(key, "once")
        assert find(memory, 0) == "in use"


def test_a_value_in_place_of_another_takes_no_room() -> None:
    memory: Generations[int, str] = Generations(4)
    for value in ("a", "b", "c", "d", "e"):
        memory.keep(0, value)
        memory.keep(1, value)

    assert (memory.young, memory.old) == ({0: "e", 1: "e"}, {})


def test_a_generation_that_is_over_is_taken_apart_one_by_one() -> None:
    memory: Generations[int, str] = Generations(8)
    for key in range(8):
        memory.keep(key, "x")

    left = []
    for key in range(8, 12):
        memory.keep(key, "x")
        left.append(len(memory._over))

    assert left == [3, 2, 1, 0]  # of the four that came first


def test_all_can_be_forgotten_at_once() -> None:
    memory: Generations[int, str] = Generations(2)
    for key in range(5):
        memory.keep(key, "x")

    memory.clear()

    assert (len(memory), memory.young, memory.old, memory._over) == (0, {}, {}, {})
