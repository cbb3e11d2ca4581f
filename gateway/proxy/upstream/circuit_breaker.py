"""The circuit breaker of one upstream: its state, its log lines and its counts."""

import logging
from collections.abc import Callable
from time import monotonic

from gateway.balancing.breaker import Breaker, BreakerState
from gateway.settings.values.balancing import BreakerLimits
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

_log = logging.getLogger(__name__)


class CircuitBreaker:
    """Logs and counts what the breaker does, and calls *on_change* when it opens or closes."""

    def __init__(
        self, limits: BreakerLimits, counts: UpstreamMetrics, on_change: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._breaker = Breaker(limits)
        self._counts = counts
        self._on_change = on_change

    @property
    def is_closed(self) -> bool:
        """Return whether requests pass."""
        return self._breaker.state is BreakerState.CLOSED

    def admit(self, now: float) -> bool:
        """Return whether a request may be sent, and count it if not."""
        if self._breaker.admit(now):
            return True
        self._counts.breaker_refused += 1
        return False

    def responded(self, sent_at: float) -> None:
        """Note the response to a request that was sent, or admitted, at *sent_at*."""
        was_closed = self.is_closed
        self._breaker.succeed(monotonic(), sent_at)
        if self.is_closed and not was_closed:
            _log.warning("upstream %s: circuit breaker closed, requests pass", self._counts.name)
            self._on_change()

    def failed(self, sent_at: float) -> None:
        """Note the failure of a request that was sent, or admitted, at *sent_at*."""
        if not self._breaker.fail(monotonic(), sent_at):
            return
        self._counts.breaker_opened += 1
        _log.warning(
            "upstream %s: circuit breaker open for %g s, too many requests fail",
            self._counts.name,
            self._limits.open_seconds,
        )
        self._on_change()

    def abandoned(self, sent_at: float) -> None:
        """Note that nobody waits any more for the response to a request."""
        self._breaker.abandon(sent_at)
