"""All workers switch to a configuration or none does, whatever happens meanwhile."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.fetched import make_fetched
from gateway.fetching.clock import SystemClock
from gateway.service_tokens.requests import ServiceToken
from gateway.supervisor.messages import ExchangeToken
from gateway.supervisor.peer import Refused
from gateway.supervisor.process_state import read_process_state
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.supervisor.worker_pool import WorkerPool
from tests.processes import is_running
from tests.proxy.gateways import make_token
from tests.proxy.service import Service, echo, running_service
from tests.service_tokens.token_server import CLIENT_ID, SECRET, token_server
from tests.supervisor.pools import (
    CLOSED,
    LET_THROUGH,
    OPEN,
    REFUSED,
    Stage,
    read,
    serving,
)

MANY = 20

# Whoever does nothing for so long is taken to hang; those in these tests are stopped.
QUICK = WorkerTimeouts(beat_interval_seconds=0.1, hang_seconds=0.5)

in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two workers for the tests that leave two behind, be they others."""
    async with serving(tmp_path_factory.mktemp("pool")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared: Stage) -> Stage:
    """Return two workers that let everybody through."""
    await shared.until_whole(2)
    assert await shared.reload(OPEN) is None
    return shared


async def replace(stage: Stage, victim: int) -> None:
    """Kill a worker, and return once there is another one in its place."""
    count = len(stage.workers)
    os.kill(victim, signal.SIGKILL)
    await stage.until(lambda: len(set(stage.workers) - {victim}) == count)


def is_replaced(stage: Stage, worker: int) -> bool:
    """Say whether another one serves in place of *worker*."""
    return len(set(stage.workers) - {worker}) == 2


async def stop(worker: int) -> None:
    """Stop a worker, and return once it does nothing any more."""
    os.kill(worker, signal.SIGSTOP)
    async with asyncio.timeout(30):
        while (vitals := read_process_state(worker)) is None or not vitals.is_stopped:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def nobody() -> None:
    """Tell nobody."""


async def prepare(stage: Stage) -> str | None:
    """Have all workers prepare what lets nobody through."""
    settings, record = read(stage.directory, CLOSED)
    fetched = make_fetched(settings, SystemClock(), nobody)
    return await stage.pool.prepare(settings, fetched, record)


@in_one_loop
async def test_a_configuration_is_live_in_all_workers_and_in_those_that_come_later(
    stage: Stage,
) -> None:
    assert await stage.statuses() == {LET_THROUGH}
    assert await stage.reload(CLOSED) is None
    assert await stage.statuses() == {REFUSED}

    first, second = stage.pool.restarts
    await replace(stage, stage.workers[0])

    assert await stage.statuses() == {REFUSED}
    assert stage.pool.restarts == (first + 1, second)
    assert await stage.pool.find_refusal("nowhere-1") is None


async def test_a_worker_that_comes_later_knows_the_identity_names_of_former_configurations(
    tmp_path: Path,
) -> None:
    """Services still read what a configuration before this worker's time wrote about callers."""
    names = (b"X-Tenant", b"x.tenant", b"X-Customer", b"X-Gateway-Subject", b"X-Open")
    fields = b"".join(name + b": forged\r\n" for name in names)

    async def forwarded(stage: Stage, service: Service) -> set[bytes]:
        assert await (await stage.send("/x", fields)).status() == 200
        return {name for name, value in service.requests[-1].fields if value == b"forged"}

    async with running_service() as service:
        service.script = echo
        upstreams = {"main": {"servers": [service.url]}}
        tenant, customer, user = (
            {"identity": {"headers": {name: "sub"}}, "upstreams": upstreams}
            for name in ("X-Tenant", "X-Customer", "X-User")
        )
        async with serving(tmp_path, 1, WorkerTimeouts(), **tenant) as stage:
            assert await forwarded(stage, service) == {b"X-Customer", b"X-Open"}
            for changes in (customer, user):
                assert await stage.reload(OPEN, **changes) is None
            assert await forwarded(stage, service) == {b"X-Open"}

            await replace(stage, stage.workers[0])

            assert await forwarded(stage, service) == {b"X-Open"}


async def test_what_a_stopped_worker_does_not_prepare_in_time_is_live_in_none_even_later(
    tmp_path: Path,
) -> None:
    # Long enough for the other one, and it must not be taken to hang before.
    timeouts = WorkerTimeouts(prepare_seconds=5.0, hang_seconds=600.0)
    async with serving(tmp_path, timeouts=timeouts) as stage:
        stopped = stage.workers[1]
        os.kill(stopped, signal.SIGSTOP)
        refusal = await stage.reload(CLOSED)
        os.kill(stopped, signal.SIGCONT)

        assert refusal == f"the worker with pid {stopped} timed out"
        assert await stage.statuses() == {LET_THROUGH}
        assert stopped in stage.workers

        other = {**OPEN, "name": "another"}
        assert await stage.reload(other) is None  # not mixed up with what was given up
        assert await stage.statuses() == {LET_THROUGH}
        assert (await stage.pool.counts()).routes[0].name == "another"


