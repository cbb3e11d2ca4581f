"""Count what becomes of the requests of each route, and show the counts to Prometheus."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric

from gateway.decision.reason import Reason
from gateway.telemetry.families import counter, histogram

# OpenTelemetry's advice for http.server.request.duration, in seconds.
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_OTHER_STATUS = 0


class _Durations:
    """How long answers of one status took: a count for each bucket, and the sum in seconds."""

    __slots__ = ("counts", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS) + 1)
        self.total_seconds = 0.0

    def add(self, other: "_Durations") -> None:
        """Count what *other* counted, too."""
        self.counts = [
            ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.total_seconds += other.total_seconds


class RouteMetrics:
    """What became of the requests of one route; *name* is empty for "no route".

    For each request either ``allowed += 1`` or ``refuse``, once it is decided, and
    ``observe`` once it is answered. Where a refusal for its token was only reported, ``report``
    too. *streams_expired* outlasted their token, and were ended. For the event loop's thread
    alone.
    """

    __slots__ = ("allowed", "durations", "name", "refused", "streams_expired", "would_deny")

    def __init__(self, name: str) -> None:
        self.name = name
        self.allowed = 0
        self.refused: dict[str, int] = {}  # by reason code
        self.durations: dict[int, _Durations] = {}  # by status code
        self.streams_expired = 0
        self.would_deny: dict[str, int] = {}  # by reason code

    def add(self, other: "RouteMetrics") -> None:
        """Count what *other* counted, too."""
        self.allowed += other.allowed
        self.streams_expired += other.streams_expired
        for ours, theirs in (
            (self.refused, other.refused),
            (self.would_deny, other.would_deny),
        ):
            for code, count in theirs.items():
                ours[code] = ours.get(code, 0) + count
        for status, durations in other.durations.items():
            self._durations_of(status).add(durations)

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer of *status* that was finished after *seconds*."""
        durations = self.durations.get(status) or self._durations_of(status)
        durations.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        durations.total_seconds += seconds

    def refuse(self, reason: Reason) -> None:
        """Count one refusal."""
        code = reason.code
        self.refused[code] = self.refused.get(code, 0) + 1

    def report(self, reason: Reason) -> None:
        """Count one refusal that was only reported."""
        code = reason.code
        self.would_deny[code] = self.would_deny.get(code, 0) + 1

    def answer_refusal(self, reason: Reason, seconds: float) -> None:
        """Count one refusal, and its answer: ``refuse`` with ``observe``, in one call."""
        code = reason.code
        refused = self.refused
        refused[code] = refused.get(code, 0) + 1
        status = reason.status
        durations = self.durations.get(status) or self._durations_of(status)
        durations.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        durations.total_seconds += seconds

    def _durations_of(self, status: int) -> _Durations:
        # A service may answer any number; labels must stay few whatever it answers.
        known = status if 100 <= status <= 599 else _OTHER_STATUS
        return self.durations.setdefault(known, _Durations())


def route_families(routes: Sequence[RouteMetrics]) -> Iterator[Metric]:
    """Yield the families about requests, by route."""
    yield histogram(
        "http_server_request_duration_seconds",
        "Time from the first byte of a request to the last byte of its answer.",
        _duration_rows(routes),
        ("http_route", "http_response_status_code"),
        DURATION_BOUNDS,
    )
    yield counter(
        "gateway_decisions",
        "Requests by what was decided about them.",
        _decision_rows(routes),
        ("route", "reason"),
    )
    yield counter(
        "gateway_would_deny",
        "Requests whose refusal for their token was only reported.",
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
) -> Iterator[tuple[tuple[str, str], tuple[int, ...], float]]:
    for route in routes:
        for status, durations in sorted(route.durations.copy().items()):
            label = "other" if status == _OTHER_STATUS else str(status)
            yield (route.name, label), tuple(durations.counts), durations.total_seconds


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
