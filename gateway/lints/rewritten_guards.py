"""Find routes whose rewritten paths are, for the service, those that stricter routes guard."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.lints.service_view import ServiceView, make_reading, make_view, meetings
from gateway.lints.strictness import asked_of, asks_as_much
from gateway.lints.view_index import ViewIndex
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.settings.values.rewrite import Rewrite

# Nobody counts further: thousands of routes that all become one path are all lax to each other.
MAX_MEETINGS = 100

Meeting = tuple[ServiceView, ServiceView, tuple[str, ...]]
"""A lax route, a stricter one, and the segments of a path that a server gets from both."""


def find_rewritten_guards(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route that leads to what another one guards at the same server.

    `/public/admin/x` without `/public` is `/admin/x` (GHSA-6jwx-7vp4-9847). Each route keeps to
    its rules for what is asked for; but what a service does depends on what it is sent, and on
    how it reads that: the decision knows the readings of what was asked for alone.
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
    """Yield each pair of a lax route and a stricter one with a path that a server gets from both.

    *rewrites* are by ``Route.index``, *servers* those of each upstream. Of a lax route that is
    rewritten there are at most ``MAX_MEETINGS``.
    """
    if not any(rewrites):
        return
    views = [make_view(route, rewrites[route.index]) for route in routes.routes]
    if not any(view.is_rewritten for view in views):
        return
    search, neighbours = _Search(routes, views), _Neighbours(views, servers)
    readings = [reading for view in views if (reading := make_reading(view)) is not None]
    for lax in (*views, *readings):
        count = 0
        for strict in neighbours.near(lax):
            if lax.route is strict.route or not (lax.is_rewritten or strict.is_rewritten):
                continue
            if asks_as_much(lax.route, strict.route, lax.variables, strict.variables):
                continue
            sent = search.find(lax, strict)
            if sent is not None:
                yield lax, strict, sent
                count += 1
                # One is enough to warn of it; where it is rewritten, it is warned of once.
                if count == MAX_MEETINGS and lax.is_rewritten:
                    break


class _Neighbours:
    """The views of each server: most gateways have many services, and strip a name of each."""

    def __init__(self, views: Sequence[ServiceView], servers: Mapping[str, frozenset[str]]) -> None:
        of_server: dict[str, list[ServiceView]] = {}
        for view in views:
            for server in servers[view.route.upstream]:
                of_server.setdefault(server, []).append(view)
        self._indexes = {server: ViewIndex(found, _asked) for server, found in of_server.items()}
        self._servers = {name: sorted(found) for name, found in servers.items()}

    def near(self, view: ServiceView) -> Iterable[ServiceView]:
        """Return the views at servers of *view* that are near it and ask for something else."""
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
    more = f"; so it is with {least}{len(routes) - 1} more" if len(routes) > 1 else ""
    if lax.is_reading:
        so = f"it may read that in a path with `%2F` or `;`, too, for which `{lax.route.name}`"
    else:
        so = f"so it does for {_path(lax.ask(sent))}, for which `{lax.route.name}`"
    return (
        f"`{strict.route.name}` ({strict.route.place}) guards {_path(strict.ask(sent))}, which"
        f" the service gets as {_path(sent)}; {so} does not ask for as much{more}"
    )


class _Search:
    """Looks for paths that two routes both have sent."""

    def __init__(self, routes: RouteTable, views: list[ServiceView]) -> None:
        self._routes = routes
        every = [segment for view in views for segment in (*view.asked, *view.segments)]
        literals = {segment for segment in every if isinstance(segment, str)}
        self._fresh = next("x" * size for size in range(1, 1000) if "x" * size not in literals)
        self._depth = max(len(one) for view in views for one in (view.asked, view.segments))
        listed: frozenset[str] = frozenset().union(*(view.route.methods for view in views))
        self._methods = listed | {"*"}  # whatever no route lists

    def find(self, first: ServiceView, second: ServiceView) -> tuple[str, ...] | None:
        """Return the segments of a service path that both have sent with one method, or None."""
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
                return True  # a reading without an owner is no reason to refuse
        return False


def _path(segments: tuple[str, ...]) -> str:
    return "`/" + "/".join(segments) + "`"