async def test_a_worker_that_dies_while_it_prepares_refuses_and_is_replaced(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, timeouts=WorkerTimeouts(hang_seconds=600.0)) as stage:
        child = stage.pool._slots[0].child
        assert child is not None
        await stop(child.pid)
        reloading = asyncio.create_task(stage.reload(CLOSED))
        await stage.until(lambda: child.is_loading)
        os.kill(child.pid, signal.SIGKILL)

        assert await reloading == f"the worker with pid {child.pid} exited meanwhile"
        await stage.until_whole(2)
        assert await stage.statuses() == {LET_THROUGH}
        assert await stage.reload(CLOSED) is None
        assert await stage.statuses() == {REFUSED}


async def test_a_worker_that_does_not_go_on_is_replaced_by_one_that_does(tmp_path: Path) -> None:
    async with serving(tmp_path, timeouts=WorkerTimeouts(commit_seconds=1.0)) as stage:
        stopped = stage.workers[0]
        assert await prepare(stage) is None
        os.kill(stopped, signal.SIGSTOP)
        await stage.pool.commit()

        await stage.until(lambda: len(set(stage.workers) - {stopped}) == 2)
        assert await stage.statuses() == {REFUSED}


async def test_no_request_of_a_former_configuration_gets_a_token_of_the_next_one(
    tmp_path: Path,
) -> None:
    """It goes to the servers that it knew, which may be others than those the token is for."""
    (tmp_path / "secret").write_text(SECRET)
    async with token_server() as first, token_server() as second:

        def credentials(url: str) -> dict[str, object]:
            client = {"client_id": CLIENT_ID, "client_secret_file": "secret"}
            return {"credentials": {"token_exchange": {"token_url": f"{url}/token", **client}}}

        async def ask(pool: WorkerPool, number: int) -> object:
            # By a worker that still counts a request against a limit while it switches.
            question = ExchangeToken(number, "main", b"digest", make_token(), 60.0)
            return await pool._answer(question)

        section = credentials(first.url)
        async with serving(tmp_path, 1, route=CLOSED, upstream=section) as stage:
            assert isinstance(await ask(stage.pool, 1), ServiceToken)
            assert await stage.reload(CLOSED, upstream=credentials(second.url)) is None

            with pytest.raises(Refused):
                await ask(stage.pool, 1)
            assert second.forms == []
            assert isinstance(await ask(stage.pool, 2), ServiceToken)
            assert len(second.forms) == 1


@in_one_loop
async def test_nobody_is_started_between_preparing_and_going_on(stage: Stage) -> None:
    """Whoever was started under the former configuration would keep it."""
    assert await prepare(stage) is None
    victim = stage.workers[0]
    os.kill(victim, signal.SIGKILL)
    await stage.until_whole(1)
    await asyncio.sleep(0.1)
    assert len(stage.workers) == 1

    await stage.pool.commit()

    await stage.until_whole(2)
    assert await stage.statuses() == {REFUSED}


@in_one_loop
async def test_a_preparation_that_is_cancelled_leaves_all_as_it_was(stage: Stage) -> None:
    for delay_seconds in (0.0, 0.01, 0.05):
        preparing = asyncio.create_task(prepare(stage))
        await asyncio.sleep(delay_seconds)
        preparing.cancel()
        outcome = (await asyncio.gather(preparing, return_exceptions=True))[0]
        if not isinstance(outcome, asyncio.CancelledError):  # it was quicker
            await stage.pool.commit()
            assert await stage.reload(OPEN) is None

    assert await stage.statuses() == {LET_THROUGH}
    await replace(stage, stage.workers[0])  # nor does it keep workers from being replaced
    assert await stage.reload(CLOSED) is None
    assert await stage.statuses() == {REFUSED}


@in_one_loop
async def test_one_that_is_cancelled_while_it_goes_on_has_gone_on(stage: Stage) -> None:
    assert await prepare(stage) is None
    committing = asyncio.create_task(stage.pool.commit())
    await asyncio.sleep(0)
    committing.cancel()
    await asyncio.wait({committing})

    assert await stage.reload(CLOSED) is None  # behind the one before
    assert await stage.statuses() == {REFUSED}


async def test_a_worker_that_hangs_is_killed_and_replaced_and_refuses_no_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as stage:
        stopped, other = stage.workers
        await stop(stopped)
        waiting = [await stage.send() for _ in range(MANY)]

        await stage.until(lambda: len(set(stage.workers) - {stopped}) == 2)

        assert {await client.status() for client in waiting} == {LET_THROUGH}
        assert other in stage.workers
        assert await stage.statuses() == {LET_THROUGH}
    assert f"worker 1 (pid {stopped}) hangs; killing it" in caplog.messages


async def test_a_reload_goes_on_without_a_worker_that_hangs_and_its_successor_has_it(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, timeouts=QUICK) as stage:
        stopped, other = stage.workers
        await stop(stopped)

        assert await stage.reload(CLOSED) is None

        await stage.until(lambda: len(set(stage.workers) - {stopped}) == 2)
        assert other in stage.workers
        assert await stage.statuses() == {REFUSED}


