"""Send nothing to an upstream that fails, until a request that is let through says it is back."""

from enum import Enum
from typing import Final

from gateway.settings.values.balancing import BreakerLimits

# A window is cut into so many parts; the oldest is forgotten as a new one begins.
PARTS: Final = 10


class BreakerState(Enum):
    """Whether requests pass."""

    CLOSED = "closed"  # they do
    OPEN = "open"  # none does
    HALF_OPEN = "half_open"  # one does, and what becomes of it counts


class Breaker:
    """Opens where in the last seconds too many of the requests failed.

    Each request that is admitted comes to exactly one of ``succeed``, ``fail`` and ``abandon``,
    which are given when it was sent. One that was sent before the first probe since it opened
    tells how the upstream was then, and counts for nothing.
    """

    __slots__ = (
        "_failures", "_half_open_at", "_limits", "_opened_at", "_part", "_probed_at", "_requests",
        "state",
    )  # fmt: skip

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self.state = BreakerState.CLOSED
        self._requests = [0] * PARTS
        self._failures = [0] * PARTS
        self._part = 0
        self._opened_at = 0.0
        self._probed_at = float("-inf")
        self._half_open_at = float("-inf")  # when the first probe since it opened was admitted

    def admit(self, now: float) -> bool:
        """Return whether a request may be sent."""
        if self.state is BreakerState.CLOSED:
            return True
        pause = self._limits.open_seconds
        if now - max(self._opened_at, self._probed_at) < pause:
            return False
        # A request of which nothing is heard for so long keeps no other from trying.
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
            self._half_open_at = now
        self._probed_at = now
        return True

    def succeed(self, now: float, sent_at: float) -> None:
        """Take that a request, sent at *sent_at*, was answered."""
        if sent_at < self._half_open_at:
            return
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.CLOSED
            self._forget()
        self._advance(now)
        self._requests[self._part % PARTS] += 1

    def fail(self, now: float, sent_at: float) -> bool:
        """Take that a request, sent at *sent_at*, failed; return whether that opens it."""
        if self.state is BreakerState.OPEN or sent_at < self._half_open_at:
            return False  # sent before it opened: counted, in a way, already
        if self.state is BreakerState.HALF_OPEN:
            self._open(now)
            return True
        self._advance(now)
        part = self._part % PARTS
        self._requests[part] += 1
        self._failures[part] += 1
        requests, failures = sum(self._requests), sum(self._failures)
        limits = self._limits
        if requests < limits.requests or failures < limits.failures * requests:
            return False
        self._open(now)
        return True

    def abandon(self, sent_at: float) -> None:
        """Take that nobody waits for the answer any more: it says nothing."""
        if sent_at >= self._probed_at:
            self._probed_at = float("-inf")

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self._opened_at = now
        self._forget()

    def _forget(self) -> None:
        self._requests = [0] * PARTS
        self._failures = [0] * PARTS

    def _advance(self, now: float) -> None:
        """Begin the part of the window that *now* is in."""
        part = int(now / self._limits.window_seconds * PARTS)
        passed = part - self._part
        if passed <= 0:
            return
        for step in range(1, min(passed, PARTS) + 1):
            at = (self._part + step) % PARTS
            self._requests[at] = self._failures[at] = 0
        self._part = part
