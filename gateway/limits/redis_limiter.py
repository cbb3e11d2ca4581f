"""Count in Redis, for all gateways that share it, and switch to it and back over reloads."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from gateway.limits.gcra import Wanted, take
from gateway.limits.limiter import Limiter, MemoryLimiter, Outcome, Uncounted
from gateway.limits.redis_client import failures_of_redis, kinds_of_failure
from gateway.limits.redis_script import RedisScript
from gateway.settings.values.rates import OnFailure, Redis

_log = logging.getLogger(__name__)

# After so many failures in a row Redis is down: it is not asked any more …
_FAILURES: Final = 2
# … except by one request each time this has passed, to find out whether it is back.
_RETRY_SECONDS: Final = 0.5

# How many requests are sent together; those that arrive meanwhile are sent next.
_BATCH: Final = 128

_Waiting = tuple[tuple[Wanted, ...], asyncio.Future[Outcome]]


class RedisLimiter:
    """Counts in the Redis of *settings*; while that is down, applies their ``on_failure``.

    *failures* counts the requests that Redis did not. There is one connection, on which requests
    that arrive together are sent together: each would cost several times as much by itself.
    """

    def __init__(self, settings: Redis, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._script = RedisScript(settings)
        self._raises = failures_of_redis()
        self._memory = MemoryLimiter()
        self._waiting: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None
        self._failed_in_a_row = 0
        self._retry_at = 0.0
        self.failures = 0

    @property
    def is_down(self) -> bool:
        """Return whether Redis is down, and not asked."""
        return self._failed_in_a_row >= _FAILURES

    def take(self, wanted: tuple[Wanted, ...]) -> Outcome | None:
        """Return None, so that ``ask`` is called; while Redis is down, the outcome without it."""
        if not self.is_down:
            return None
        now = self._clock()
        if now >= self._retry_at:
            self._retry_at = now + _RETRY_SECONDS + self._settings.timeout_seconds
            return None
        return self._without(wanted)

    async def ask(self, wanted: tuple[Wanted, ...]) -> Outcome:
        """Take one request from each bucket or from none."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((wanted, future))
        if self._asking is None:
            self._asking = loop.create_task(self._ask_all())
        return await future

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:_BATCH]
                del self._waiting[:_BATCH]
                await self._ask(batch)
                if self.is_down:  # the others have waited for Redis long enough
                    self._leave_all()
        finally:
            self._asking = None

    async def _ask(self, batch: list[_Waiting]) -> None:
        requests = [wanted for wanted, _ in batch]
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                replies = await self._script.run(requests)
            outcomes: list[Outcome] = [
                take([one.rate for one in wanted], moments, now_us)
                for wanted, (now_us, *moments) in zip(requests, replies, strict=True)
            ]
        except self._raises as error:
            self._note_failure(error)
            outcomes = [self._without(wanted) for wanted in requests]
        except BaseException:  # closed, or an unexpected error: no request may wait for ever
            self._waiting[:0] = batch
            self._leave_all()
            raise
        else:
            self._note_success()
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            _resolve(future, outcome)

    def _leave_all(self) -> None:
        for wanted, future in self._waiting:
            _resolve(future, self._without(wanted))
        self._waiting.clear()

    def _without(self, wanted: tuple[Wanted, ...]) -> Outcome:
        self.failures += 1
        match self._settings.on_failure:
            case OnFailure.MEMORY:
                return self._memory.take(wanted)
            case OnFailure.ALLOW:
                return Uncounted.ALLOWED
            case OnFailure.REFUSE:
                return Uncounted.REFUSED

    def _note_failure(self, error: Exception) -> None:
        self._failed_in_a_row += 1
        self._retry_at = self._clock() + _RETRY_SECONDS
        if self._failed_in_a_row == _FAILURES:
            text = "Redis is unavailable for rate limits (%s): on_failure=%s applies"
            _log.error(text, kinds_of_failure(error), self._settings.on_failure.value)

    def _note_success(self) -> None:
        if self.is_down:
            _log.warning("Redis is available for rate limits again")
        self._failed_in_a_row = 0

    async def close(self) -> None:
        """Close the connection; requests that still wait go on without Redis."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        self._leave_all()  # those that came before the task had begun
        await self._script.close()


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():  # the request may have ended
        future.set_result(outcome)


class Limiters:
    """The limiter in memory, and the one with Redis if that is configured.

    Counts in memory survive a reload, and so does a connection to the same Redis.
    """

    def __init__(self, memory: Limiter) -> None:
        self._memory = memory
        self._redis: tuple[Redis, RedisLimiter] | None = None
        self._former_failures = 0
        self._closing: set[asyncio.Task[None]] = set()

    def use(self, redis: Redis | None) -> Limiter:
        """Return the limiter that counts from now on."""
        if self._redis is not None:
            settings, limiter = self._redis
            if settings == redis:
                return limiter
            self._redis = None
            self._former_failures += limiter.failures
            task = asyncio.get_running_loop().create_task(limiter.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        if redis is None:
            return self._memory
        self._redis = redis, RedisLimiter(redis)
        return self._redis[1]

    @property
    def failures(self) -> int:
        """Return how many requests Redis did not count."""
        return self._former_failures + (0 if self._redis is None else self._redis[1].failures)

    @property
    def is_without(self) -> bool:
        """Return whether Redis is configured but unavailable."""
        return self._redis is not None and self._redis[1].is_down

    async def close(self) -> None:
        """Close all connections."""
        self.use(None)
        if self._closing:
            await asyncio.wait(self._closing)
