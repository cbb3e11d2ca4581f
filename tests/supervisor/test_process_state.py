"""The state of a process tells one that is stopped from one that works or waits."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.supervisor.process_state import ProcessState, read_process_state

# Of what is less than a hundredth of a second the system says nothing, and rounds down twice.
SLEEP = "import time\nwhile time.process_time() < 0.2: pass\ntime.sleep(600)"
SPIN = "while True: pass"
SPIN_ASIDE = "import threading; threading.Thread(target=exec, args=('while True: pass',)).start()"


@asynccontextmanager
async def running(program: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


def sleeps(vitals: ProcessState) -> bool:
    """Say whether one that runs SLEEP has come to its end."""
    return vitals.process.cpu_seconds >= 0.1 and not vitals.process.waits


async def until(pid: int, holds: Callable[[ProcessState], object]) -> ProcessState:
    """Return how the process is once that *holds*."""
    async with asyncio.timeout(60):
        while True:
            vitals = read_process_state(pid)
            if vitals is not None and holds(vitals):
                return vitals
            await asyncio.sleep(0.005)


async def test_one_that_sleeps_has_no_time_and_waits_for_nothing_of_the_machine() -> None:
    async with running(SLEEP) as pid:
        first = await until(pid, sleeps)
        assert not first.is_stopped
        assert await until(pid, lambda _: True) == first


async def test_one_that_works_has_time_or_waits_for_it() -> None:
    async with running(SPIN) as pid:
        working = await until(pid, lambda one: one.first_thread.cpu_seconds > 0.2)
        assert working.first_thread.waits
        assert working.process.cpu_seconds >= working.first_thread.cpu_seconds


async def test_what_another_thread_does_is_not_the_first_ones() -> None:
    async with running(SPIN_ASIDE) as pid:
        both = await until(
            pid, lambda one: one.process.cpu_seconds > one.first_thread.cpu_seconds + 0.2
        )
        assert both.process.waits


async def test_one_that_is_stopped_says_so_until_it_goes_on() -> None:
    async with running(SPIN) as pid:
        os.kill(pid, signal.SIGSTOP)
        await until(pid, lambda one: one.is_stopped)
        os.kill(pid, signal.SIGCONT)
        await until(pid, lambda one: not one.is_stopped)


def test_of_none_that_is_there_nothing_is_known() -> None:
    assert read_process_state(2**31 - 1) is None


def test_of_one_that_is_not_our_child_nothing_is_known() -> None:
    """In a namespace of its own (`unshare --pid`) a process sees others under these numbers."""
    assert read_process_state(os.getppid()) is None
    assert read_process_state(os.getpid()) is None
