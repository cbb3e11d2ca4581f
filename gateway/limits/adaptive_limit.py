"""Find out how many requests in flight an upstream can serve in time.

Additive increase, multiplicative decrease, as TCP finds out what a network carries (RFC 5681
§3.1): one slot more for each round of responses in time, a tenth less for a round with a late
one; until the first late one, a slot more for each response.
"""

from collections.abc import Collection
from typing import Final

from gateway.limits.concurrency_limit import ConcurrencyLimit
from gateway.settings.values.route_options import Priority

START: Final = 10
_DECREASE: Final = 0.9


class AdaptiveLimit(ConcurrencyLimit):
    """The limit of one upstream, whose responses should begin within *target_seconds*."""

    __slots__ = ("_decreased_at", "_is_new", "_limit", "_used", "target_seconds")

    def __init__(self, target_seconds: float, used: Collection[Priority] = ()) -> None:
        self._limit = float(START)
        self._is_new = True
        self._decreased_at = float("-inf")
        super().__init__(START)
        self.aim(target_seconds, used)

    @property
    def limit(self) -> int:
        """Return how many slots there are now."""
        return int(self._limit)

    def aim(self, target_seconds: float, used: Collection[Priority]) -> None:
        """Keep to *target_seconds* from now on, with requests of the priorities *used*."""
        self.target_seconds = target_seconds
        self._used = frozenset(used)
        self.use(self.limit, self._used)

    def use(self, slots: int, used: Collection[Priority]) -> None:
        """Set the number of *slots*, doubled for the highest priority: it is an estimate."""
        super().use(slots, used)
        if set(used) - {Priority.HIGH}:
            self._usable = (*self._usable[:-1], 2 * slots)

    def learn(self, seconds: float, now: float, priority: Priority) -> None:
        """Adapt to a response that began after *seconds*, or has not begun by then.

        Its request still holds its slot. *priority* is that of the request, which limits its share.
        """
        before = self.limit
        if seconds > self.target_seconds:
            # A request sent before the last decrease shows the load before it.
            if now - seconds < self._decreased_at:
                return
            self._limit = max(1.0, self._limit * _DECREASE)
            self._decreased_at = now
            self._is_new = False
        elif 2 * self.taken >= min(self._limit, self._usable[priority]):
            # A limit that is never approached is not put to the test.
            self._limit += 1.0 if self._is_new else 1.0 / self._limit
        if self.limit != before:
            self.use(self.limit, self._used)
