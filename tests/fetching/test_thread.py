"""What may hang has a thread of its own, for which nobody has to wait."""

import asyncio
import sys
import threading
from functools import partial

import pytest

from gateway.fetching.thread import compute_in_thread, start_thread


def named(name: str) -> threading.Thread:
    (thread,) = (one for one in threading.enumerate() if one.name == name)
    return thread


async def test_what_comes_of_the_work_is_returned_or_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    assert await start_thread(lambda: 42, "work") == 42
    with pytest.raises(ZeroDivisionError):
        await start_thread(fail, "work")


async def test_work_that_hangs_does_not_keep_the_process_from_ending() -> None:
    opened = threading.Event()

    working = start_thread(lambda: opened.wait(10), "work that hangs")

    assert named("work that hangs").daemon
    opened.set()
    assert await working


async def test_nobody_hears_of_work_that_was_given_up() -> None:
    loop = asyncio.get_running_loop()
    complaints: list[object] = []
    loop.set_exception_handler(lambda _loop, complaint: complaints.append(complaint))
    opened = threading.Event()
    working = start_thread(lambda: opened.wait(10), "given up")
    thread = named("given up")
    working.cancel()

    opened.set()
    await start_thread(thread.join, "join")  # whose end the loop hears of behind that of the other

    assert working.cancelled()
    assert complaints == []


def test_work_that_outlasts_the_loop_ends_quietly() -> None:
    opened = threading.Event()

    async def leave() -> None:
        start_thread(lambda: opened.wait(10), "outlasting")

    asyncio.run(leave())
    thread = named("outlasting")

    opened.set()
    thread.join(10)

    assert not thread.is_alive()


async def test_a_thread_that_computes_gives_way_to_the_loop_and_only_while_it_does() -> None:
    before = sys.getswitchinterval()

    during = await compute_in_thread(sys.getswitchinterval, "test")

    assert during == pytest.approx(0.0005)
    assert sys.getswitchinterval() == before


async def test_of_several_computations_the_last_one_leaves_the_turns_as_they_were() -> None:
    before = sys.getswitchinterval()
    first, second = threading.Event(), threading.Event()
    computing = [
        asyncio.create_task(compute_in_thread(partial(one.wait, 10), "test"))
        for one in (first, second)
    ]
    await asyncio.sleep(0)

    first.set()
    assert await computing[0]
    during = sys.getswitchinterval()
    second.set()
    assert await computing[1]

    assert during == pytest.approx(0.0005)
    assert sys.getswitchinterval() == before


async def test_a_computation_that_fails_or_is_left_alone_leaves_the_turns_as_they_were() -> None:
    before = sys.getswitchinterval()
    free = threading.Event()

    with pytest.raises(ZeroDivisionError):
        await compute_in_thread(lambda: 1 // 0, "test")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await compute_in_thread(free.wait, "test")

    free.set()
    assert sys.getswitchinterval() == before
