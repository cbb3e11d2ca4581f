"""Hold a peer to a minimum rate, on average, while nobody but it is waited for."""

from typing import Final

# More than this never counts between two looks: a loop that was held up did not read, or write,
# either. It is more than the pause between two looks and two sweeps.
_MOST_SECONDS_A_LOOK: Final = 1.5


class Pace:
    """How many seconds a peer may still be slow for; at first, and at most, *grace_seconds*.

    Time takes them away while it runs, from ``start`` to ``stop``, and each byte of the rate gives
    the same share of a second back: so a peer that keeps the rate on average may pause for as
    long as the grace, and one that drips uses it up. Without a rate, any byte gives all back.

    Counts are of bytes, from any beginning; rates are in bytes a second. *is_running* says that
    the peer is waited for.
    """

    __slots__ = ("_count", "_grace_seconds", "_left_seconds", "_since", "is_running")

    def __init__(self, grace_seconds: float, count: int) -> None:
        self._grace_seconds = self._left_seconds = grace_seconds
        self._count = count
        self._since = 0.0
        self.is_running = False

    @property
    def look_seconds(self) -> float:
        """Return how long to wait until the next look."""
        return min(1.0, self._grace_seconds / 8)

    def start(self, now: float, count: int, rate: int | None) -> None:
        """Wait for the peer from *now* on."""
        self._charge(now)
        self._since, self.is_running = now, True
        self._credit(count, rate)

    def stop(self, now: float) -> None:
        """Wait for somebody else."""
        self._charge(now)
        self.is_running = False

    def holds(self, now: float, count: int, rate: int | None) -> bool:
        """Return whether the peer is fast enough, up to *now*."""
        self._charge(now)
        self._credit(count, rate)
        return self._left_seconds > 0

    def _charge(self, now: float) -> None:
        if self.is_running:
            self._left_seconds -= min(now - self._since, _MOST_SECONDS_A_LOOK)
            self._since = now

    def _credit(self, count: int, rate: int | None) -> None:
        gained, self._count = count - self._count, count
        if gained <= 0:
            return
        seconds = self._grace_seconds if rate is None else self._left_seconds + gained / rate
        self._left_seconds = min(self._grace_seconds, seconds)
