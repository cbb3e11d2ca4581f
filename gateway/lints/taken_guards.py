"""Warn about routes of included files that open what routes of other files guard."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.decision.routes.template import Variable
from gateway.http.service_view import ServiceView, make_view, meetings
from gateway.http.view_index import ViewIndex
from gateway.lints.nesting import hosts_around
from gateway.settings.text.document import Document
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places


def find_taken_guards(table: RouteTable, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route of an included file that opens what another file guards.

    Such a route needs no token, or accepts those of an issuer that its own file declares. Within
    one file, an exception was made by its author; between files it was made by somebody else.
    Files that `include` restricts were given what they own; and a guard of every path on every
    host is a fallback for what no other route owns.
    """
    own = _own_issuers(places)
    taking = [route for route in table.routes if _may_take(route, own, places)]
    if not taking:
        return
    search = _Search(table, places)
    for route in taking:
        issuers = own.get(places.route(route.name).document, frozenset())
        if route.issuers is not None:
            issuers &= route.issuers
        for guard, host in search.guards(route):
            if _is_everything(guard) and not guard.hosts and not _is_everything(route):
                continue
            strange = frozenset() if guard.issuers is None else issuers - guard.issuers
            if strange or not _is_guarded(route):
                yield _warn(route, guard, host, strange, places)
                break


def _own_issuers(places: Places) -> Mapping[Document, frozenset[str]]:
    """Return the names of the issuers that each included file declares."""
    found: dict[Document, frozenset[str]] = {}
    for document in places.documents:
        root = document.root
        if document.include is not None and isinstance(root, dict):
            found[document] = frozenset(root.get("issuers") or ())
    return found


def _may_take(route: Route, own: Mapping[Document, frozenset[str]], places: Places) -> bool:
    document = places.route(route.name).document
    include = document.include
    return (
        include is not None
        and include.hosts is None
        and include.under is None
        and (bool(own[document]) or not _is_guarded(route))
    )


def _warn(route: Route, guard: Route, host: str, strange: frozenset[str], places: Places) -> Fault:
    part, where = places.route(route.name), f" on {host}" if host else ""
    if _is_guarded(route):
        at, what = part.child("require"), f"accepts tokens of `{min(strange)}`, of its own file"
    else:
        at = part.child("public") if route.public else part.child("require").child("optional")
        what = "needs no token"
    message = (
        f"`{route.name}` {what}, and serves a part of what `{guard.name}` ({guard.place})"
        f" guards{where}: restrict its file with `hosts` or `under` in `include`"
    )
    return at.key_warning(Code.GUARD_OPENED, message)


def _is_guarded(route: Route) -> bool:
    return not route.public and not route.optional


def _is_everything(route: Route) -> bool:
    return route.is_prefix and route.path == "/"


class _Search:
    """Searches for guards of other files that would own requests of a route if it were absent."""

    def __init__(self, table: RouteTable, places: Places) -> None:
        self._table, self._places = table, places
        self._views = [make_view(route, None) for route in table.routes]
        literals = {one for view in self._views for one in view.segments if isinstance(one, str)}
        self._fresh = next("x" * size for size in range(1, 1000) if "x" * size not in literals)
        self._depth = max(len(view.segments) for view in self._views) + 1
        listed: frozenset[str] = frozenset().union(*(route.methods for route in table.routes))
        self._methods = listed | {"*"}  # "*" stands for methods that no route lists
        self._every = self._index(self._views)
        self._guards = self._index(view for view in self._views if _is_guarded(view.route))

    def _index(self, views: Iterable[ServiceView]) -> Mapping[str, ViewIndex]:
        of_host: dict[str, list[ServiceView]] = {}
        for view in views:
            for host in view.route.hosts or ("",):
                of_host.setdefault(host, []).append(view)
        return {host: ViewIndex(found, self._document) for host, found in of_host.items()}

    def guards(self, route: Route) -> Iterator[tuple[Route, str]]:
        """Yield each guard in another file, and the host where it would own requests of *route*."""
        own = self._views[route.index]
        document, rank = self._document(own), _rank(own)
        for host in route.hosts or ("",):
            for around in hosts_around(host, self._guards):
                for view in self._guards[around].near(own, document):
                    if around == host and _rank(view) < rank:
                        continue  # the guard already owns all that both share
                    guard = self._find(own, view, host)
                    if guard is not None:
                        yield guard, host

    def _find(self, own: ServiceView, other: ServiceView, host: str) -> Route | None:
        """Return the guard that would own a request that *own* and *other* share, or None."""
        name = f"{self._fresh}{host[1:]}" if host.startswith("*") else host
        methods = sorted(self._of(own.route) & self._of(other.route))
        for path in meetings(own, other, self._fresh, self._depth):
            for method in methods:
                found = self._table.find(name, path, method)
                if isinstance(found, Match) and found.route is own.route:
                    owner = self._owner_else(own, host, path, method)
                    if owner is not None and _is_guarded(owner):
                        return owner
        return None

    def _owner_else(
        self, own: ServiceView, host: str, path: tuple[str, ...], method: str
    ) -> Route | None:
        """Return the route that would own a request without the file of *own*."""
        asked = replace(own, segments=path, is_prefix=False)
        for around in hosts_around(host, self._every):
            near = self._every[around].near(asked, self._document(own))
            found = [view for view in near if _fits(view, path)]
            if found:
                first = min(map(_rank, found))
                routes = [view.route for view in found if _rank(view) == first]
                by_method = {one: route for route in routes for one in route.methods}
                rest = next((route for route in routes if not route.methods), None)
                return by_method.get(method, rest)
        return None

    def _of(self, route: Route) -> frozenset[str]:
        return route.methods or self._methods

    def _document(self, view: ServiceView) -> Document:
        return self._places.route(view.route.name).document


def _rank(view: ServiceView) -> tuple[int, ...]:
    """Return a sort key: of the views that match a path, the table finds the least first."""
    kinds = [0 if isinstance(one, str) else 1 for one in view.segments]
    return (*kinds, 2) if view.is_prefix else tuple(kinds)


def _fits(view: ServiceView, path: tuple[str, ...]) -> bool:
    return all(
        one or not isinstance(own, Variable) for own, one in zip(view.segments, path, strict=False)
    )
