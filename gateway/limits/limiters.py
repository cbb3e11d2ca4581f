"""Keep the limiter of the configuration across reloads."""

import asyncio

from gateway.limits.limiter import Limiter
from gateway.limits.redis_limiter import RedisLimiter
from gateway.settings.values.rates import Redis


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
