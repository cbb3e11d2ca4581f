import tracemalloc

from gateway.keyring.unknown_kids import MAX_REMEMBERED, UnknownKids
from tests.keyring.peers import MovableClock


def test_a_key_id_is_remembered_for_its_time_and_not_longer(clock: MovableClock) -> None:
    kids = UnknownKids(30.0, clock.now)

    kids.add("a")

    clock.advance(29.9)
    assert "a" in kids
    clock.advance(0.1)
    assert "a" not in kids


def test_no_other_key_id_is_taken_for_it(clock: MovableClock) -> None:
    kids = UnknownKids(30.0, clock.now)

    kids.add("a")

    assert not any(other in kids for other in ("", "A", "a ", "b", "\ud800"))


def test_of_too_many_the_oldest_are_forgotten(clock: MovableClock) -> None:
    """CVE-2026-48524: strangers choose key ids, and as many as they like."""
    kids = UnknownKids(30.0, clock.now)

    for number in range(10_000):
        kids.add(f"random-{number}")

    assert len(kids) == MAX_REMEMBERED
    assert "random-9999" in kids
    assert "random-0" not in kids


def test_long_key_ids_cost_no_more_memory_than_short_ones(clock: MovableClock) -> None:
    kids = UnknownKids(30.0, clock.now)
    tracemalloc.start()
    try:
        for number in range(MAX_REMEMBERED):
            kids.add(f"{number}" + "\U0001f511" * 1000)  # 4 KiB of memory each
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held_bytes < MAX_REMEMBERED * 1000
