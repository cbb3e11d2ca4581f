"""Find callers who reach a path of a service by a moved route, and were refused there before.

Routes are compared by what clients request. But a route that is sent to another service, or to
another path there, may reach what other routes guard: those are not its requests, but its service
cannot tell.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from urllib.parse import quote

from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.http.service_view import ServiceView, make_view, meetings
from gateway.http.view_index import ViewIndex
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.callers import Callers, mentioned
from gateway.suites.differences.compare_regions import Cell
from gateway.suites.differences.facet import Kind, Statement
from gateway.suites.differences.side import ANYBODY, Caller, Side
from gateway.suites.samples.sample_requests import METHODS
from gateway.suites.simulation.request import SimulatedRequest

MAX_MEETINGS = 100
"""How many guards are tried for each moved route; a route that is moved is told in any case."""

_MOST_SHOWN = 3  # of each moved route: a public route may reach all that a service guards


def find_unguarded(old: Side, new: Side, callers: Callers) -> Iterator[Cell]:
    """Yield a cell for each moved route and caller that *old* refused at the path at the service.

    A path that no route of *old* reaches at that server is not guarded by it. What *old* allowed
    in this way, and *new* does not, is closed.
    """
    yield from _find(old, new, callers)
    for cell in _find(new, old, callers):
        yield replace(
            cell,
            kind=Kind.CLOSED,
            old=cell.new,
            new=cell.old,
            old_cause=cell.new_cause,
            new_cause=cell.old_cause,
        )


def _find(old: Side, new: Side, callers: Callers) -> Iterator[Cell]:
    """Yield the cells of routes of *new* that reach what routes of *old* guard."""
    before, after = _views(old.loaded.settings), _views(new.loaded.settings)
    known = {(server, _shape(view)) for server, view in before}
    servers: dict[str, list[ServiceView]] = {}
    for server, view in before:
        servers.setdefault(server, []).append(view)
    moved: dict[ServiceView, list[str]] = {}
    for server, view in after:
        if (server, _shape(view)) not in known and server in servers:
            moved.setdefault(view, []).append(server)
    if not moved:
        return
    reached = {server for found in moved.values() for server in found}
    indexes = {server: ViewIndex(servers[server]) for server in reached}
    search = _Search(old, new, callers)
    for view, found in moved.items():
        near = [indexes[server] for server in found]
        yield from islice(search.find(view, near), _MOST_SHOWN)


def _shape(view: ServiceView) -> Hashable:
    """Return a value that is equal for views of the same requests at the same paths."""
    asked, sent = (
        tuple(one if isinstance(one, str) else None for one in segments)
        for segments in (view.asked, view.segments)
    )
    return asked, sent, view.is_prefix


def _views(settings: Settings) -> list[tuple[str, ServiceView]]:
    """Return the view of each route for each of its servers."""
    authorities: Mapping[str, list[str]] = {
        name: [server.authority for server in one.servers]
        for name, one in settings.upstreams.items()
    }
    found: list[tuple[str, ServiceView]] = []
    for route in settings.policy.routes.routes:
        view = make_view(route, settings.route_options[route.index].rewrite)
        found += [(authority, view) for authority in authorities[route.upstream]]
    return found


class _Search:
    """Decides whom a moved route lets reach the paths that other routes guarded."""

    def __init__(self, old: Side, new: Side, callers: Callers) -> None:
        self._old = old
        self._new = new
        self._callers = callers
        literals = {
            segment
            for side in (old, new)
            for _, view in _views(side.loaded.settings)
            for segment in (*view.asked, *view.segments)
        }
        self._fresh = next(
            "some" * size for size in range(1, 1000) if "some" * size not in literals
        )

    def find(self, view: ServiceView, indexes: Sequence[ViewIndex]) -> Iterator[Cell]:
        """Yield the cells of one moved route; *indexes* are the old views at its servers."""
        tried: set[tuple[str, ...]] = set()
        for index in indexes:
            guards = (one for one in index.near(view) if not one.route.public)
            for guard in islice(guards, MAX_MEETINGS):
                # The shortest path that both have; what is below it is treated alike.
                path = next(meetings(view, guard, self._fresh, 0), None)
                if path is not None and path not in tried:
                    tried.add(path)
                    asked = replace(view, segments=path, is_prefix=False)
                    yield from self._compare(view, path, list(index.near(asked)))

    def _compare(
        self, view: ServiceView, path: tuple[str, ...], guards: Sequence[ServiceView]
    ) -> Iterator[Cell]:
        for method in sorted(view.route.methods) or METHODS:
            request = self._request(self._new, view, path, method)
            found = (self._request(self._old, guard, path, method) for guard in guards)
            asked = [one for one in found if one is not None]
            if request is None or not asked:
                continue
            cell = self._decide(view.route, request, asked, path)
            if cell is not None:
                yield cell
                return

    def _decide(
        self,
        route: Route,
        request: SimulatedRequest,
        guarded: Sequence[SimulatedRequest],
        path: tuple[str, ...],
    ) -> Cell | None:
        second = ANYBODY if self._new.requires_second(request) else None
        scopes = sorted(mentioned(route, self._new.loaded.settings.policy))
        every = (*self._callers.with_scopes(scopes), *self._callers.meeting(request))

        def gets_in(caller: Caller) -> bool:
            return self._new.ask(caller, request, second).is_allowed and not any(
                self._old.ask(caller, one, second).is_allowed for one in guarded
            )

        opened = [caller for caller in every if gets_in(caller)]
        if not opened:
            return None
        first = opened[0]
        cause = self._old.explain(first, guarded[0], second)
        text = f"{guarded[0].line}, which the service receives as {_show(path)}: {cause.text}"
        return Cell(
            Kind.OPENED,
            request,
            tuple(caller.name for caller in opened),
            self._old.ask(first, guarded[0], second),
            self._new.ask(first, request, second),
            Statement(text, cause.place),
            self._new.explain(first, request, second),
        )

    def _request(
        self, side: Side, view: ServiceView, path: tuple[str, ...], method: str
    ) -> SimulatedRequest | None:
        """Return the request whose *path* its service receives; None if another route owns it."""
        target = "/" + "/".join(quote(one, safe="!$&'()*+,=:@~") for one in view.ask(path))
        for name in view.route.hosts or ("some.example",):
            authority = f"{self._fresh}{name[1:]}" if name.startswith("*") else name
            host = canonical_host(authority.encode())
            if host is None:
                continue
            request = SimulatedRequest(method, authority, host, target.encode("ascii"))
            match = side.find(request)
            if isinstance(match, Match) and match.route is view.route:
                return request
        return None


def _show(path: tuple[str, ...]) -> str:
    return "/" + "/".join(path)
