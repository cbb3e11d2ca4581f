"""Warn about rewritten paths that reach, at the service, what stricter routes guard."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.http.service_view import ServiceView, make_reading, make_view, meetings
from gateway.http.view_index import ViewIndex
from gateway.lints.strictness import asked_of, asks_as_much
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.settings.values.rewrite import Rewrite

# Enough for a message: thousands of routes that become one path are all lax to each other.
MAX_MEETINGS = 10

Meeting = tuple[ServiceView, ServiceView, tuple[str, ...]]
"""A lax route, a stricter one, and the segments of a path that a server receives from both."""


def find_rewritten_guards(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route that reaches what another one guards at the same server.

    `/public/admin/x` without `/public` is `/admin/x` (GHSA-6jwx-7vp4-9847). Routes apply their
    rules to the requested path, but a service acts on the path that it receives, and on how it
    reads that; the decision considers only readings of the requested path.
    """
    servers = {
        name: frozenset(server.authority for server in upstream.servers)
        for name, upstream in settings.upstreams.items()
    }
    rewrites = [options.rewrite for options in settings.route_options]
    by_owner: dict[Route, list[Meeting]] = {}
    for meeting in find_meetings(settings.policy.routes, rewrites, servers):
        lax, strict, _ = meeting
        owner = lax if lax.is_rewritten else strict
        by_owner.setdefault(owner.route, []).append(meeting)
    for route, found in by_owner.items():
        part = places.route(route.name).child("rewrite")
        yield part.key_warning(Code.GUARD_REWRITTEN, _message(route, found))


def find_meetings(
    routes: RouteTable,
    rewrites: Sequence[Rewrite | None],
    servers: Mapping[str, frozenset[str]],
) -> Iterator[Meeting]:
    """Yield each lax route and stricter route with a path that a server receives from both.

    *rewrites* are by ``Route.index``, *servers* by upstream. A route that is rewritten yields at
    most ``MAX_MEETINGS``.
    """
    if not any(rewrites):
        return
    views = [make_view(route, rewrites[route.index]) for route in routes.routes]
    if not any(view.is_rewritten for view in views):
        return
    search, neighbours = _Search(routes, views), _Neighbours(views, servers)
    readings = [reading for view in views if (reading := make_reading(view)) is not None]
    rewritten = [view for view in views if view.is_rewritten]
    for view in (*rewritten, *readings):
        found = _meet(view, neighbours, search)
        # One is enough for a warning; a rewritten route gets only one.
        yield from islice(found, MAX_MEETINGS) if view.is_rewritten else found


def _meet(view: ServiceView, neighbours: "_Neighbours", search: "_Search") -> Iterator[Meeting]:
    """Yield the meetings of *view* with others; one of both is rewritten."""
    for other in neighbours.near(view):
        if view.route is other.route or not (view.is_rewritten or other.is_rewritten):
            continue
        # One that is rewritten itself has its own turn to be the lax one.
        is_lax_too = not (other.is_rewritten or view.is_reading)
        pairs = ((view, other), (other, view)) if is_lax_too else ((view, other),)
        for lax, strict in pairs:
            if asks_as_much(lax.route, strict.route, lax.variables, strict.variables):
                continue
            sent = search.find(lax, strict)
            if sent is not None:
                yield lax, strict, sent


class _Neighbours:
    """The views by server: most gateways have many services and strip a prefix for each."""

    def __init__(self, views: Sequence[ServiceView], servers: Mapping[str, frozenset[str]]) -> None:
        of_server: dict[str, list[ServiceView]] = {}
        for view in views:
            for server in servers[view.route.upstream]:
                of_server.setdefault(server, []).append(view)
        self._indexes = {server: ViewIndex(found, _asked) for server, found in of_server.items()}
        self._servers = {name: sorted(found) for name, found in servers.items()}

    def near(self, view: ServiceView) -> Iterable[ServiceView]:
        """Return the views at servers of *view* that are near it and require something else."""
        indexes = [self._indexes[server] for server in self._servers[view.route.upstream]]
        same = _asked(view)
        if len(indexes) == 1:
            return indexes[0].near(view, same)
        return dict.fromkeys(found for index in indexes for found in index.near(view, same))


def _asked(view: ServiceView) -> Hashable:
    return asked_of(view.route, view.variables)


def _message(route: Route, meetings: list[Meeting]) -> str:
    lax, strict, sent = meetings[0]
    routes = {one.route for meeting in meetings for one in meeting[:2]} - {route}
    least = "at least " * (len(meetings) >= MAX_MEETINGS)
    more = f"; the same holds for {least}{len(routes) - 1} more" if len(routes) > 1 else ""
    if lax.is_reading:
        so = "it may read the same in a path with `%2F` or `;`"
    else:
        so = f"it receives the same for {_path(lax.ask(sent))}"
    return (
        f"`{strict.route.name}` ({strict.route.place}) guards {_path(strict.ask(sent))}, which"
        f" the service receives as {_path(sent)}; {so}, where `{lax.route.name}` requires"
        f" less{more}"
    )


class _Search:
    """Searches for service paths that two routes share."""

    def __init__(self, routes: RouteTable, views: list[ServiceView]) -> None:
        self._routes = routes
        every = [segment for view in views for segment in (*view.asked, *view.segments)]
        literals = {segment for segment in every if isinstance(segment, str)}
        self._fresh = next("x" * size for size in range(1, 1000) if "x" * size not in literals)
        self._depth = max(len(one) for view in views for one in (view.asked, view.segments))
        listed: frozenset[str] = frozenset().union(*(view.route.methods for view in views))
        self._methods = listed | {"*"}  # whatever no route lists

    def find(self, first: ServiceView, second: ServiceView) -> tuple[str, ...] | None:
        """Return the segments of a service path that both send with one method, or None."""
        methods = self._of(first.route) & self._of(second.route)
        if not methods:
            return None
        for sent in meetings(first, second, self._fresh, self._depth + 1):
            for method in sorted(methods):
                if self._owns(first, sent, method) and self._owns(second, sent, method):
                    return sent
        return None

    def _of(self, route: Route) -> frozenset[str]:
        return route.methods or self._methods

    def _owns(self, view: ServiceView, sent: tuple[str, ...], method: str) -> bool:
        for host in view.route.hosts or ("",):
            name = f"{self._fresh}{host[1:]}" if host.startswith("*") else host
            match = self._routes.find(name, view.ask(sent), method)
            if isinstance(match, Match):
                if match.route is view.route:
                    return True
            elif view.is_reading and not match.methods:
                return True  # no route owns this reading, so the decision would not refuse it
        return False


def _path(segments: tuple[str, ...]) -> str:
    return "`/" + "/".join(segments) + "`"
