"""A supervisor starts everything or nothing, and stops everything that it started."""

import os
import signal
from pathlib import Path

import pytest

from gateway.settings.text.disk import Record
from gateway.supervisor.sockets import open_sockets, spread_sockets
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.supervisor.worker_slot import WorkerFailed
from tests.keyring.peers import until
from tests.supervisor.pools import LET_THROUGH, read, serving, workers_of_ours


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_one_that_its_workers_cannot_follow_does_not_start_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    settings, _ = read(tmp_path)
    before = descriptors()
    sockets = spread_sockets([open_sockets(settings.listen[0].address, 2)])
    supervisor = Supervisor(settings, tmp_path / "gateway.yaml", Record(), sockets)

    with pytest.raises(WorkerFailed, match=r"^worker [12] cannot serve: .*gateway\.yaml"):
        await supervisor.start()
    assert "starting" in supervisor.ready().not_ready
    await supervisor.stop()

    await until(lambda: workers_of_ours() == [])
    await until(lambda: descriptors() == before)


async def test_one_that_served_leaves_nothing_open(tmp_path: Path) -> None:
    before = descriptors()
    async with serving(tmp_path) as stage:
        assert await stage.statuses() == {LET_THROUGH}
        assert stage.supervisor.ready().not_ready == ()
        assert stage.supervisor.data_address[1] != 0
        os.kill(stage.workers[0], signal.SIGKILL)
        await stage.until(lambda: sum(stage.pool.restarts) == 1 and len(stage.workers) == 2)
        stage.supervisor.kill()  # twice is no harm
        stage.supervisor.kill()
    await until(lambda: descriptors() <= before)


async def test_a_worker_that_does_not_want_to_end_is_made_to(tmp_path: Path) -> None:
    async with serving(tmp_path, timeouts=WorkerTimeouts(stop_seconds=0.1)) as stage:
        os.kill(stage.workers[0], signal.SIGSTOP)
