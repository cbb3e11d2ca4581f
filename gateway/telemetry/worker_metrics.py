"""Show Prometheus how many workers serve, and how often one was replaced."""

from collections.abc import Iterator, Sequence

from prometheus_client import Metric

from gateway.telemetry.families import counter, gauge


def worker_families(restarts: Sequence[int]) -> Iterator[Metric]:
    """Yield the families about workers; *restarts* has a number for each."""
    yield gauge("gateway_workers", "Processes that are to serve requests.", [((), len(restarts))])
    yield counter(
        "gateway_worker_restarts",
        "Workers that died, and were replaced or are to be.",
        [((), sum(restarts))],
    )
