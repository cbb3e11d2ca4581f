"""Count what the gateway does, in plain integers, and expose the counts to Prometheus."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.decision.reason import Reason
from gateway.telemetry.families import counter, gauge, histogram
from gateway.telemetry.reports import IssuerMetrics, MemoMetrics, issuer_families, memo_families

# OpenTelemetry's advice for http.server.request.duration, in seconds.
DURATION_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

# What became of an attempt to go on with another configuration.
RELOAD_OUTCOMES = ("applied", "invalid", "needs_restart")

_OTHER_STATUS = 0


class _Durations:
    """How long answers of one status took: a count for each bucket, and the sum in seconds."""

    __slots__ = ("counts", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS) + 1)
        self.total_seconds = 0.0


class RouteMetrics:
    """What became of the requests of one route; *name* is empty for "no route".

    For each request either ``allowed += 1`` or ``refuse``, once it is decided, and
    ``observe`` once it is answered. *streams_expired* outlasted their token, and were ended.
    For the event loop's thread alone.
    """

    __slots__ = ("allowed", "durations", "name", "refused", "streams_expired")

    def __init__(self, name: str) -> None:
        self.name = name
        self.allowed = 0
        self.refused: dict[str, int] = {}  # by reason code
        self.durations: dict[int, _Durations] = {}  # by status code
        self.streams_expired = 0

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer of *status* that was finished after *seconds*."""
        durations = self.durations.get(status) or self._durations_of(status)
        durations.counts[bisect_left(DURATION_BOUNDS, seconds)] += 1
        durations.total_seconds += seconds

    def refuse(self, reason: Reason) -> None:
        """Count one refusal."""
        code = reason.code
        self.refused[code] = self.refused.get(code, 0) + 1

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


class UpstreamMetrics:
    """Connections to one upstream: *opened*, and *reused* for a further request."""

    __slots__ = ("name", "opened", "reused")

    def __init__(self, name: str) -> None:
        self.name = name
        self.opened = 0
        self.reused = 0


class Metrics:
    """All counts of one process, as plain attributes; ``expose`` is the only costly part.

    *routes* is indexed by ``Route.index``, with one more at the end, *no_route*. *issuers*,
    *memo* and *log_dropped* are asked at each exposition, possibly from another thread.
    """

    def __init__(
        self,
        *,
        issuers: Callable[[], Iterable[IssuerMetrics]],
        memo: Callable[[], MemoMetrics],
        log_dropped: Callable[[], int],
    ) -> None:
        self.no_route = RouteMetrics("")
        self.routes: list[RouteMetrics] = [self.no_route]
        self.upstreams: dict[str, UpstreamMetrics] = {}
        self.connections_open = 0
        self.connections_total = 0
        self.connections_refused = 0
        self.requests_in_flight = 0
        self.tunnels_open = 0
        self.reloads = dict.fromkeys(RELOAD_OUTCOMES, 0)
        self.issuers = issuers
        self.memo = memo
        self.log_dropped = log_dropped
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self))
        ProcessCollector(registry=self._registry)

    def use(self, route_names: Sequence[str], upstream_names: Sequence[str]) -> None:
        """Count for these routes, in the order of ``Route.index``, and these upstreams.

        Names that were there before keep their counts, so that a reload resets nothing.
        """
        routes = {route.name: route for route in self.routes}
        upstreams = self.upstreams
        self.routes = [routes.get(name) or RouteMetrics(name) for name in route_names]
        self.routes.append(self.no_route)
        self.upstreams = {
            name: upstreams.get(name) or UpstreamMetrics(name) for name in upstream_names
        }

    def expose(self) -> bytes:
        """Return everything in Prometheus' text format; safe to call from another thread."""
        return generate_latest(self._registry)


class _Families(Collector):
    """Reads the counts when Prometheus asks, so that counting costs no more than an addition.

    Every dict that the event loop may grow is copied first, which is atomic in CPython.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterator[Metric]:
        """Name nothing, so that registering does not ask for counts before there are any."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield every family of ``docs/metrics.md`` but those of the process."""
        metrics = self._metrics
        routes = metrics.routes
        yield gauge("gateway_build_info", "The running version.", [((__version__,), 1)], _VERSION)
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
            "gateway_streams_expired",
            "Tunnels and event streams ended with the token that allowed them.",
            [((route.name,), route.streams_expired) for route in routes if route.streams_expired],
            ("route",),
        )
        yield from _connection_families(metrics)
        yield from _upstream_families(tuple(metrics.upstreams.values()))
        yield from issuer_families(tuple(metrics.issuers()))
        yield from memo_families(metrics.memo())
        yield counter(
            "gateway_access_log_dropped",
            "Access log lines that were lost.",
            [((), metrics.log_dropped())],
        )
        yield counter(
            "gateway_config_reloads",
            "Attempts to go on with another configuration, by what became of them.",
            [((outcome,), count) for outcome, count in metrics.reloads.items()],
            ("outcome",),
        )


_VERSION = ("version",)
_UPSTREAM = ("upstream",)


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


def _connection_families(metrics: Metrics) -> Iterator[Metric]:
    for name, words, value in (
        ("http_server_active_requests", "Requests in flight.", metrics.requests_in_flight),
        ("gateway_connections_open", "Client connections now open.", metrics.connections_open),
        ("gateway_tunnels_open", "Upgraded connections now open.", metrics.tunnels_open),
    ):
        yield gauge(name, words, [((), value)])
    for name, words, value in (
        ("gateway_connections", "Client connections accepted.", metrics.connections_total),
        (
            "gateway_connections_refused",
            "Client connections closed at once, for there were too many.",
            metrics.connections_refused,
        ),
    ):
        yield counter(name, words, [((), value)])


def _upstream_families(upstreams: Sequence[UpstreamMetrics]) -> Iterator[Metric]:
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
