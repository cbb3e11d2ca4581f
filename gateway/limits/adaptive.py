"""Have as many places as a service can serve in time: fewer where it is late, more where not.

Additive increase, multiplicative decrease, as TCP finds out what a network carries (RFC 5681
§3.1): one place more for each round of answers in time, a tenth less for a round in which one
was late; and until the first that was, one more for each answer.
"""

from collections.abc import Collection
from typing import Final

from gateway.limits.places import Places
from gateway.settings.values.route_options import Priority

START: Final = 10
_KEPT: Final = 0.9


class AdaptivePlaces(Places):
    """The places of one service, whose answers shall begin within *target_seconds*."""

    __slots__ = ("_decreased_at", "_is_new", "_limit", "_used", "target_seconds")

    def __init__(self, target_seconds: float, used: Collection[Priority] = ()) -> None:
        self._limit = float(START)
        self._is_new = True
        self._decreased_at = float("-inf")
        super().__init__(START)
        self.aim(target_seconds, used)

    @property
    def limit(self) -> int:
        """Return how many places there are now."""
        return int(self._limit)

    def aim(self, target_seconds: float, used: Collection[Priority]) -> None:
        """Keep to *target_seconds* from now on, with requests of the priorities *used*."""
        self.target_seconds = target_seconds
        self._used = frozenset(used)
        self.use(self.limit, self._used)

    def use(self, limit: int, used: Collection[Priority]) -> None:
        """Have *limit* places; being an estimate, of the highest priority twice as many."""
        super().use(limit, used)
        if set(used) - {Priority.HIGH}:
            self._marks = (*self._marks[:-1], 2 * limit)

    def learn(self, seconds: float, now: float, priority: Priority) -> None:
        """Take that an answer, of a place still taken, began after *seconds*, or did not yet.

        *priority* is that of its request, which may take no more than its share.
        """
        before = self.limit
        if seconds > self.target_seconds:
            # What was sent before the last decrease tells of the load before it.
            if now - seconds < self._decreased_at:
                return
            self._limit = max(1.0, self._limit * _KEPT)
            self._decreased_at = now
            self._is_new = False
        elif 2 * self.taken >= min(self._limit, self._marks[priority]):
            # A limit that nobody comes near to is not tried.
            self._limit += 1.0 if self._is_new else 1.0 / self._limit
        if self.limit != before:
            self.use(self.limit, self._used)
