"""Workers count together at their supervisor; without it, each counts on its own."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.limits.gcra import Rate, Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.supervisor.messages import Take
from gateway.supervisor.mirror import PeerLimiter
from gateway.supervisor.peer_circuit import PeerCircuit
from tests.keyring.peers import until
from tests.limits.redis_server import running_redis
from tests.supervisor.pair import two_ends
from tests.supervisor.pools import LET_THROUGH, OPEN, serving

ONE = (Wanted(b"a", Rate(3_600_000_000, 1)),)
LIMITS = {"all": {"rate": "7/1h", "key": "route"}}
LIMITED = {**OPEN, "rate_limits": ["all"]}
REFUSED, UNCOUNTED = 429, 503


async def test_the_supervisor_is_asked_and_what_it_says_counts() -> None:
    memory = MemoryLimiter()

    async def count(question: object) -> Taken:
        assert isinstance(question, Take)
        return memory.take(question.wanted)

    async with two_ends() as (worker, supervisor):
        supervisor.reply = count
        first, second = (PeerLimiter(PeerCircuit(worker.peer)) for _ in range(2))

        assert first.take(ONE) is None  # it must be asked for
        assert (await first.ask(ONE)).refused is None
        assert (await second.ask(ONE)).refused == 0


async def test_once_the_supervisor_is_gone_the_worker_counts_for_itself() -> None:
    async with two_ends() as (worker, supervisor):
        limiter = PeerLimiter(PeerCircuit(worker.peer))
        supervisor.peer.close()
        await worker.listening

        assert [(await limiter.ask(ONE)).refused for _ in range(2)] == [None, 0]


async def test_while_the_supervisor_hangs_the_worker_counts_for_itself_and_nobody_waits() -> None:
    async def hang(_question: object) -> object:
        return await asyncio.Event().wait()

    async with two_ends() as (worker, supervisor):
        supervisor.reply = hang
        limiter = PeerLimiter(PeerCircuit(worker.peer), timeout_seconds=0.01)

        async with asyncio.timeout(10):
            assert (await limiter.ask(ONE)).refused is None
        for _ in range(1000):
            taken = limiter.take(ONE)
            assert taken is not None
            assert taken.refused == 0
            assert (await limiter.ask(ONE)).refused == 0
        assert len(supervisor.heard) == 1  # nor does anything pile up for it

        supervisor.peer.notify("update")  # it goes on
        await until(lambda: limiter.take(ONE) is None)


async def test_two_workers_count_exactly_together_and_so_do_those_that_replace_them(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, routes=[LIMITED], rate_limits=LIMITS) as stage:
        clients = [await stage.send() for _ in range(30)]
        answers = [await client.status() for client in clients]

        assert sorted(answers) == [REFUSED] * 23 + [LET_THROUGH] * 7

        stage.pool.kill()
        await stage.until(lambda: sum(stage.pool.restarts) >= 2)
        await stage.until_whole(2)
        assert await stage.statuses() == {REFUSED}
        counts = await stage.pool.counts()
        assert counts.rate_limited["all"] >= 20


async def test_two_workers_with_redis_count_there_and_are_told_of_together(
    tmp_path: Path,
) -> None:
    with running_redis(tmp_path) as redis:
        shared = {"url": redis.url, "timeout": "5s", "on_failure": "refuse"}
        async with serving(tmp_path, routes=[LIMITED], rate_limits=LIMITS, redis=shared) as stage:
            clients = [await stage.send() for _ in range(20)]
            answers = [await client.status() for client in clients]

            assert sorted(answers) == [REFUSED] * 13 + [LET_THROUGH] * 7

            redis.kill()
            assert UNCOUNTED in await stage.statuses(60)
            counts = await stage.pool.counts()
            assert counts.rate_limit_failures > 0
            status: Any = await stage.supervisor.status()
            assert status["rate_limits"]["limits"] == {"all": counts.rate_limited["all"]}
            assert status["rate_limits"]["redis"]["failures"] == counts.rate_limit_failures
