"""Find what was counted together and is counted apart: each part may have as many again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.decision.routes.routing import Route
from gateway.settings.values.configuration import Settings
from gateway.settings.values.rates import PartKind
from gateway.suites.differences.compare_routes import RouteFacets, find_heirs
from gateway.suites.differences.facet import Change, Kind, Kinds, Statement
from gateway.suites.differences.route_facets import show_server

_LOOSENED: Kinds = frozenset({Kind.LOOSENED})
_REQUESTS = ("limits", "requests")


def find_divided(
    old: RouteFacets, new: RouteFacets, owners: Iterable[tuple[str, str]]
) -> Iterator[Change]:
    """Yield each limit that is counted apart from now on, for routes and for servers.

    *owners* are the names of an old and a new route that own some request, in its turn. If the
    requests of one route pass to several, each of these counts for itself what is limited for each
    route. If a server is reached by several upstreams, each has connections of its own.
    """
    yield from _of_routes(old, new, owners)
    yield from _of_servers(old, new)


def _of_routes(
    old: RouteFacets, new: RouteFacets, owners: Iterable[tuple[str, str]]
) -> Iterator[Change]:
    parts: dict[str, dict[str, None]] = {}
    for before, after in owners:
        parts.setdefault(before, {})[after] = None
    for name, before in find_heirs(old, new).items():
        if before in parts:
            # It comes first: the others have taken their requests from it.
            parts[before] = {name: None, **parts[before]}
    for before, names in parts.items():
        if len(names) > 1:
            yield from _of_rates(before, list(names), old, new)
            yield from _of_requests(before, list(names), old, new)


def _of_rates(
    before: str, names: Sequence[str], old: RouteFacets, new: RouteFacets
) -> Iterator[Change]:
    for limit in _limits(old, before):
        counting = [name for name in names if _counts_by_route(limit, _limits(new, name))]
        for name in counting[1:]:
            yield _change(before, name, ("rate_limits",), limit, old, new)


def _limits(side: RouteFacets, name: str) -> Mapping[str, bool]:
    """Return the rate limits of the route *name*, each with whether it counts by route."""
    limits = side.loaded.settings.rate_limiting.routes[side.route(name).index]
    return {one.name: any(part.kind is PartKind.ROUTE for part in one.key) for one in limits}


def _counts_by_route(limit: str, limits: Mapping[str, bool]) -> bool:
    return limits.get(limit, False)


def _of_requests(
    before: str, names: Sequence[str], old: RouteFacets, new: RouteFacets
) -> Iterator[Change]:
    most = _requests(old, before)
    parts = {name: each for name in names if (each := _requests(new, name)) is not None}
    # A route without a limit is reported as such.
    if most is None or sum(parts.values()) <= most:
        return
    for name in list(parts)[1:]:
        yield _change(before, name, _REQUESTS, str(parts[name]), old, new)


def _requests(side: RouteFacets, name: str) -> int | None:
    return side.loaded.settings.route_options[side.route(name).index].requests


def _change(  # noqa: PLR0913, PLR0917 - one limit of two routes
    before: str,
    name: str,
    keys: tuple[str, ...],
    limit: str,
    old: RouteFacets,
    new: RouteFacets,
) -> Change:
    was = Statement(
        f"{limit}, counted together in the route {before}",
        old.loaded.places.of_route(before, *keys),
    )
    becomes = Statement(
        f"{limit}, counted apart in the route {name}", new.loaded.places.of_route(name, *keys)
    )
    return Change("route", name, ".".join(keys), was, becomes, _LOOSENED)


def _of_servers(old: RouteFacets, new: RouteFacets) -> Iterator[Change]:
    was, becomes = (_connections(side.loaded.settings, _routes(side)) for side in (old, new))
    for server, limits in becomes.items():
        before = was.get(server)
        if before is None or None in before.values() or None in limits.values():
            continue  # reported as a limit of the upstream
        totals = [sum(one or 0 for one in each.values()) for each in (before, limits)]
        if totals[1] > totals[0] and len(limits) > len(before):
            own = min(limits.keys() - before.keys())
            yield Change(
                "upstream",
                own,
                "max_connections",
                Statement(_show(server, before), old.loaded.places.of_upstream(min(before))),
                Statement(_show(server, limits), new.loaded.places.of_upstream(own)),
                _LOOSENED,
            )


def _routes(side: RouteFacets) -> Iterable[Route]:
    return (side.route(name) for name in side)


def _connections(
    settings: Settings, routes: Iterable[Route]
) -> Mapping[str, Mapping[str, int | None]]:
    """Return how many connections each server may get, by the name of the upstream."""
    found: dict[str, dict[str, int | None]] = {}
    for name in {route.upstream for route in routes}:
        upstream = settings.upstreams[name]
        for server in upstream.servers:
            found.setdefault(show_server(server), {})[name] = upstream.balancing.max_connections
    return found


def _show(server: str, limits: Mapping[str, int | None]) -> str:
    total = sum(one or 0 for one in limits.values())
    return f"{total} to {server}, by {' and '.join(sorted(limits))}"
