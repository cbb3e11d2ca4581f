"""Warn about routes, and methods of routes, that no request matches."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from gateway.decision.policy import ANY_HOST
from gateway.decision.routes.routing import Route
from gateway.decision.routes.segments import split_segments
from gateway.lints.nesting import Area, Nesting
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_USUAL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What the parser of requests (llhttp) knows besides, mostly of WebDAV; others are rejected.
_KNOWN_METHODS = frozenset(
    {
        *_USUAL_METHODS,
        *("ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY"),
        *("MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "PROPFIND", "PROPPATCH", "PURGE", "QUERY"),
        *("REBIND", "REPORT", "SEARCH", "SUBSCRIBE", "UNBIND", "UNLINK", "UNLOCK"),
        "UNSUBSCRIBE",
    }
)
# What other products write for all methods.
_EVERY = frozenset({"ALL", "ANY"})


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


def find_unknown_methods(routes: Iterable[Route], places: Places) -> Iterator[Fault]:
    """Yield a warning for each method that no request has: the gateway rejects it before routes."""
    seen = set()
    for route in routes:
        if route.methods <= _KNOWN_METHODS:
            continue
        part = places.route(route.name).child("match").child("methods")
        for index, method in enumerate(part.raw if isinstance(part.raw, list) else ()):
            item = part.child(index)
            place = item.document.value_place(item.path)
            if method in _KNOWN_METHODS or not isinstance(method, str) or place in seen:
                continue
            seen.add(place)  # routes share the methods of `defaults`
            shown = "…" if item.document.is_filled(item.path) else shorten(method)
            message = f"no request has the method `{shown}`: the gateway rejects it"
            yield item.warning(Code.METHOD_UNKNOWN, message + _meant_method(method))


def _meant_method(method: str) -> str:
    if method in _EVERY:
        return "; for every method, leave the list out"
    several = [one for one in re.split(r"[^A-Z]+", method) if one in _KNOWN_METHODS]
    if len(several) > 1:
        return f"; write `methods: [{', '.join(several)}]`"
    return did_you_mean(method, _USUAL_METHODS)
