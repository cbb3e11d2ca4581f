"""Warn about routes, and methods of routes, that never match."""

from collections.abc import Collection, Iterator, Mapping

from gateway.decision.policy import ANY_HOST
from gateway.decision.routes.routing import Route
from gateway.decision.routes.segments import split_segments
from gateway.lints.nesting import Area, Nesting
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places


def find_unreachable(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route that no request can reach.

    A more specific route refuses the methods that it does not list; so only paths count. A route
    with several hosts is reported if it matches on none of them.
    """
    hollow: dict[str, int] = {}
    for area in nesting.hollow():
        for route in area.routes:
            hollow[route.name] = hollow.get(route.name, 0) + 1
    for area in nesting.areas():
        for route in area.routes:
            if hollow.pop(route.name, 0) == max(len(route.hosts), 1):
                message = (
                    f"`{route.name}` can never match: more specific routes own `{route.path}` and"
                    " every path below it"
                )
                yield (
                    places.route(route.name)
                    .child("match")
                    .key_warning(Code.ROUTE_UNREACHABLE, message)
                )


def find_shadowed(
    nesting: Nesting, documents: Mapping[tuple[str, bytes], bytes], places: Places
) -> Iterator[Fault]:
    """Yield a warning for each route whose only path is that of a published document."""
    published = {(host, split_segments(path)) for host, path in documents}
    for area in nesting.areas():
        for route in area.routes:
            if _is_shadowed(area, route, published):
                message = (
                    f"`{route.name}` can never match: the gateway itself serves a document at this"
                    " path"
                )
                yield (
                    places.route(route.name)
                    .child("match")
                    .key_warning(Code.ROUTE_UNREACHABLE, message)
                )


def _is_shadowed(area: Area, route: Route, published: Collection[object]) -> bool:
    if area.is_prefix:
        return False
    if (ANY_HOST, area.segments) in published:
        return True
    return bool(route.hosts) and all((host, area.segments) in published for host in route.hosts)


def find_hidden_methods(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning if a route lists methods that are refused in nearly all its paths.

    The most specific template owns a path with all its methods, and responds 405 to those it
    does not list; the author of GET `/orders/{id}` and POST `/orders/` may expect otherwise.
    Only within one service: a route that serves pages may well list GET around an API.
    """
    for pair in nesting.nested():
        known = pair.inner.methods()
        if known is None or pair.adds_words:
            continue
        first = pair.inner.routes[0]
        upstreams = {route.upstream for route in pair.inner.routes}
        for route in pair.around.routes:
            hidden = sorted(route.methods - known)
            if not hidden or route.upstream not in upstreams:
                continue
            message = (
                f"{', '.join(hidden)} of `{first.path}` is refused with 405: `{first.name}`"
                f" ({first.place}) owns that path, and does not list the method"
            )
            yield (
                places.route(route.name)
                .child("match")
                .child("methods")
                .key_warning(Code.METHOD_HIDDEN, message)
            )
