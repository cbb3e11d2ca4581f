"""Warn about routes and upstreams that calls of gRPC, or of gRPC-Web, cannot use."""

import re
from collections.abc import Iterator

from gateway.decision.routes.routing import Place, Route
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.settings.values.cors import Cors

_CALL = "POST"
_TOKEN_FIELD = "authorization"  # noqa: S105 - the name of a field

# `package.Service`, as Protocol Buffers name them: only a service is in upper case.
_SERVICE = re.compile(r"([a-z_][a-z0-9_]*\.)+[A-Z][A-Za-z0-9_]*")


def find_unreachable_calls(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route with a path of gRPC that no call can come through."""
    for route in settings.policy.routes.routes:
        service = route.segments[0] if route.segments else None
        if not isinstance(service, str) or not _SERVICE.fullmatch(service):
            continue
        part, upstream = places.route(route.name), settings.upstreams[route.upstream]
        if not upstream.is_http2:
            message = (
                f"`{route.path}` is a path of gRPC, and `{upstream.name}` receives HTTP/1.1: add"
                f" `protocol: {'h2' if upstream.servers[0].tls else 'h2c'}` to it"
            )
            yield part.child("upstream").warning(Code.CALLS_UNREACHABLE, message)
        elif not settings.http2 and not upstream.grpc_web:
            message = (
                f"`{route.path}` is a path of gRPC, and clients may not speak HTTP/2: remove"
                " `http2: false`"
            )
            yield part.child("match").warning(Code.CALLS_UNREACHABLE, message)
        elif route.methods and _CALL not in route.methods:
            message = "every call of gRPC is a POST: write `methods: [POST]`"
            yield part.child("match").child("methods").warning(Code.CALLS_UNREACHABLE, message)
        elif not route.is_prefix and len(route.segments) == 1:
            message = (
                f"calls are to methods below it: write `path_prefix: /{service}/`, or one method,"
                f" `path: /{service}/Method`"
            )
            yield part.child("match").child("path").warning(Code.CALLS_UNREACHABLE, message)


def find_unreadable_calls(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each upstream with `grpc_web` whose calls no page can make or read.

    A page of the same origin comes through a route to another upstream; if there is none, all pages
    are of other origins.
    """
    routes, by_upstream = settings.policy.routes.routes, dict[str, list[Route]]()
    for route in routes:
        by_upstream.setdefault(route.upstream, []).append(route)
    has_pages = any(not settings.upstreams[name].is_http2 for name in by_upstream)
    for upstream in settings.upstreams.values():
        own = by_upstream.get(upstream.name, [])
        if not upstream.grpc_web or not own:
            continue
        if not has_pages and all(_cors(route, settings) is None for route in own):
            message = (
                "pages are of other origins, as no route leads to one, and may read no response:"
                " add `cors: {origins: [https://…]}` to the routes of this upstream"
            )
            part = places.upstream(upstream.name).child("grpc_web")
            yield part.key_warning(Code.CALLS_UNREADABLE, message)
        for route in own:
            yield from _find_refused_by_cors(route, settings, places)


def _find_refused_by_cors(route: Route, settings: Settings, places: Places) -> Iterator[Fault]:
    cors = _cors(route, settings)
    if cors is None:
        return
    part = places.route(route.name).child("cors")
    if cors.methods and _CALL not in cors.methods:
        message = "every call of gRPC-Web is a POST: write `methods: [POST]`"
        yield part.child("methods").warning(Code.CALLS_UNREADABLE, message)
    names = {name.strip().lower() for name in cors.headers.decode("ascii").split(",")}
    if _reads_authorization(route) and _TOKEN_FIELD not in names:
        message = "pages cannot send their token: add `Authorization`"
        yield part.child("headers").warning(Code.CALLS_UNREADABLE, message)


def _cors(route: Route, settings: Settings) -> Cors | None:
    return settings.route_options[route.index].cors


def _reads_authorization(route: Route) -> bool:
    sources = route.sources
    return not route.public and (sources is None or Place.AUTHORIZATION in sources.places)
