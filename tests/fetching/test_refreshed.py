"""A document is fetched ahead, once at a time, and never lost to a failure."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fetching.words import GONE, Document, Source, Words
from tests.keyring.peers import MovableClock, until


@asynccontextmanager
async def kept(words: Words) -> AsyncIterator[None]:
    keeper = asyncio.create_task(words.keep())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await words.close()


async def test_a_document_is_refreshed_at_four_fifths_of_its_freshness(
    clock: MovableClock,
) -> None:
    source, live = Source("old"), dict[str, Document]()
    words = Words("main", live, clock, source)
    async with kept(words):
        await until(lambda: clock.next_wake_in_seconds == 240.0)
        assert live == {"main": ("old",)}
        source.words = ("new",)

        clock.advance(240.0)
        await until(lambda: live == {"main": ("new",)})

    assert source.reads == 2


async def test_those_who_load_at_the_same_time_share_one_fetch(clock: MovableClock) -> None:
    source = Source("old")
    words = Words("main", {}, clock, source)

    await asyncio.gather(*(words.load() for _ in range(20)))

    assert source.reads == 1


async def test_the_same_content_stays_the_same_object(clock: MovableClock) -> None:
    source, live = Source("a", "b"), dict[str, Document]()
    words = Words("main", live, clock, source)
    await words.load()
    before = live["main"]
    source.words = (*before[:1], "b")

    await words.load()

    assert live["main"] is before


@pytest.mark.parametrize("fault", [GONE, ZeroDivisionError("a fault of ours")], ids=str)
async def test_a_failure_leaves_what_is_good_and_is_told(
    fault: Exception, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    source, live = Source("old"), dict[str, Document]()
    words = Words("main", live, clock, source)
    await words.load()
    source.words = fault

    with caplog.at_level(logging.WARNING):
        await words.load()

    assert live == {"main": ("old",)}
    assert words.last_error is not None
    assert words.last_error in ("the book is gone", "words could not be read")
    assert caplog.records[-1].getMessage() == f"book main: words not fetched: {words.last_error}"


async def test_a_failure_that_repeats_itself_is_logged_once(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    source.words = GONE
    words = Words("main", {}, clock, source)

    with caplog.at_level(logging.WARNING):
        await words.load()
        await words.load()

    assert len(caplog.records) == 1


async def test_what_is_too_old_is_dropped_and_comes_back(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    source, live = Source("old"), dict[str, Document]()
    words = Words("main", live, clock, source)
    with caplog.at_level(logging.ERROR):
        async with kept(words):
            await until(lambda: clock.next_wake_in_seconds == 240.0)
            source.words = GONE
            clock.advance(3900.0)
            await until(lambda: not words.is_loaded())
            source.words = ("old",)

            await until(lambda: clock.next_wake_in_seconds == 1.0)
            clock.advance(1.0)
            await until(words.is_loaded)

    said = [record.getMessage() for record in caplog.records]
    assert said == ["book main: words are too old: no longer used"]


async def test_age_and_next_refresh_are_known(clock: MovableClock) -> None:
    words = Words("main", {}, clock, Source("old"))
    assert (words.age_seconds, words.next_refresh_in_seconds) == (None, 0.0)

    await words.load()
    clock.advance(40.0)

    assert (words.age_seconds, words.next_refresh_in_seconds) == (40.0, 200.0)


@pytest.mark.parametrize(("seconds", "usable"), [(3899.0, True), (3900.0, False)])
async def test_a_successor_goes_on_with_what_is_not_too_old(
    seconds: float, usable: bool, clock: MovableClock
) -> None:
    source = Source("old")
    former, live = Words("main", {}, clock, source), dict[str, Document]()
    await former.load()
    clock.advance(seconds)
    successor = Words("main", live, clock, source)

    successor.take_over(former)

    assert successor.is_loaded() is usable
    assert successor.age_seconds == seconds


async def test_what_the_former_one_still_fetches_comes_to_its_successor(
    clock: MovableClock,
) -> None:
    source, live = Source("old"), dict[str, Document]()
    former = Words("main", {}, clock, source)
    await former.load()
    successor = Words("main", live, clock, source)
    successor.take_over(former)
    clock.advance(10.0)
    source.words = ("new",)

    await former.load()

    assert live == {"main": ("new",)}
    assert successor.age_seconds == 0.0


@pytest.mark.parametrize("slow", ["former", "successor"])
async def test_of_two_fetches_the_one_that_began_later_counts(
    slow: str, clock: MovableClock
) -> None:
    """What an answer holds is as old as its question."""
    source, live = Source("first"), dict[str, Document]()
    former, successor = Words("main", {}, clock, source), Words("main", live, clock, source)
    await former.load()
    successor.take_over(former)
    first, second = (former, successor) if slow == "former" else (successor, former)
    clock.advance(1.0)
    source.words, opened = ("old",), source.opened
    opened.clear()
    waiting = asyncio.create_task(first.load())
    await until(lambda: source.reads == 2)
    clock.advance(1.0)
    source.words, source.opened = ("new",), asyncio.Event()
    source.opened.set()

    await second.load()
    opened.set()
    await waiting

    assert live == {"main": ("new",)}


async def test_landing_and_closing_without_a_fetch_under_way_do_nothing(
    clock: MovableClock,
) -> None:
    source = Source("old")
    words = Words("main", {}, clock, source)

    await words.finish_fetch()
    await words.close()

    assert source.reads == 0
