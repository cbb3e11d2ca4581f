"""What counts in memory counts at once, and on a clock that nobody sets."""

from gateway.limits.gcra import Rate, Wanted
from gateway.limits.limiter import MemoryLimiter, steady_us

ONE = (Wanted(b"a", Rate(1_000, 1)),)


async def test_a_question_is_answered_as_what_is_taken_at_once() -> None:
    now_us = 0
    limiter = MemoryLimiter(lambda: now_us)

    assert limiter.take(ONE).refused is None
    assert (await limiter.ask(ONE)).refused == 0
    now_us = 1_000
    assert (await limiter.ask(ONE)).refused is None


def test_the_clock_of_the_machine_only_goes_forward() -> None:
    assert 0 < steady_us() <= steady_us()
