"""Workers start concurrently, but not while the configuration changes."""

import asyncio

from gateway.supervisor.starting import StartGate
from tests.keyring.peers import until


async def start(starts: StartGate, started: list[str], name: str, end: asyncio.Event) -> None:
    async with starts:
        started.append(name)
        await end.wait()


async def test_two_start_side_by_side_and_whoever_holds_waits_for_both() -> None:
    starts, started, ends = StartGate(), list[str](), (asyncio.Event(), asyncio.Event())
    both = [asyncio.create_task(start(starts, started, "ab"[i], ends[i])) for i in range(2)]
    await until(lambda: started == ["a", "b"])

    holding = asyncio.create_task(starts.hold())
    ends[0].set()
    await both[0]
    assert not holding.done()
    ends[1].set()
    await holding
    await both[1]


async def test_nobody_starts_while_it_is_held() -> None:
    starts, started, end = StartGate(), list[str](), asyncio.Event()
    end.set()
    await starts.hold()
    waiting = asyncio.create_task(start(starts, started, "a", end))
    for _ in range(20):
        await asyncio.sleep(0)
    assert started == []

    starts.release()
    await waiting
    assert started == ["a"]


async def test_one_that_waits_is_not_let_in_by_a_hold_that_came_back_at_once() -> None:
    starts, started, end = StartGate(), list[str](), asyncio.Event()
    end.set()
    await starts.hold()
    waiting = asyncio.create_task(start(starts, started, "a", end))
    await asyncio.sleep(0)
    starts.release()
    await starts.hold()
    for _ in range(20):
        await asyncio.sleep(0)
    assert started == []

    starts.release()
    await waiting


async def test_a_hold_that_is_given_up_is_released() -> None:
    starts, started, end = StartGate(), list[str](), asyncio.Event()
    first = asyncio.create_task(start(starts, started, "a", end))
    await until(lambda: started == ["a"])
    holding = asyncio.create_task(starts.hold())
    await asyncio.sleep(0)
    holding.cancel()
    await asyncio.wait({holding})
    starts.release()

    second = asyncio.create_task(start(starts, started, "b", end))
    await until(lambda: started == ["a", "b"])
    end.set()
    await asyncio.gather(first, second)
