"""What became of spans, as Prometheus sees it."""

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import span_families


def test_spans_are_counted_by_what_became_of_them_over_all_processes() -> None:
    metrics, other = Metrics(), Metrics()
    metrics.spans_exported, metrics.spans_dropped_full, metrics.spans_dropped_collector = 1, 2, 3
    other.spans_exported, other.spans_dropped_full, other.spans_dropped_collector = 10, 20, 30
    metrics.add(other)

    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in span_families(metrics)
        for sample in family.samples
    }

    assert samples == {
        ("gateway_spans_exported_total",): 11,
        ("gateway_spans_dropped_total", "queue_full"): 22,
        ("gateway_spans_dropped_total", "collector"): 33,
    }
