"""A worker is started, kept and restarted; failures are logged, and no process is left."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.supervisor.child import Child
from gateway.supervisor.peer import Refused
from gateway.supervisor.starting import StartGate
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.supervisor.worker_slot import WorkerFailed, WorkerSlot
from tests.keyring.peers import until
from tests.supervisor.pair import refuse
from tests.supervisor.pools import workers_of_ours

Serve = Callable[[WorkerSlot, Child], Awaitable[None]]


@asynccontextmanager
async def slot_for(serve: Serve, start_seconds: float = 60.0) -> AsyncIterator[WorkerSlot]:
    """Yield a slot without sockets; in the end nobody may be left there."""
    slot = WorkerSlot(
        0, (), serve, refuse, StartGate(), WorkerTimeouts(start_seconds=start_seconds)
    )
    try:
        yield slot
    finally:
        await slot.stop_keeping()
        if slot.child is not None:
            await slot.child.end()
    await until(lambda: workers_of_ours() == [])


async def test_a_worker_that_cannot_serve_says_why() -> None:
    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        raise Refused("no such file")

    async with slot_for(serve) as slot:
        with pytest.raises(WorkerFailed, match=r"^worker 1 cannot serve: no such file$"):
            await slot.start()


async def test_one_that_ends_instead_is_told_of_by_its_end() -> None:
    async def serve(_slot: WorkerSlot, child: Child) -> None:
        child.kill()
        await child.ask("anything")

    async with slot_for(serve) as slot:
        words = r"^worker 1 \(pid \d+\) exited before it served: signal SIGKILL$"
        with pytest.raises(WorkerFailed, match=words):
            await slot.start()


async def test_one_that_does_not_get_ready_is_not_waited_for_for_ever() -> None:
    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        await asyncio.Event().wait()

    async with slot_for(serve, start_seconds=0.05) as slot:
        with pytest.raises(WorkerFailed, match=r"^worker 1 \(pid \d+\) did not start in time$"):
            await slot.start()


async def test_a_bug_of_ours_is_no_fault_of_the_worker() -> None:
    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        raise ZeroDivisionError

    async with slot_for(serve) as slot:
        with pytest.raises(ZeroDivisionError):
            await slot.start()


@pytest.mark.parametrize("delay_seconds", [0.0, 0.001, 0.005, 0.02, 0.1])
async def test_a_start_that_is_given_up_at_any_moment_leaves_nobody(delay_seconds: float) -> None:
    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        await asyncio.Event().wait()

    async with slot_for(serve) as slot:
        starting = asyncio.create_task(slot.start())
        await asyncio.sleep(delay_seconds)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert slot.child is None
        assert slot.receiver is None


async def test_one_that_dies_is_replaced_and_news_reach_whoever_is_about_to_serve() -> None:
    hearers: list[Child | None] = []
    deaths: list[WorkerSlot] = []

    async def serve(slot: WorkerSlot, _child: Child) -> None:
        hearers.append(slot.receiver)

    async with slot_for(serve) as slot:
        slot.on_exit = deaths.append
        await slot.start()
        first = slot.child
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: slot.child not in {first, None})

        assert hearers == [first, slot.child]
        assert deaths == [slot]
        status = slot.status()
        assert status["restarts"] == 1
        assert status["pid"] != first.pid
        assert status["number"] == 1


async def test_whatever_keeps_it_from_being_replaced_it_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    troubles: list[Exception] = []

    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        if troubles:
            raise troubles.pop(0)

    async with slot_for(serve) as slot:
        await slot.start()
        troubles += [Refused("no room"), ZeroDivisionError(), OSError(12, "no memory")]
        first = slot.child
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: slot.child not in {first, None})

        assert slot.restarts.total == 4
        assert slot.keeps_crashing
    assert "worker 1 cannot serve: no room; retrying" in caplog.messages
    assert "ZeroDivisionError" in caplog.text


async def test_a_slot_that_retires_waits_for_the_one_that_is_about_to_serve() -> None:
    free = asyncio.Event()
    free.set()

    async def serve(_slot: WorkerSlot, _child: Child) -> None:
        await free.wait()

    async with slot_for(serve) as slot:
        await slot.start()
        first = slot.child
        assert first is not None
        free.clear()
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: slot.receiver not in {first, None})
        retiring = asyncio.create_task(slot.retire())
        await asyncio.sleep(0.05)
        assert not retiring.done()
        free.set()
        await retiring

        second = slot.child
        assert second is not None
        os.kill(second.pid, signal.SIGKILL)
        await second.wait()
        await asyncio.sleep(0.05)
        assert slot.receiver is second  # nobody comes after it
        assert workers_of_ours() == []
