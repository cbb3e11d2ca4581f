"""Show the requests to Prometheus that were refused for how many were under way."""

from collections.abc import Iterator

from prometheus_client import Metric

from gateway.telemetry.families import counter
from gateway.telemetry.metrics import Metrics


def shed_families(metrics: Metrics) -> Iterator[Metric]:
    """Yield the families about requests that were shed."""
    yield counter(
        "gateway_requests_shed",
        "Requests that were refused, for as many were under way as may be.",
        [((kind,), count) for kind, count in sorted(metrics.shed.copy().items())],
        ("limit",),
    )
