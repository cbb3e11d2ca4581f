"""Show what rate limits refused to Prometheus, and whether Redis counts."""

from collections.abc import Iterator

from prometheus_client import Metric

from gateway.telemetry.families import counter, gauge
from gateway.telemetry.metrics import Metrics


def rate_families(metrics: Metrics) -> Iterator[Metric]:
    """Yield the families about rate limits."""
    yield counter(
        "gateway_rate_limited",
        "Requests that were refused, by the rate limit that was used up for the longest.",
        [((name,), refused) for name, refused in sorted(metrics.rate_limited.copy().items())],
        ("limit",),
    )
    yield counter(
        "gateway_rate_limit_failures",
        "Requests that Redis did not count.",
        [((), metrics.rate_limit_failures)],
    )
    yield gauge(
        "gateway_rate_limit_processes_without_redis",
        "Processes that do not ask Redis at the moment, for it does not answer.",
        [((), metrics.rate_limits_without_redis)],
    )
