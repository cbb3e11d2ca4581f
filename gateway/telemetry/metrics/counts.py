"""Count what the gateway does, in plain integers that can be summed over processes."""

from collections.abc import Sequence

from gateway.telemetry.metrics.counters import add_counts
from gateway.telemetry.metrics.load import LoadMetrics
from gateway.telemetry.metrics.routes import RouteMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

# Current values, in contrast to totals.
_GAUGES = (
    "connections_limit",
    "connections_open",
    "memo_entries",
    "rate_limits_without_redis",
    "requests_in_flight",
    "tunnels_open",
)


class Metrics:
    """All counts of one process, or of several together; plain data that can be pickled.

    *routes* is indexed by ``Route.index``, with one more at the end, *no_route*. Those of the
    memo, the log and *requests_in_flight* are updated on request (``DataPlane.counts``).
    """

    def __init__(self) -> None:
        self.no_route = RouteMetrics("")
        self.routes: list[RouteMetrics] = [self.no_route]
        self.upstreams: dict[str, UpstreamMetrics] = {}
        self.load = LoadMetrics()
        self.connections_limit = 0
        self.connections_open = 0
        self.connections_total = 0
        self.connections_refused = 0
        self.connections_refused_by_address = 0
        self.http2_connections = 0
        self.http2_streams_refused = 0
        self.http2_ended = {"calm": 0}  # by the cause
        self.requests_in_flight = 0
        self.tunnels_open = 0
        self.memo_hits = 0
        self.memo_misses = 0
        self.memo_entries = 0
        self.log_dropped = 0
        self.rate_limited: dict[str, int] = {}  # by the name of the limit that refused
        self.rate_limit_failures = 0
        self.shed: dict[str, int] = {}  # by the kind of the limit that was reached
        self.rate_limits_without_redis = 0  # processes that count without it
        self.sessions_cached = 0
        self.sessions_found = 0
        self.sessions_missing = 0
        self.sessions_unavailable = 0
        self.spans_exported = 0
        self.spans_dropped_full = 0
        self.spans_dropped_collector = 0

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

    def settle(self) -> None:
        """Keep only the totals: the process is gone, and has nothing open."""
        for name in _GAUGES:
            setattr(self, name, 0)
        for upstream in self.upstreams.values():
            upstream.settle()

    def add(self, other: "Metrics") -> None:
        """Add the counts of *other*, for the routes and upstreams that are in use here."""
        for name, value in vars(other).items():
            if isinstance(value, int):
                setattr(self, name, getattr(self, name) + value)
        self.load.add(other.load)
        add_counts(self.rate_limited, other.rate_limited)
        add_counts(self.shed, other.shed)
        add_counts(self.http2_ended, other.http2_ended)
        routes = {route.name: route for route in self.routes}
        for route in other.routes:
            if route.name in routes:
                routes[route.name].add(route)
        for name, upstream in other.upstreams.items():
            if name in self.upstreams:
                self.upstreams[name].add(upstream)