async def test_where_all_workers_hang_their_successors_are_asked(tmp_path: Path) -> None:
    async with serving(tmp_path, timeouts=QUICK) as stage:
        for one in stage.workers:
            await stop(one)

        outcome = await stage.reload(CLOSED)

        await stage.until_whole(2)
        assert await stage.statuses() == {LET_THROUGH if outcome else REFUSED}


async def test_where_there_is_no_worker_the_former_configuration_stays(tmp_path: Path) -> None:
    """Nobody could say whether a worker can go on under the other one."""
    async with serving(tmp_path, timeouts=QUICK) as stage:
        await stage.pool._start_gate.hold()
        for one in stage.workers:
            await stop(one)

        assert await stage.reload(CLOSED) == "no worker is running; one is being started"

        await stage.until_whole(2)
        assert await stage.statuses() == {LET_THROUGH}
        assert await stage.reload(CLOSED) is None


async def test_a_worker_that_dies_is_replaced_while_a_reload_waits_for_another(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, timeouts=WorkerTimeouts(hang_seconds=600.0)) as stage:
        stopped, victim = stage.workers
        await stop(stopped)
        reloading = asyncio.create_task(stage.reload(CLOSED))
        await asyncio.sleep(0.05)
        os.kill(victim, signal.SIGKILL)

        await stage.until(lambda: len(set(stage.workers) - {victim}) == 2)
        assert not reloading.done()
        os.kill(stopped, signal.SIGCONT)

        # It depends on whether the other one was ready when it died.
        is_live = await reloading is None
        assert await stage.statuses() == {REFUSED if is_live else LET_THROUGH}


async def test_whatever_befalls_a_worker_at_whatever_moment_of_a_reload_there_is_no_mixture(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, timeouts=QUICK) as stage:
        is_closed = False
        for end in (signal.SIGKILL, signal.SIGSTOP):
            for delay_seconds in (0.0, 0.01, 0.03, 0.1, 0.3):
                victim = stage.workers[0]
                reloading = asyncio.create_task(stage.reload(OPEN if is_closed else CLOSED))
                await asyncio.sleep(delay_seconds)
                os.kill(victim, end)
                if await reloading is None:
                    is_closed = not is_closed
                await stage.until(partial(is_replaced, stage, victim))
                assert await stage.statuses() == {REFUSED if is_closed else LET_THROUGH}


@in_one_loop
async def test_what_the_dead_counted_is_kept_but_for_what_they_had_open(stage: Stage) -> None:
    await stage.until_idle()
    earlier = await stage.pool.counts()
    open_ones = [await asyncio.open_connection(*stage.supervisor.data_address) for _ in range(MANY)]
    for _, writer in open_ones:
        writer.write(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    for reader, _ in open_ones:
        await reader.readuntil(b"\r\n\r\n")
    before = await stage.pool.counts()
    assert before.connections_total == earlier.connections_total + MANY
    assert before.connections_open == MANY
    each = {one["pid"]: one["connections_open"] for one in stage.pool.status()}

    victim, other = stage.workers
    os.kill(victim, signal.SIGKILL)
    await stage.until(lambda: victim not in stage.workers)
    after = await stage.pool.counts()
    await stage.until_whole(2)
    later = await stage.pool.counts()

    for counts in (after, later):
        assert counts.connections_total == before.connections_total
        assert counts.connections_open == each[other]
    assert later.connections_limit == before.connections_limit
    assert later.routes[0].refused == before.routes[0].refused
    for _, writer in open_ones:
        writer.close()


async def test_connections_that_wait_for_a_worker_that_is_replaced_are_served_by_a_drain(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as stage:
        victim = stage.workers[0]
        os.kill(victim, signal.SIGSTOP)
        waiting = [await stage.send() for _ in range(MANY)]
        os.kill(victim, signal.SIGKILL)
        await stage.until(lambda: victim not in stage.workers)

        await stage.pool.drain()

        assert [await client.status() for client in waiting] == [LET_THROUGH] * MANY
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*stage.supervisor.data_address)


async def test_one_that_cannot_be_replaced_does_not_hold_up_the_drain(tmp_path: Path) -> None:
    async with serving(tmp_path, timeouts=WorkerTimeouts(settle_seconds=0.1)) as stage:
        assert await prepare(stage) is None  # and nobody is started until that is over
        os.kill(stage.workers[0], signal.SIGKILL)
        await stage.until_whole(1)

        async with asyncio.timeout(10):
            await stage.pool.drain()


async def test_one_that_hangs_does_not_hold_up_the_drain(tmp_path: Path) -> None:
    """Nor is it waited for twice: whoever kills the gateway would be there first."""
    async with serving(
        tmp_path, timeouts=WorkerTimeouts(drain_seconds=0.2), drain="200ms"
    ) as stage:
        hanging = stage.workers[0]
        os.kill(hanging, signal.SIGSTOP)
        async with asyncio.timeout(20):
            await stage.pool.drain()
        await stage.until(lambda: not is_running(hanging))


async def test_the_end_in_the_middle_of_a_replacement_leaves_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path) as stage:
        os.kill(stage.workers[0], signal.SIGKILL)
        await stage.until_whole(1)
        await asyncio.sleep(0.05)
