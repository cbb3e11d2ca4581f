"""What Redis does is what the algorithm does, on a real server."""

from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest

from gateway.limits.gcra import Rate, Wanted, take
from gateway.limits.redis_script import RedisScript
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis

ROUNDS = 40


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def script(redis: RedisServer) -> AsyncIterator[RedisScript]:
    made = RedisScript(Redis(redis.url, 10.0, OnFailure.REFUSE, "test:"))
    yield made
    await made.close()


@pytest.mark.parametrize("seed", range(8))
async def test_redis_keeps_the_moments_that_the_algorithm_says(
    seed: int, script: RedisScript
) -> None:
    """Its clock is its own, and runs on meanwhile: what it answers says when it was."""
    random = Random(seed)
    intervals_us = [20_000_000, random.choice([1, 50]), random.choice([500, 3_000])]
    rates = [Rate(interval_us, random.randint(1, 5)) for interval_us in intervals_us]
    kept: dict[int, int] = {}
    outcomes = set()
    for _ in range(ROUNDS):
        used = sorted(random.sample(range(3), random.randint(1, 3)))
        wanted = [Wanted(b"%d-%d" % (seed, one), rates[one]) for one in used]

        ((now_us, *moments),) = await script.run([wanted])

        held = [rates[one] for one in used]
        expected = take(held, [kept.get(one) for one in used], now_us)
        taken = take(held, moments, now_us)
        assert taken == expected
        outcomes.add(taken.refused is None)
        kept.update(zip(used, taken.whole_at_us, strict=True))
    assert outcomes == {True, False}


async def test_questions_that_are_asked_together_are_answered_one_after_the_other(
    script: RedisScript,
) -> None:
    wanted, rate = [Wanted(b"together", Rate(60_000_000, 3))], Rate(60_000_000, 3)

    answers = await script.run([wanted] * 5)

    refused = [take([rate], moments, now_us).refused for now_us, *moments in answers]
    assert refused == [None, None, None, 0, 0]


async def test_a_bucket_that_is_whole_again_is_gone(
    script: RedisScript, redis: RedisServer
) -> None:
    await script.run([[Wanted(b"short", Rate(1_000, 2)), Wanted(b"long", Rate(60_000_000, 2))]])

    left_ms = await script._client.pttl(b"test:" + b"long".hex().encode())
    short_ms = await script._client.pttl(b"test:" + b"short".hex().encode())

    assert 0 < left_ms <= 60_000
    assert short_ms <= 1


async def test_what_others_wrote_under_a_key_is_as_good_as_nothing(script: RedisScript) -> None:
    await script._client.set(b"test:" + b"odd".hex().encode(), b"no number")

    ((now_us, moment),) = await script.run([[Wanted(b"odd", Rate(1_000, 2))]])

    assert moment == now_us


async def test_a_script_that_redis_forgot_is_given_to_it_again(script: RedisScript) -> None:
    wanted = [Wanted(b"forgot", Rate(60_000_000, 1))]
    await script.run([wanted])
    await script._client.script_flush()

    ((now_us, moment),) = await script.run([wanted])

    assert moment > now_us  # and what was counted stands
