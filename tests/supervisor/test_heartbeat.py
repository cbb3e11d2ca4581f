"""A blocked loop is noticed, whatever it does; one that waits for a core is not blocked."""

import asyncio
import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.fetched import make_fetched
from gateway.fetching.clock import SystemClock
from gateway.supervisor.heartbeat import Heartbeat, Phase, stalled_seconds
from gateway.supervisor.messages import ListUpdate
from gateway.supervisor.process_state import Activity, ProcessState
from gateway.supervisor.timeouts import WorkerTimeouts
from tests.supervisor.pools import (
    CLOSED,
    LET_THROUGH,
    OPEN,
    REFUSED,
    read,
    serving,
    workers_of_ours,
)
from tests.supervisor.test_process_state import SLEEP, running, sleeps
from tests.supervisor.test_process_state import until as until_vitals

PASSED = 0.5
QUICK = WorkerTimeouts(beat_interval_seconds=0.1, hang_seconds=0.5)


def vitals(
    cpu: float = 0.0, *, others: float = 0.0, state: str = "S", all_states: str = "S"
) -> ProcessState:
    waits = "R" in state + all_states
    return ProcessState(state == "T", Activity(cpu, state == "R"), Activity(cpu + others, waits))


@pytest.mark.parametrize(
    ("now", "phase", "expected"),
    [
        # Whatever it is about, a signal or a debugger has stopped it.
        (vitals(state="T"), Phase.SERVING, PASSED),
        (vitals(state="T"), Phase.LOADING, PASSED),
        (vitals(state="T"), Phase.STARTING, PASSED),
        # It serves: it sleeps, or runs what does not end, with as much of a core as it gets.
        (vitals(), Phase.SERVING, PASSED),
        (vitals(0.1), Phase.SERVING, PASSED),
        (vitals(0.5, state="R"), Phase.SERVING, PASSED),
        (vitals(0.2, state="R"), Phase.SERVING, 0.2),
        (vitals(state="R"), Phase.SERVING, 0.0),
        # It loads: another thread has the interpreter, or waits for a core with it.
        (vitals(others=0.01), Phase.LOADING, 0.0),
        (vitals(all_states="R"), Phase.LOADING, 0.0),
        (vitals(), Phase.LOADING, PASSED),
        # Not so where its own thread runs what does not end.
        (vitals(0.5, state="R"), Phase.LOADING, PASSED),
        (vitals(0.2, others=0.2, state="R"), Phase.LOADING, 0.2),
        # It switches, in its own thread.
        (vitals(0.5, state="R"), Phase.SWITCHING, 0.0),
        (vitals(), Phase.SWITCHING, PASSED),
        # It starts, and may wait for what it imports.
        (vitals(), Phase.STARTING, 0.0),
    ],
)
def test_what_speaks_for_a_loop_that_stands_still(
    now: ProcessState, phase: Phase, expected: float
) -> None:
    assert stalled_seconds(vitals(), now, PASSED, phase) == pytest.approx(expected)


def many_routes(count: int) -> list[dict[str, Any]]:
    return [
        {**OPEN, "name": f"r{index}", "match": {"path_prefix": f"/r{index}/"}}
        for index in range(count)
    ]


class Forever:
    """Runs *program* where it is unpickled, in the event loop of a worker."""

    def __init__(self, program: str) -> None:
        self._program = program

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self._program,)


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(3600)"])
async def test_a_worker_whose_loop_never_comes_back_is_killed_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    async with serving(tmp_path, timeouts=QUICK) as stage:
        victim, other = stage.workers
        child = stage.pool._slots[0].child
        assert child is not None
        child.peer.notify(ListUpdate(1, "blocked", pickle.dumps(Forever(program))))

        await stage.until(lambda: len(set(stage.workers) - {victim}) == 2)

        assert other in stage.workers
        assert await stage.statuses() == {LET_THROUGH}
    assert f"worker 1 (pid {victim}) hangs; killing it" in caplog.messages


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(3600)"])
async def test_a_reload_goes_on_without_a_worker_whose_loop_never_comes_back(
    tmp_path: Path, program: str
) -> None:
    """It is not taken to read the configuration, whatever it uses of a core."""
    async with serving(tmp_path, timeouts=QUICK) as stage:
        victim, other = stage.workers
        child = stage.pool._slots[0].child
        assert child is not None
        child.peer.notify(ListUpdate(1, "blocked", pickle.dumps(Forever(program))))

        async with asyncio.timeout(QUICK.prepare_seconds / 2):
            assert await stage.reload(CLOSED) is None

        await stage.until(lambda: len(set(stage.workers) - {victim}) == 2)
        assert other in stage.workers
        assert await stage.statuses() == {REFUSED}


