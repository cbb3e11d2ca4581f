"""While a real Redis is there it counts for all; while it is not, nobody waits for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from gateway.limits.gcra import Rate, Taken, Wanted
from gateway.limits.limiter import Outcome, Uncounted
from gateway.limits.redis_limiter import RedisLimiter
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis

PATIENT, HASTY = 20.0, 0.1
HOUR_US = 3_600_000_000
ROUNDS = 400


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(
    redis: RedisServer,
    on_failure: OnFailure = OnFailure.REFUSE,
    seconds: float = PATIENT,
    clock: Clock | None = None,
) -> RedisLimiter:
    return RedisLimiter(Redis(redis.url, seconds, on_failure, "test:"), clock or Clock())


def wanted(key: bytes = b"a", burst: int = 1) -> tuple[Wanted, ...]:
    return (Wanted(key, Rate(HOUR_US, burst)),)


async def act(limiter: RedisLimiter, questions: tuple[Wanted, ...]) -> Outcome:
    """Do what the data port does."""
    return limiter.take(questions) or await limiter.ask(questions)


def is_allowed(outcome: Outcome) -> bool:
    assert isinstance(outcome, Taken)
    return outcome.refused is None


async def until(limiter: RedisLimiter, clock: Clock, wanted_state: bool) -> None:
    """Ask, as time passes, until Redis is down, or is not."""
    for _ in range(ROUNDS):
        await act(limiter, wanted(b"probe", 1_000_000))
        if limiter.is_down is wanted_state:
            return
        clock.now += 10.0
        await asyncio.sleep(0.005)
    raise AssertionError("it never changed")


@pytest.fixture
async def three(redis: RedisServer) -> AsyncIterator[list[RedisLimiter]]:
    limiters = [make(redis) for _ in range(3)]
    yield limiters
    for one in limiters:
        await one.close()


async def test_several_that_ask_at_once_count_exactly_together(three: list[RedisLimiter]) -> None:
    questions = wanted(burst=50)

    outcomes = await asyncio.gather(
        *(act(limiter, questions) for _ in range(100) for limiter in three)
    )

    assert sum(map(is_allowed, outcomes)) == 50
    assert [one.failures for one in three] == [0, 0, 0]


async def test_of_several_limits_all_are_taken_from_or_none(three: list[RedisLimiter]) -> None:
    narrow, wide = wanted(b"narrow", 2), wanted(b"wide", 5)

    both = [is_allowed(await act(one, narrow + wide)) for one in three]
    rest = [is_allowed(await act(one, wide)) for one in three + three]

    assert both == [True, True, False]
    assert rest == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [(OnFailure.ALLOW, Uncounted.ALLOWED), (OnFailure.REFUSE, Uncounted.REFUSED)],
)
async def test_once_it_is_gone_the_answer_is_there_at_once_and_once_it_is_back_it_counts(
    on_failure: OnFailure,
    expected: Uncounted,
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    limiter = make(redis, on_failure, clock=clock)
    assert is_allowed(await act(limiter, wanted()))
    redis.kill()

    await until(limiter, clock, True)
    limiter.take(wanted())  # who tries whether it is back
    assert [limiter.take(wanted()) for _ in range(100)] == [expected] * 100
    assert limiter.failures >= 100

    redis.start()
    clock.now += 10.0
    await until(limiter, clock, False)
    assert is_allowed(await act(limiter, wanted(b"b")))
    assert not is_allowed(await act(limiter, wanted(b"b")))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    await limiter.close()


async def test_in_memory_each_counts_for_itself_meanwhile(redis: RedisServer) -> None:
    clock = Clock()
    limiter = make(redis, OnFailure.MEMORY, clock=clock)
    redis.kill()
    await until(limiter, clock, True)

    outcomes = [await act(limiter, wanted(burst=2)) for _ in range(4)]

    assert list(map(is_allowed, outcomes)) == [True, True, False, False]
    await limiter.close()


async def test_one_that_hangs_is_not_waited_for_and_its_late_answers_are_nobodys(
    redis: RedisServer,
) -> None:
    clock = Clock()
    limiter = make(redis, OnFailure.REFUSE, HASTY, clock)
    await until(limiter, clock, False)
    redis.stall()
    late = [await act(limiter, wanted(b"late", 1_000_000)) for _ in range(5)]
    assert late == [Uncounted.REFUSED] * 5
    assert limiter.is_down

    redis.go_on()
    clock.now += 10.0
    await until(limiter, clock, False)

    outcomes: list[Outcome] = []
    while len(outcomes) < 5:
        outcome = await act(limiter, wanted(b"fresh", 3))
        if isinstance(outcome, Taken):
            outcomes.append(outcome)
        clock.now += 10.0
    assert list(map(is_allowed, outcomes)) == [True, True, True, False, False]
    await limiter.close()


async def test_many_that_wait_while_it_dies_are_all_answered_after_two_attempts(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: eight attempts would be eight times as long to wait."""
    limiter = make(redis, OnFailure.REFUSE, HASTY)
    run, attempts = limiter._script.run, []

    async def counted(questions: Sequence[Sequence[Wanted]]) -> list[list[int]]:
        attempts.append(len(questions))
        return await run(questions)

    monkeypatch.setattr(limiter._script, "run", counted)
    redis.stall()

    asked = asyncio.gather(*(limiter.ask(wanted(b"%d" % one)) for one in range(1000)))

    assert await asked == [Uncounted.REFUSED] * 1000
    assert limiter.failures == 1000
    assert len(attempts) == 2
    await limiter.close()


async def test_who_waits_when_the_gateway_ends_does_without(redis: RedisServer) -> None:
    limiter = make(redis, OnFailure.ALLOW)
    redis.stall()
    asked = asyncio.gather(*(limiter.ask(wanted(b"%d" % one)) for one in range(300)))
    await asyncio.sleep(0)

    await limiter.close()

    assert await asked == [Uncounted.ALLOWED] * 300


async def test_a_wrong_password_is_a_failure_and_neither_it_nor_the_right_one_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_redis(tmp_path, password="R1GHT-word") as redis:
        good = RedisLimiter(
            Redis(f"unix://:R1GHT-word@{redis.socket}", PATIENT, OnFailure.REFUSE, "test:")
        )
        bad = RedisLimiter(
            Redis(f"unix://:WR0NG-word@{redis.socket}", PATIENT, OnFailure.REFUSE, "test:")
        )

        assert is_allowed(await act(good, wanted()))
        assert [await act(bad, wanted()) for _ in range(3)] == [Uncounted.REFUSED] * 3

        await good.close()
        await bad.close()
    assert "R1GHT" not in caplog.text
    assert "WR0NG" not in caplog.text
    assert "Authentication" in caplog.text
