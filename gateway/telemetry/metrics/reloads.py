"""Count what became of reloads, and say when one was taken last."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.families import counter, gauge

APPLIED: Final = "applied"

# What became of an attempt to go on with another configuration.
RELOAD_OUTCOMES: Final = (APPLIED, "invalid", "needs_restart", "tests_failed", "unavailable")


class ReloadMetrics:
    """All attempts since the start, by outcome; times are in seconds since the epoch.

    The configuration of the start, at *started_at*, counts as one that was taken, and in no
    outcome.
    """

    def __init__(self, started_at: float = 0.0) -> None:
        self.counts = dict.fromkeys(RELOAD_OUTCOMES, 0)
        self.is_successful = True
        self.success_at = started_at

    def count(self, outcome: str, now: float) -> None:
        """Count an attempt that ended at *now*."""
        self.counts[outcome] += 1
        self.is_successful = outcome == APPLIED
        if self.is_successful:
            self.success_at = now


def reload_families(metrics: ReloadMetrics) -> Iterator[Metric]:
    """Yield the families of ``gateway_config_…``; the two gauges are named as Prometheus' own."""
    yield counter(
        "gateway_config_reloads",
        "Attempts to go on with another configuration, by what became of them.",
        [((outcome,), count) for outcome, count in metrics.counts.items()],
        ("outcome",),
    )
    yield gauge(
        "gateway_config_last_reload_successful",
        "Whether the configuration that was tried last is live.",
        [((), int(metrics.is_successful))],
    )
    yield gauge(
        "gateway_config_last_reload_success_timestamp_seconds",
        "When the live configuration was taken.",
        [((), metrics.success_at)],
    )
