"""CORS: tell browsers which pages may read a response, and what they may request (Fetch).

It grants no access: tokens decide that, and non-browser clients ignore it. It keeps pages of other
origins from reading what only the user of the browser should see.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Deny, Publish
from gateway.http.host_cors import HostCors
from gateway.http.reading.request import Request
from gateway.http.writing.rewriting import edit_response_fields, keep_fields, without_removed
from gateway.settings.values.cors import Cors
from gateway.settings.values.route_options import RouteOptions

Preflight = Callable[[Request, str], Publish | None]
"""Returns the response to a preflight, for a request and its canonical host; else None."""
# The length is bounded because the route is remembered by the method.
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")

# For responses that depend on the origin, so that caches do not mix them up.
_VARY: Final = b"\r\nVary: Origin"
_VARY_PREFLIGHT: Final = (
    b"\r\nVary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
)


def make_preflight(
    policy: Policy, route_options: Sequence[RouteOptions], sharing: HostCors
) -> Preflight | None:
    """Return what answers preflights; None if no route has `cors`."""
    if not sharing:
        return None

    return partial(find_preflight, policy=policy, route_options=route_options, sharing=sharing)


def find_preflight(
    request: Request,
    host: str,
    policy: Policy,
    route_options: Sequence[RouteOptions],
    sharing: HostCors,
) -> Publish | None:
    """Return the response to *request* if it is a preflight, and its route has `cors`.

    The route is that of the request that the page wants to send. Credentials are ignored: a
    preflight never has any, and the response is the same for everybody. A preflight for a
    rejected path is granted as well, so that the page can read the reason.
    """
    if request.method != "OPTIONS":
        return None
    origin = _only(request, b"origin")
    method = _only(request, b"access-control-request-method")
    if not origin or _METHOD.fullmatch(method) is None:
        return None
    match = find_route(RequestHead(method.decode("ascii"), host, request.target, ()), policy)
    if isinstance(match, Deny) and match.reason is Reason.PATH_REJECTED:
        found = sharing.find(host, origin)
        if found is None:
            return None
        return Publish(b"", found[0], _grant(_only_refusals(found[1]), origin, method), True)
    if not isinstance(match, Match):
        return None
    cors = route_options[match.route.index].cors
    return None if cors is None else Publish(b"", match.route, _grant(cors, origin, method))


def grant_preflight(request: Request, cors: Cors) -> bytes | None:
    """Return the fields that answer *request* by *cors* if it is a preflight, else None."""
    if request.method != "OPTIONS":
        return None
    origin = _only(request, b"origin")
    method = _only(request, b"access-control-request-method")
    if not origin or _METHOD.fullmatch(method) is None:
        return None
    return _grant(cors, origin, method)


def _grant(cors: Cors, origin: bytes, method: bytes) -> bytes:
    granted = _allow(cors, origin, method.decode("ascii"))
    if not granted:
        return _VARY_PREFLIGHT
    methods = ", ".join(sorted(cors.methods)).encode() if cors.methods else method
    return (
        b"%b\r\nAccess-Control-Allow-Methods: %b\r\nAccess-Control-Allow-Headers: %b"
        b"\r\nAccess-Control-Max-Age: %d%b"
    ) % (granted, methods, cors.headers, cors.max_age_seconds, _VARY_PREFLIGHT)


def cors_fields(cors: Cors | None, request: Request) -> bytes:
    """Return the CORS fields of a response; each begins with the end of the line before."""
    if cors is None:
        return b""
    granted = _allow(cors, _only(request, b"origin"), request.method)
    exposed = b"\r\nAccess-Control-Expose-Headers: " + cors.exposed if granted else b""
    return granted + exposed + _VARY


def refused_path_fields(sharing: HostCors, request: Request) -> bytes:
    """Return the CORS fields of the refusal of a path, which has no route.

    Pages may read it that may read responses of its host; without credentials, because it is the
    same for everybody.
    """
    if not sharing:
        return b""
    found = sharing.find(canonical_host(request.fields.host) or "", _only(request, b"origin"))
    return _VARY if found is None else cors_fields(_only_refusals(found[1]), request)


def _only_refusals(cors: Cors) -> Cors:
    """Return *cors* without what only applies to responses of an upstream."""
    return replace(cors, methods=frozenset(), credentials=False)


def edit_response(fields: bytes, options: RouteOptions, request: Request) -> bytes:
    """Return response *fields* as the route changes them; each begins with a line end."""
    rewrite = options.rewrite
    if rewrite is not None:
        fields = edit_response_fields(fields, rewrite.response_fields)
    cors = options.cors
    return fields if cors is None else without_cors_fields(fields) + cors_fields(cors, request)


def edit_trailers(fields: bytes, options: RouteOptions) -> bytes:
    """Return the trailers of a response without those that the route removes."""
    rewrite = options.rewrite
    return fields if rewrite is None else without_removed(fields, rewrite.response_fields)


def without_cors_fields(fields: bytes) -> bytes:
    """Return the *fields* of an upstream's response without its own CORS fields."""
    return keep_fields(fields, lambda line: not line.lower().startswith(b"access-control-"))


def _allow(cors: Cors, origin: bytes, method: str) -> bytes:
    """Return the fields that let pages of *origin* read a response, or nothing."""
    if not origin or (cors.methods and method not in cors.methods) or not cors.allows(origin):
        return b""
    allowed = b"*" if cors.is_open else origin
    credentials = b"\r\nAccess-Control-Allow-Credentials: true" if cors.credentials else b""
    return b"\r\nAccess-Control-Allow-Origin: %b%b" % (allowed, credentials)


def _only(request: Request, name: bytes) -> bytes:
    return request.fields.only(name).strip(b" \t")
