"""Make metric families of the Prometheus client from plain rows."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

Row = tuple[Sequence[str], float]  # label values, in the order of the label names; value


def counter(
    name: str, words: str, rows: Iterable[Row], labels: Sequence[str] = ()
) -> CounterMetricFamily:
    """Return the counter family *name*, which is exposed with the suffix ``_total``."""
    family = CounterMetricFamily(name, words, labels=labels)
    for label_values, value in rows:
        family.add_metric(label_values, value)
    return family


def gauge(
    name: str, words: str, rows: Iterable[Row], labels: Sequence[str] = ()
) -> GaugeMetricFamily:
    """Return the gauge family *name*."""
    family = GaugeMetricFamily(name, words, labels=labels)
    for label_values, value in rows:
        family.add_metric(label_values, value)
    return family


def histogram(
    name: str,
    words: str,
    rows: Iterable[tuple[Sequence[str], Sequence[int], float]],
    labels: Sequence[str],
    bounds: Sequence[float],
) -> HistogramMetricFamily:
    """Return the histogram family *name*; a row is label values, counts and the sum.

    The counts are per bucket, not cumulative: one for each of *bounds* and one above them.
    """
    names = [*(str(bound) for bound in bounds), "+Inf"]
    family = HistogramMetricFamily(name, words, labels=labels)
    for label_values, counts, total in rows:
        buckets = list(zip(names, accumulate(counts), strict=True))
        family.add_metric(label_values, buckets, total)
    return family
