"""Have an entrance to each route whose requests under way are limited."""

from collections.abc import Mapping

from gateway.limits.adaptive import AdaptivePlaces
from gateway.limits.places import Places
from gateway.proxy.concurrency.entrance import GATEWAY, ROUTE, SERVICE, Entrance
from gateway.proxy.concurrency.limiting import RouteLimits
from gateway.proxy.port import Port
from gateway.settings.values.configuration import Settings
from gateway.settings.values.route_options import Priority
from gateway.telemetry.metrics.counts import Metrics

Kept = Mapping[tuple[str, str], Places]
"""The places of each limit, by its kind and name."""


def guard_routes(port: Port, settings: Settings, former: Kept, metrics: Metrics) -> Kept:
    """Have an entrance where *settings* limit how many requests are under way.

    The places of *former*, before a reload, stay those of the same limit.
    """
    guarding = _Guarding(former)
    route_options, routes = settings.route_options, settings.policy.routes.routes
    every = {options.priority for options in route_options}
    common = guarding.keep(GATEWAY, "", settings.limits.requests, every)
    services = {}
    for name, upstream in settings.upstreams.items():
        used = {route_options[one.index].priority for one in routes if one.upstream == name}
        services[name] = guarding.keep_service(name, upstream.balancing.target_seconds, used)
    for route in routes:
        options, state = route_options[route.index], port.routes[route.index]
        own = guarding.keep(ROUTE, route.name, options.requests, {options.priority})
        places = common | own | services[route.upstream]
        if places:
            limits = state.limits
            assert limits is None or isinstance(limits, RouteLimits)  # noqa: S101 - for mypy
            state.limits = Entrance(places, options.priority, limits, metrics)
    return guarding.kept


class _Guarding:
    """Keeps the places that go on, and makes those that are new."""

    def __init__(self, former: Kept) -> None:
        self._former = former
        self.kept: dict[tuple[str, str], Places] = {}

    def keep(
        self, kind: str, name: str, limit: int | None, used: set[Priority]
    ) -> dict[str, Places]:
        """Return the places of a limit by its kind; of none, nothing."""
        if limit is None:
            return {}
        places = self._former.get((kind, name)) or Places(limit)
        places.use(limit, used)
        self.kept[kind, name] = places
        return {kind: places}

    def keep_service(
        self, name: str, target_seconds: float | None, used: set[Priority]
    ) -> dict[str, Places]:
        """Return the places of a service that is to answer in *target_seconds*."""
        if target_seconds is None:
            return {}
        known = self._former.get((SERVICE, name))
        places = known if isinstance(known, AdaptivePlaces) else AdaptivePlaces(target_seconds)
        places.aim(target_seconds, used)
        self.kept[SERVICE, name] = places
        return {SERVICE: places}


def report_places(kept: Kept, metrics: Metrics) -> None:
    """Write down how many requests each service is given at one time."""
    for (_, name), places in kept.items():
        if isinstance(places, AdaptivePlaces) and name in metrics.upstreams:
            metrics.upstreams[name].allowed = places.limit
