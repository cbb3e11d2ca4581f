"""Count the outcomes of requests to each upstream, and expose them to Prometheus."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric

from gateway.decision.reason import Reason
from gateway.telemetry.metrics.counters import add_counts
from gateway.telemetry.metrics.families import counter, gauge, histogram
from gateway.telemetry.metrics.response_times import DURATION_BOUNDS, ResponseTimes
from gateway.telemetry.metrics.servers import ServerMetrics, server_families

_UPSTREAM = ("upstream",)

# Current values, in contrast to totals; of panics and breakers, the number of processes.
_GAUGES = ("queued", "panics", "breakers_open", "allowed")
_COUNTS = (
    "opened",
    "reused",
    "retries",
    "refused_retries",
    "queue_full",
    "queue_late",
    "breaker_opened",
    "breaker_refused",
)


class UpstreamMetrics:
    """The counts of one upstream.

    *times* are those to the head of a response; *failures* are failed requests by reason code.
    *servers* count their own connections; *opened* and *reused* are those of former servers.
    """

    __slots__ = (*_COUNTS, *_GAUGES, "failures", "name", "servers", "times")

    opened: int
    reused: int
    retries: int  # requests that were sent a second time
    refused_retries: int  # those that were not, because the retry budget was used up
    queue_full: int  # requests that found the queue full
    queue_late: int  # requests that waited too long
    breaker_opened: int
    breaker_refused: int
    queued: int
    panics: int  # all servers are used, because too few are healthy
    breakers_open: int
    allowed: int  # requests in flight at one time; 0 is unlimited

    def __init__(self, name: str) -> None:
        self.name = name
        for count in (*_COUNTS, *_GAUGES):
            setattr(self, count, 0)
        self.servers: dict[str, ServerMetrics] = {}
        self.times = ResponseTimes()
        self.failures: dict[str, int] = {}

    def fail(self, reason: Reason) -> None:
        """Count a failed request."""
        self.failures[reason.code] = self.failures.get(reason.code, 0) + 1

    @property
    def requests(self) -> int:
        """Return how many requests were sent to it, retries included."""
        return self.opened_to_all + self.reused_to_all

    @property
    def opened_to_all(self) -> int:
        """Return how many connections to it were opened."""
        return self.opened + sum(server.opened for server in self.servers.values())

    @property
    def reused_to_all(self) -> int:
        """Return how often a connection to it was reused."""
        return self.reused + sum(server.reused for server in self.servers.values())

    def use(self, server_names: Iterable[str]) -> None:
        """Count for these servers; those that stay keep their counts."""
        former = self.servers
        self.servers = {name: former.get(name) or ServerMetrics(name) for name in server_names}
        for name, server in former.items():
            if name not in self.servers:
                self.opened += server.opened
                self.reused += server.reused

    def settle(self) -> None:
        """Keep only the totals: the process is gone."""
        for count in _GAUGES:
            setattr(self, count, 0)
        for server in self.servers.values():
            server.settle()

    def add(self, other: "UpstreamMetrics") -> None:
        """Add the counts of *other*."""
        for name in (*_COUNTS, *_GAUGES):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, server in other.servers.copy().items():
            self.servers.setdefault(name, ServerMetrics(name)).add(server)
        self.times.add(other.times)
        add_counts(self.failures, other.failures)


def upstream_families(upstreams: Sequence[UpstreamMetrics]) -> Iterator[Metric]:
    """Yield the families about upstreams."""
    yield histogram(
        "http_client_request_duration_seconds",
        "Time from sending a request to the head of its response.",
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
        "Requests that failed at their upstream.",
        (
            ((upstream.name, code), count)
            for upstream in upstreams
            for code, count in sorted(upstream.failures.copy().items())
        ),
        ("upstream", "reason"),
    )
    yield counter(
        "gateway_upstream_connections_opened",
        "Connections opened to upstreams.",
        [((upstream.name,), upstream.opened_to_all) for upstream in upstreams],
        _UPSTREAM,
    )
    yield counter(
        "gateway_upstream_connections_reused",
        "Requests sent on a pooled connection.",
        [((upstream.name,), upstream.reused_to_all) for upstream in upstreams],
        _UPSTREAM,
    )
    for name, words, attribute in (
        ("retries", "Requests sent again.", "retries"),
        (
            "retries_refused",
            "Retries not made because the budget was used up.",
            "refused_retries",
        ),
        ("queue_full", "Requests refused because the queue was full.", "queue_full"),
        ("queue_late", "Requests refused because they waited too long in the queue.", "queue_late"),
        ("breaker_opened", "Times that the circuit breaker opened.", "breaker_opened"),
        ("breaker_refused", "Requests refused by the circuit breaker.", "breaker_refused"),
    ):
        rows = [((upstream.name,), getattr(upstream, attribute)) for upstream in upstreams]
        yield counter(f"gateway_upstream_{name}", words, rows, _UPSTREAM)
    for name, words, attribute in (
        ("queued", "Requests that wait for a connection.", "queued"),
        ("panics", "Processes that use all servers because too few are healthy.", "panics"),
        ("breakers_open", "Processes whose circuit breaker is not closed.", "breakers_open"),
        ("requests_allowed", "Current limit of requests in flight; 0 is unlimited.", "allowed"),
    ):
        rows = [((upstream.name,), getattr(upstream, attribute)) for upstream in upstreams]
        yield gauge(f"gateway_upstream_{name}", words, rows, _UPSTREAM)
    yield from server_families(
        [
            (upstream.name, server)
            for upstream in upstreams
            for server in upstream.servers.copy().values()
        ]
    )
