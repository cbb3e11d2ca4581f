"""Documents of one kind live and end together, and outlive a change of configuration."""

from collections import Counter
from collections.abc import Mapping

import pytest

from gateway.fetching.session import make_session
from gateway.fetching.upkeep import Upkeep
from tests.fetching.words import GONE, Document, Source, Words
from tests.keyring.peers import MovableClock, until


class Shelf(Upkeep[Words]):
    """Words by name, of *sources*."""

    def __init__(
        self, sources: Mapping[str, Source], clock: MovableClock, file: bool = False
    ) -> None:
        self.live: dict[str, Document] = {}
        super().__init__(
            {name: Words(name, self.live, clock, one, file) for name, one in sources.items()},
            make_session,
        )

    def all(self) -> list[Words]:
        return list(self._documents.values())


async def test_all_documents_are_in_hand_once_started(clock: MovableClock) -> None:
    shelf = Shelf({"a": Source("1"), "b": Source("2")}, clock)
    assert not shelf.is_started

    await shelf.start()

    assert shelf.live == {"a": ("1",), "b": ("2",)}
    assert not shelf.session.closed
    await shelf.close()
    assert not shelf.is_started


async def test_a_document_that_cannot_be_had_holds_up_no_other(clock: MovableClock) -> None:
    broken, sound = Source(), Source("2")
    broken.words = GONE
    shelf = Shelf({"a": broken, "b": sound}, clock)

    await shelf.start()

    assert shelf.live == {"b": ("2",)}
    await shelf.close()


async def test_documents_that_were_had_together_are_fetched_again_one_after_the_other(
    clock: MovableClock,
) -> None:
    """A thousand in one second would be a burst for us, and for one server behind them all."""
    shelf = Shelf({f"book-{n}": Source(f"{n}") for n in range(1000)}, clock)
    await shelf.start()

    moments = [words.next_refresh_in_seconds for words in shelf.all()]
    await shelf.close()

    seconds = Counter(map(int, moments))
    assert max(moments) == 240.0
    assert min(moments) > 210.0
    assert max(seconds.values()) <= 34


@pytest.mark.parametrize(("file", "reads"), [(False, 1), (True, 2)])
async def test_what_was_taken_over_is_fetched_again_only_if_it_is_a_file(
    file: bool, reads: int, clock: MovableClock
) -> None:
    source, new = Source("1"), Source("2")
    former = Shelf({"a": source, "gone": Source("3")}, clock, file)
    await former.start()
    successor = Shelf({"a": source, "new": new}, clock, file)

    successor.take_over(former)
    await successor.start()
    await former.retire()

    assert (source.reads, new.reads) == (reads, 1)
    assert successor.live == {"a": ("1",), "new": ("2",)}
    await successor.close()


async def test_another_source_of_the_same_name_is_not_taken_over(clock: MovableClock) -> None:
    former = Shelf({"a": Source("1")}, clock)
    await former.start()
    successor = Shelf({"a": Source("2")}, clock)

    successor.take_over(former)
    await former.close()

    assert successor.live == {}


async def test_nothing_is_fetched_after_the_end(clock: MovableClock) -> None:
    source = Source("1")
    shelf = Shelf({"a": source}, clock)
    await shelf.start()
    await until(lambda: clock.next_wake_in_seconds == 240.0)

    await shelf.retire()

    assert clock.next_wake_in_seconds == float("inf")
    assert source.reads == 1


async def test_a_start_with_a_limit_waits_no_longer_and_the_fetch_goes_on(
    clock: MovableClock,
) -> None:
    slow, sound = Source("1"), Source("2")
    slow.opened.clear()
    shelf = Shelf({"a": slow, "b": sound}, clock)

    await shelf.start(limit_seconds=0.05)
    await until(lambda: "b" in shelf.live)
    assert "a" not in shelf.live
    slow.opened.set()
    await until(lambda: len(shelf.live) == 2)

    assert slow.reads == 1
    await shelf.close()
