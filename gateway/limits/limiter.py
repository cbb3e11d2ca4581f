"""The protocol of what counts requests, and the one that counts in memory."""

from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic_ns
from typing import Final, Protocol

from gateway.limits.gcra import Taken, Wanted, take

# About 40 MB. Keys come from tokens and addresses, so a client may have any number of them.
MAX_BUCKETS: Final = 200_000

# How many of the least recently used buckets are examined when one is added, and when there is no
# room for it.
_LOOKED_AT: Final = 2
_CANDIDATES: Final = 8


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


class Buckets:
    """The buckets used last, each with the moment at which it is full again.

    A full bucket is the same as none, and is dropped when others are added. If there is no room,
    one that is nearly full is evicted: of the eight least recently used, the one that would be
    full first.
    """

    def __init__(self, room: int = MAX_BUCKETS) -> None:
        self._room = room
        self._whole_at_us: dict[bytes, int] = {}  # in the order of their last use

    def __len__(self) -> int:
        return len(self._whole_at_us)

    def take(self, wanted: Sequence[Wanted], now_us: int) -> Taken:
        """Take one request from each bucket that is *wanted*, or from none."""
        known = self._whole_at_us
        taken = take([one.rate for one in wanted], [known.get(one.key) for one in wanted], now_us)
        if taken.refused is None:
            for one, moment in zip(wanted, taken.whole_at_us, strict=True):
                key = one.key
                if known.pop(key, None) is None:
                    self._make_room(now_us)
                known[key] = moment
        return taken

    def _make_room(self, now_us: int) -> None:
        known = self._whole_at_us
        for _ in range(min(_LOOKED_AT, len(known))):
            key = next(iter(known))
            moment = known.pop(key)
            if moment > now_us:
                known[key] = moment  # after all others, which are examined next
        if len(known) >= self._room:
            oldest = [key for key, _ in zip(known, range(_CANDIDATES), strict=False)]
            del known[min(oldest, key=known.__getitem__)]


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
