"""A reload changes who counts, and gives nothing back that was taken."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.limits.gcra import Rate, Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.limits.redis_limiter import Limiters
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis

ONE = (Wanted(b"a", Rate(60_000_000, 1)),)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def test_memory_counts_on_over_configurations() -> None:
    limiters = Limiters(MemoryLimiter())

    first = limiters.use(None)
    again = limiters.use(None)

    assert first is again
    assert not limiters.is_without
    await limiters.close()


async def test_the_same_redis_is_used_on_and_another_is_not(redis: RedisServer) -> None:
    settings = Redis(redis.url, 10.0, OnFailure.REFUSE, "a:")
    limiters = Limiters(MemoryLimiter())
    first = limiters.use(settings)
    assert limiters.use(settings) is first

    taken = await first.ask(ONE)
    other = await limiters.use(replace(settings, prefix="b:")).ask(ONE)
    back = await limiters.use(settings).ask(ONE)

    assert all(isinstance(one, Taken) for one in (taken, other, back))
    assert [one.refused for one in (taken, other, back) if isinstance(one, Taken)] == [
        None,
        None,
        0,
    ]
    await limiters.close()


async def test_what_failed_stays_counted_when_redis_is_given_up(tmp_path: Path) -> None:
    nobody = Redis(f"unix://{tmp_path}/nobody.sock", 1.0, OnFailure.ALLOW, "a:")
    limiters = Limiters(MemoryLimiter())
    limiter = limiters.use(nobody)
    for _ in range(3):
        if limiter.take(ONE) is None:
            await limiter.ask(ONE)
    assert (limiters.failures, limiters.is_without) == (3, True)

    limiters.use(None)

    assert (limiters.failures, limiters.is_without) == (3, False)
    await limiters.close()
