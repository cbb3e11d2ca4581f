"""A circuit breaker, at work on one upstream."""

import logging
from collections.abc import Callable
from time import monotonic

from gateway.balancing.breaker import Breaker, BreakerState
from gateway.settings.values.balancing import BreakerLimits
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

_log = logging.getLogger(__name__)


class Circuit:
    """Counts what the breaker does, says it, and calls *on_change* when it opens or closes."""

    def __init__(
        self, limits: BreakerLimits, counts: UpstreamMetrics, on_change: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._breaker = Breaker(limits)
        self._counts = counts
        self._on_change = on_change

    @property
    def is_closed(self) -> bool:
        """Say whether requests pass."""
        return self._breaker.state is BreakerState.CLOSED

    def admit(self, now: float) -> bool:
        """Return whether a request may be sent, and count it if not."""
        if self._breaker.admit(now):
            return True
        self._counts.breaker_refused += 1
        return False

    def answered(self, sent_at: float) -> None:
        """Take that a request was answered that was sent, or admitted, at *sent_at*."""
        was_closed = self.is_closed
        self._breaker.succeed(monotonic(), sent_at)
        if self.is_closed and not was_closed:
            _log.warning("upstream %s: requests are sent again", self._counts.name)
            self._on_change()

    def failed(self, sent_at: float) -> None:
        """Take that one failed."""
        if not self._breaker.fail(monotonic(), sent_at):
            return
        self._counts.breaker_opened += 1
        seconds = self._limits.open_seconds
        _log.warning(
            "upstream %s: too many requests fail, none is sent for %g s",
            self._counts.name,
            seconds,
        )
        self._on_change()

    def abandoned(self, sent_at: float) -> None:
        """Take that nobody waits for the answer to one any more."""
        self._breaker.abandon(sent_at)
