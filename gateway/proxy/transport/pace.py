"""Hold a peer to a minimum rate, on average, while the gateway waits for it alone."""

from typing import Final

# More than this never counts between two looks: while the event loop was blocked, it did not read
# or write either. It is more than the pause between two looks and two sweeps.
_MOST_SECONDS_A_LOOK: Final = 1.5


class Pace:
    """The seconds that a peer may still be slow for: at first, and at most, *grace_seconds*.

    While it runs, from ``start`` to ``stop``, time uses it up, and each byte gives ``1 / rate``
    seconds back. So a peer that keeps the rate on average may pause for as long as the grace, and
    one that sends a byte now and then uses it up. Without a rate, any byte gives all of it back.

    Counts are of bytes, from any beginning; rates are in bytes a second. *is_running* says that
    the gateway waits for the peer.
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
        """Stop waiting for the peer."""
        self._charge(now)
        self.is_running = False

    def is_fast_enough(self, now: float, count: int, rate: int | None) -> bool:
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
