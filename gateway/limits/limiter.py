"""The protocol of what counts requests, and the one that counts in memory."""

from collections.abc import Callable
from enum import Enum
from time import monotonic_ns
from typing import Protocol

from gateway.limits.buckets import Buckets
from gateway.limits.gcra import Taken, Wanted


class Uncounted(Enum):
    """What becomes of a request that could not be counted."""

    ALLOWED = "allowed"
    REFUSED = "refused"


Outcome = Taken | Uncounted


class Limiter(Protocol):
    """Counts requests."""

    def take(self, wanted: tuple[Wanted, ...]) -> Outcome | None:
        """Take one request from each bucket or from none; None if that takes an ``ask``."""

    async def ask(self, wanted: tuple[Wanted, ...]) -> Outcome:
        """Take one request from each bucket or from none, and wait for the outcome."""


def steady_us() -> int:
    """Return microseconds on a clock that is never set."""
    return monotonic_ns() // 1000


class MemoryLimiter:
    """Counts in this process, at once."""

    def __init__(self, clock_us: Callable[[], int] = steady_us) -> None:
        self._buckets = Buckets()
        self._clock_us = clock_us

    def take(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request from each bucket or from none."""
        return self._buckets.take(wanted, self._clock_us())

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request from each bucket or from none."""
        return self.take(wanted)
