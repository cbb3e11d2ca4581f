"""Count what the gateway does, in plain integers, and expose the counts to Prometheus."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.telemetry.families import counter, gauge
from gateway.telemetry.reports import (
    IssuerMetrics,
    MemoMetrics,
    RevocationMetrics,
    issuer_families,
    memo_families,
    revocation_families,
)
from gateway.telemetry.route_metrics import RouteMetrics, route_families

# What became of an attempt to go on with another configuration.
RELOAD_OUTCOMES = ("applied", "invalid", "needs_restart")


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
        revocations: Callable[[], Iterable[RevocationMetrics]],
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
        self.revocations = revocations
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
        yield gauge("gateway_build_info", "The running version.", [((__version__,), 1)], _VERSION)
        yield from route_families(tuple(metrics.routes))
        yield from _connection_families(metrics)
        yield from _upstream_families(tuple(metrics.upstreams.values()))
        yield from issuer_families(tuple(metrics.issuers()))
        yield from revocation_families(tuple(metrics.revocations()))
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