async def test_a_worker_that_loads_for_longer_is_not_taken_to_hang(tmp_path: Path) -> None:
    """Another thread has the interpreter for seconds, of 10,000 routes: the loop is late then."""
    timeouts = WorkerTimeouts(beat_interval_seconds=0.02, hang_seconds=0.4)
    async with serving(tmp_path, timeouts=timeouts) as stage:
        before = stage.workers
        assert await stage.reload(CLOSED, routes=many_routes(2000)) is None
        assert stage.workers == before


async def test_nor_is_one_that_goes_on_loading_what_is_not_wanted_any_more(tmp_path: Path) -> None:
    """The gateway is told to end: what its workers have under way is to finish."""
    timeouts = WorkerTimeouts(beat_interval_seconds=0.02, hang_seconds=0.4)
    async with serving(tmp_path, timeouts=timeouts) as stage:
        before = stage.workers
        settings, record = read(stage.directory, CLOSED, routes=many_routes(4000))
        fetched = make_fetched(settings, SystemClock(), lambda: None)
        preparing = asyncio.create_task(stage.pool.prepare(settings, fetched, record))
        children = [slot.child for slot in stage.pool._slots if slot.child is not None]
        await stage.until(lambda: all(child.is_loading for child in children))

        preparing.cancel()
        await asyncio.wait({preparing})
        assert all(child.is_loading for child in children)

        await stage.until(lambda: not any(child.is_loading for child in children))
        assert stage.workers == before


class Silent:
    """In place of a worker: never answers."""

    pid = 2**31 - 1  # of none, so that nothing is known

    async def ask(self, _question: object) -> None:
        await asyncio.Event().wait()


async def test_what_passed_while_nothing_was_known_does_not_count_for_more_later() -> None:
    """Where descriptors run out, /proc cannot be read for a while."""
    child: Any = Silent()
    beat = Heartbeat(
        child, WorkerTimeouts(beat_interval_seconds=1.0, hang_seconds=3.0, unanswered_seconds=9.0)
    )
    now = time.monotonic()
    async with running(SLEEP) as sleeping:
        await until_vitals(sleeping, sleeps)
        assert not any(beat.hangs(now + second, Phase.SERVING) for second in range(7))
        child.pid = sleeping
        assert [beat.hangs(now + second, Phase.SERVING) for second in range(7, 11)] == [
            *(False, False, False),  # from the first of them on it is known
            True,
        ]


async def test_where_nothing_is_known_the_clock_alone_counts_for_longer() -> None:
    child: Any = Silent()
    beat = Heartbeat(
        child, WorkerTimeouts(beat_interval_seconds=1.0, hang_seconds=3.0, unanswered_seconds=9.0)
    )
    now = time.monotonic()
    hangs = [beat.hangs(now + second, Phase.SERVING) for second in range(10)]
    assert hangs == [False] * 9 + [True]


async def test_a_worker_that_was_kept_waiting_by_us_is_not_taken_to_hang(tmp_path: Path) -> None:
    """Its answers lie there unread when we go on."""
    async with serving(tmp_path, timeouts=WorkerTimeouts(hang_seconds=2.5)) as stage:
        before = stage.workers
        time.sleep(4.0)  # noqa: ASYNC251 - the supervisor is what stands still here
        for _ in range(4):
            await asyncio.sleep(0.5)
        assert stage.workers == before


async def test_a_worker_that_is_stopped_before_it_serves_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path, timeouts=QUICK) as stage:
        first, other = stage.workers
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: bool(set(workers_of_ours()) - {first, other}))
        (starting,) = set(workers_of_ours()) - {first, other}
        os.kill(starting, signal.SIGSTOP)

        await stage.until(lambda: len(set(stage.workers) - {first, starting}) == 2)
        assert await stage.statuses() == {LET_THROUGH}
