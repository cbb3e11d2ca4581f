"""Count reloads by outcome, and remember the last successful one."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.families import counter, gauge

APPLIED: Final = "applied"

# The outcomes of a reload.
RELOAD_OUTCOMES: Final = (APPLIED, "invalid", "needs_restart", "tests_failed", "unavailable")


class ReloadMetrics:
    """All attempts since the start, by outcome; times are in seconds since the epoch.

    The configuration of the start, at *started_at*, counts as a success, but in no outcome.
    """

    def __init__(self, started_at: float = 0.0) -> None:
        self.counts = dict.fromkeys(RELOAD_OUTCOMES, 0)
        self.is_successful = True
        self.success_at = started_at

    def count(self, outcome: str, now: float) -> None:
        """Count a reload that ended at *now*."""
        self.counts[outcome] += 1
        self.is_successful = outcome == APPLIED
        if self.is_successful:
            self.success_at = now


def reload_families(metrics: ReloadMetrics) -> Iterator[Metric]:
    """Yield the families of ``gateway_config_…``; the two gauges are named as Prometheus' own."""
    yield counter(
        "gateway_config_reloads",
        "Reloads of the configuration, by outcome.",
        [((outcome,), count) for outcome, count in metrics.counts.items()],
        ("outcome",),
    )
    yield gauge(
        "gateway_config_last_reload_successful",
        "Whether the last reload was successful.",
        [((), int(metrics.is_successful))],
    )
    yield gauge(
        "gateway_config_last_reload_success_timestamp_seconds",
        "When the live configuration was loaded.",
        [((), metrics.success_at)],
    )
