"""Show what became of spans to Prometheus."""

from collections.abc import Iterator

from prometheus_client import Metric

from gateway.telemetry.families import counter
from gateway.telemetry.metrics import Metrics


def span_families(metrics: Metrics) -> Iterator[Metric]:
    """Yield the families about spans."""
    yield counter(
        "gateway_spans_exported",
        "Spans that the collector took.",
        [((), metrics.spans_exported)],
    )
    yield counter(
        "gateway_spans_dropped",
        "Spans that were lost, by why.",
        [
            (("queue_full",), metrics.spans_dropped_full),
            (("collector",), metrics.spans_dropped_collector),
        ],
        ("cause",),
    )
