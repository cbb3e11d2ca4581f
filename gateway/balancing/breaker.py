"""Send nothing to a failing upstream until a probe shows that it is back."""

from enum import Enum
from typing import Final

from gateway.settings.values.balancing import BreakerLimits

# A window has so many parts; the oldest is dropped when a new one begins.
PARTS: Final = 10


class BreakerState(Enum):
    """Whether requests pass."""

    CLOSED = "closed"  # all do
    OPEN = "open"  # none does
    HALF_OPEN = "half_open"  # one does, as a probe


class Breaker:
    """Opens when too many of the requests in the last seconds failed.

    Each admitted request ends in exactly one of ``succeed``, ``fail`` and ``abandon``, which are
    given when it was sent. A request that was sent before the first probe since the breaker opened
    says nothing about the present, and does not count.
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
        # A probe that takes longer than the pause does not keep others from trying.
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
            self._half_open_at = now
        self._probed_at = now
        return True

    def succeed(self, now: float, sent_at: float) -> None:
        """Note the response to a request that was sent at *sent_at*."""
        if sent_at < self._half_open_at:
            return
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.CLOSED
            self._reset()
        self._advance(now)
        self._requests[self._part % PARTS] += 1

    def fail(self, now: float, sent_at: float) -> bool:
        """Note the failure of a request, sent at *sent_at*; return whether it opens the breaker."""
        if self.state is BreakerState.OPEN or sent_at < self._half_open_at:
            return False  # sent before it opened
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
        """Note that nobody waits for the response any more; a probe does not count then."""
        if sent_at >= self._probed_at:
            self._probed_at = float("-inf")

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self._opened_at = now
        self._reset()

    def _reset(self) -> None:
        self._requests = [0] * PARTS
        self._failures = [0] * PARTS

    def _advance(self, now: float) -> None:
        """Advance to the part of the window that *now* is in."""
        part = int(now / self._limits.window_seconds * PARTS)
        passed = part - self._part
        if passed <= 0:
            return
        for step in range(1, min(passed, PARTS) + 1):
            at = (self._part + step) % PARTS
            self._requests[at] = self._failures[at] = 0
        self._part = part
