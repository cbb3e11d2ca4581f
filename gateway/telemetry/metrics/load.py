"""Measure how much time the gateway adds to requests, and how late its event loop is."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.counters import Histogram
from gateway.telemetry.metrics.families import histogram

# In seconds: from what a token costs that was seen before, to what people notice.
OVERHEAD_BOUNDS: Final = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1,
)  # fmt: skip

# The event loop's clock goes by milliseconds.
DELAY_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoadMetrics:
    """The gateway's own time for requests, and the delay of its event loop, in seconds.

    The first includes no waiting for clients, upstreams or issuers. The second is measured a few
    times a second, whether there are requests or not.
    """

    __slots__ = ("delay", "overhead")

    def __init__(self) -> None:
        self.overhead = Histogram(OVERHEAD_BOUNDS)
        self.delay = Histogram(DELAY_BOUNDS)

    def add(self, other: "LoadMetrics") -> None:
        """Add the counts of *other*."""
        self.overhead.add(other.overhead)
        self.delay.add(other.delay)


def load_families(load: LoadMetrics) -> Iterator[Metric]:
    """Yield the families about the gateway's own load."""
    for name, words, times in (
        (
            "gateway_overhead_seconds",
            "The gateway's own time for a request that waited for its upstream alone.",
            load.overhead,
        ),
        (
            "gateway_event_loop_delay_seconds",
            "How late the event loop ran what was due.",
            load.delay,
        ),
    ):
        rows = [((), tuple(times.counts), times.total)]
        yield histogram(name, words, rows, (), times.bounds)
