"""Count what becomes of the requests to each upstream, and show the counts to Prometheus."""

from collections.abc import Iterator, Sequence

from prometheus_client import Metric

from gateway.decision.reason import Reason
from gateway.telemetry.answer_times import DURATION_BOUNDS, AnswerTimes
from gateway.telemetry.families import counter, histogram

_UPSTREAM = ("upstream",)


class UpstreamMetrics:
    """What one upstream did for requests.

    Connections to it were *opened*, and *reused* for a further request. *times* are those until
    the head of an answer; *failures* are requests that came to nothing there, by reason code.
    """

    __slots__ = ("failures", "name", "opened", "reused", "times")

    def __init__(self, name: str) -> None:
        self.name = name
        self.opened = 0
        self.reused = 0
        self.times = AnswerTimes()
        self.failures: dict[str, int] = {}

    def fail(self, reason: Reason) -> None:
        """Count a request that came to nothing."""
        self.failures[reason.code] = self.failures.get(reason.code, 0) + 1

    def add(self, other: "UpstreamMetrics") -> None:
        """Count what *other* counted, too."""
        self.opened += other.opened
        self.reused += other.reused
        self.times.add(other.times)
        for code, count in other.failures.items():
            self.failures[code] = self.failures.get(code, 0) + count


def upstream_families(upstreams: Sequence[UpstreamMetrics]) -> Iterator[Metric]:
    """Yield the families about upstreams."""
    yield histogram(
        "http_client_request_duration_seconds",
        "Time from sending a request to a service to the head of its answer.",
        (
            ((upstream.name, method, status), tuple(times.counts), times.total)
            for upstream in upstreams
            for method, status, times in upstream.times.rows()
        ),
        ("upstream", "http_request_method", "http_response_status_code"),
        DURATION_BOUNDS,
    )
    yield counter(
        "gateway_upstream_failures",
        "Requests that came to nothing at their upstream.",
        (
            ((upstream.name, code), count)
            for upstream in upstreams
            for code, count in sorted(upstream.failures.copy().items())
        ),
        ("upstream", "reason"),
    )
    yield counter(
        "gateway_upstream_connections_opened",
        "Connections opened to services.",
        [((upstream.name,), upstream.opened) for upstream in upstreams],
        _UPSTREAM,
    )
    yield counter(
        "gateway_upstream_connections_reused",
        "Requests sent on a pooled connection.",
        [((upstream.name,), upstream.reused) for upstream in upstreams],
        _UPSTREAM,
    )
