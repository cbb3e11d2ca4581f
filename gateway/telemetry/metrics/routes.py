"""Count the outcomes of requests by route, and expose them to Prometheus."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric

from gateway.decision.reason import Reason
from gateway.telemetry.metrics.counters import add_counts
from gateway.telemetry.metrics.families import counter, histogram
from gateway.telemetry.metrics.response_times import DURATION_BOUNDS, ResponseTimes


class RouteMetrics:
    """The outcomes of the requests of one route; *name* is empty for "no route".

    For each request either ``allowed += 1`` or ``refuse`` once it is decided, and
    ``times.observe`` once it has a response; also ``report`` for a refusal in report mode.
    *streams_expired* were ended with their token. For the event loop's thread alone.
    """

    __slots__ = ("allowed", "name", "refused", "streams_expired", "times", "would_deny")

    def __init__(self, name: str) -> None:
        self.name = name
        self.allowed = 0
        self.refused: dict[str, int] = {}  # by reason code
        self.times = ResponseTimes()
        self.streams_expired = 0
        self.would_deny: dict[str, int] = {}  # by reason code

    def add(self, other: "RouteMetrics") -> None:
        """Add the counts of *other*."""
        self.allowed += other.allowed
        self.streams_expired += other.streams_expired
        add_counts(self.refused, other.refused)
        add_counts(self.would_deny, other.would_deny)
        self.times.add(other.times)

    def refuse(self, reason: Reason) -> None:
        """Count one refusal."""
        code = reason.code
        self.refused[code] = self.refused.get(code, 0) + 1

    def report(self, reason: Reason) -> None:
        """Count one refusal in report mode."""
        code = reason.code
        self.would_deny[code] = self.would_deny.get(code, 0) + 1

    def observe_refusal(self, method: str, reason: Reason, seconds: float) -> None:
        """Count one refusal and its response: ``refuse`` and ``times.observe`` in one call."""
        code = reason.code
        refused = self.refused
        refused[code] = refused.get(code, 0) + 1
        self.times.observe(method, reason.status, seconds)


def route_families(routes: Sequence[RouteMetrics]) -> Iterator[Metric]:
    """Yield the families about requests, by route."""
    yield histogram(
        "http_server_request_duration_seconds",
        "Time from the end of a request's head to the end of its response.",
        _duration_rows(routes),
        ("http_route", "http_request_method", "http_response_status_code"),
        DURATION_BOUNDS,
    )
    yield counter(
        "gateway_decisions",
        "Requests by decision.",
        _decision_rows(routes),
        ("route", "reason"),
    )
    yield counter(
        "gateway_would_deny",
        "Requests that only report mode allowed, by the reason of the refusal.",
        _would_deny_rows(routes),
        ("route", "reason"),
    )
    yield counter(
        "gateway_streams_expired",
        "Tunnels and event streams ended with the token that allowed them.",
        [((route.name,), route.streams_expired) for route in routes if route.streams_expired],
        ("route",),
    )


def _duration_rows(
    routes: Iterable[RouteMetrics],
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...], float]]:
    for route in routes:
        for method, status, times in route.times.rows():
            yield (route.name, method, status), tuple(times.counts), times.total


def _decision_rows(routes: Iterable[RouteMetrics]) -> Iterator[tuple[tuple[str, str], int]]:
    for route in routes:
        if route.allowed:
            yield (route.name, "allow"), route.allowed
        for code, count in sorted(route.refused.copy().items()):
            yield (route.name, code), count


def _would_deny_rows(routes: Iterable[RouteMetrics]) -> Iterator[tuple[tuple[str, str], int]]:
    for route in routes:
        for code, count in sorted(route.would_deny.copy().items()):
            yield (route.name, code), count
