"""Find routes of included files that open what the routes of other files guard."""

from collections.abc import Iterator, Sequence

from gateway.decision.routing import Match, Route, RouteTable
from gateway.decision.template import Variable, parse_template
from gateway.settings.fault import Code, Fault
from gateway.settings.places import Places


def find_taken_guards(table: RouteTable, places: Places) -> Iterator[Fault]:
    """Yield a warning for each open route of an included file that owns what another file guards.

    Within one file a path that is named, or a host, is an exception that its author made. Between
    files it is made by somebody else. A file that `include` confines was given what it owns; and
    what a guard of every path of every host is there for is what no other route owns.
    """
    opening = [route for route in table.routes if _may_take(route, places)]
    if not opening:
        return
    guards = RouteTable([route for route in table.routes if _is_guarded(route)])
    taken: dict[Route, tuple[Route, str]] = {}
    for route, guard, host in _meetings(table, guards, opening):
        own, other = places.route(route.name).document, places.route(guard.name).document
        if own is not other and (_is_everything(route) or not _is_everything(guard)):
            taken.setdefault(route, (guard, host))
    for route, (guard, host) in taken.items():
        where = f" on {host}" if host else ""
        message = (
            f"`{route.name}` asks for no token, and owns a part of what `{guard.name}`"
            f" ({guard.place}) guards{where}: confine its file by `hosts` or `under` in `include`"
        )
        part = places.route(route.name)
        at = part.child("public") if route.public else part.child("require").child("optional")
        yield at.key_warning(Code.GUARD_OPENED, message)


def _meetings(
    table: RouteTable, guards: RouteTable, opening: Sequence[Route]
) -> Iterator[tuple[Route, Route, str]]:
    """Yield each of *opening* with a guard that would own some of its requests for a host."""
    search, openers = _Search(table), frozenset(opening)
    for route in opening:
        for host in route.hosts or ("",):
            for guard in search.owners(guards, host, route):
                yield route, guard, host
    # A host goes before any path: on one of its own, a wide route hides what is narrower.
    for host in sorted({host for route in opening if _is_wide(route) for host in route.hosts}):
        for guard in guards.routes:
            owners = openers.intersection(search.owners(table, host, guard))
            if owners and guard in search.owners(guards, host, guard):
                for route in owners:
                    yield route, guard, host


def _may_take(route: Route, places: Places) -> bool:
    include = places.route(route.name).document.include
    return (
        include is not None
        and include.hosts is None
        and include.under is None
        and not _is_guarded(route)
    )


def _is_guarded(route: Route) -> bool:
    return not route.public and not route.optional


def _is_wide(route: Route) -> bool:
    return route.is_prefix or "{" in route.path


def _is_everything(route: Route) -> bool:
    return route.is_prefix and route.path == "/"


class _Search:
    """Looks for the owners of requests like those of a route."""

    def __init__(self, table: RouteTable) -> None:
        paths = [parse_template(route.path, route.is_prefix) for route in table.routes]
        literals = {one for path in paths for one in path if isinstance(one, str)}
        self._fresh = next("x" * size for size in range(1, 1000) if "x" * size not in literals)
        listed: frozenset[str] = frozenset().union(*(route.methods for route in table.routes))
        self._methods: Sequence[str] = (*sorted(listed), "*")  # and whatever no route lists

    def owners(self, table: RouteTable, host: str, route: Route) -> list[Route]:
        """Return the routes in *table* that own a request of *route* for *host*."""
        name = f"{self._fresh}{host[1:]}" if host.startswith("*") else host
        segments = [
            self._fresh if isinstance(one, Variable) else one
            for one in parse_template(route.path, route.is_prefix)
        ]
        if route.is_prefix:
            segments.append(self._fresh)
        found = (
            table.find(name, segments, method) for method in sorted(route.methods) or self._methods
        )
        return [match.route for match in found if isinstance(match, Match)]
