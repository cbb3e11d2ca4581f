"""Whoever keeps count of requests, and the one who does in memory."""

from collections.abc import Callable
from enum import Enum
from time import monotonic_ns
from typing import Protocol

from gateway.limits.buckets import Buckets
from gateway.limits.gcra import Taken, Wanted


class Uncounted(Enum):
    """What becomes of a request that nobody could count."""

    ALLOWED = "allowed"
    REFUSED = "refused"


Outcome = Taken | Uncounted


class Limiter(Protocol):
    """Whoever keeps count of requests."""

    def take(self, wanted: tuple[Wanted, ...]) -> Outcome | None:
        """Take one request of each bucket, or of none; None where that must be asked for."""

    async def ask(self, wanted: tuple[Wanted, ...]) -> Outcome:
        """Do the same, and wait for it."""


def steady_us() -> int:
    """Return microseconds on a clock that nobody sets."""
    return monotonic_ns() // 1000


class MemoryLimiter:
    """Counts in this process, at once."""

    def __init__(self, clock_us: Callable[[], int] = steady_us) -> None:
        self._buckets = Buckets()
        self._clock_us = clock_us

    def take(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Take one request of each bucket, or of none."""
        return self._buckets.take(wanted, self._clock_us())

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Do the same."""
        return self.take(wanted)
