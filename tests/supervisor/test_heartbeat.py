"""A loop that stands still is noticed, whatever it does; one that waits for a core is not."""

import asyncio
import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.supervisor.heartbeat import Phase, stalled_seconds
from gateway.supervisor.messages import ListNews
from gateway.supervisor.patience import Patience
from gateway.supervisor.vitals import Activity, Vitals
from tests.supervisor.crews import CLOSED, LET_THROUGH, OPEN, serving, workers_of_ours

PASSED = 0.5
QUICK = Patience(beat_each_seconds=0.1, hang_seconds=0.5)


def vitals(
    cpu: float = 0.0, *, others: float = 0.0, state: str = "S", all_states: str = "S"
) -> Vitals:
    waits = "R" in state + all_states
    return Vitals(state == "T", Activity(cpu, state == "R"), Activity(cpu + others, waits))


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
        (vitals(0.5, state="R"), Phase.LOADING, 0.0),
        (vitals(all_states="R"), Phase.LOADING, 0.0),
        (vitals(), Phase.LOADING, PASSED),
        # It starts, and may wait for what it imports.
        (vitals(), Phase.STARTING, 0.0),
    ],
)
def test_what_speaks_for_a_loop_that_stands_still(
    now: Vitals, phase: Phase, expected: float
) -> None:
    assert stalled_seconds(vitals(), now, PASSED, phase) == pytest.approx(expected)


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
    async with serving(tmp_path, patience=QUICK) as stage:
        victim, other = stage.workers
        child = stage.crew._slots[0].child
        assert child is not None
        child.peer.tell(ListNews(1, "blocked", pickle.dumps(Forever(program))))

        await stage.until(lambda: len(set(stage.workers) - {victim}) == 2)

        assert other in stage.workers
        assert await stage.statuses() == {LET_THROUGH}
    assert f"worker 1 (pid {victim}) hangs, and is killed" in caplog.messages


async def test_a_worker_that_loads_for_longer_is_not_taken_to_hang(tmp_path: Path) -> None:
    """Another thread has the interpreter for seconds, of 10,000 routes: the loop is late then."""
    routes = [
        {**OPEN, "name": f"r{index}", "match": {"path_prefix": f"/r{index}/"}}
        for index in range(2000)
    ]
    patience = Patience(beat_each_seconds=0.02, hang_seconds=0.4)
    async with serving(tmp_path, patience=patience) as stage:
        before = stage.workers
        assert await stage.reload(CLOSED, routes=routes) is None
        assert stage.workers == before


async def test_a_worker_that_was_kept_waiting_by_us_is_not_taken_to_hang(tmp_path: Path) -> None:
    """Its answers lie there unread when we go on."""
    async with serving(tmp_path, patience=Patience(hang_seconds=1.5)) as stage:
        before = stage.workers
        time.sleep(4.0)  # noqa: ASYNC251 - the supervisor is what stands still here
        for _ in range(4):
            await asyncio.sleep(0.5)
        assert stage.workers == before


async def test_a_worker_that_is_stopped_before_it_serves_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path, patience=QUICK) as stage:
        first, other = stage.workers
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: bool(set(workers_of_ours()) - {first, other}))
        (starting,) = set(workers_of_ours()) - {first, other}
        os.kill(starting, signal.SIGSTOP)

        await stage.until(lambda: len(set(stage.workers) - {first, starting}) == 2)
        assert await stage.statuses() == {LET_THROUGH}
