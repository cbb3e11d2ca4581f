"""Build the CORS settings of routes."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Route
from gateway.settings.build.checks import refuse_repeated
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.cors import (
    DEFAULT_EXPOSED,
    DEFAULT_HEADERS,
    DEFAULT_MAX_AGE_SECONDS,
    CorsModel,
)
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.values.cors import Cors

# The ASCII serialization of an origin (RFC 6454 §6.2), as browsers send it.
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#@\\]+?)(?::(?P<port>[0-9]+))?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MAX_PORT = 65535

# What its libraries send in a request, and read in a response whose status is in its head.
_GRPC_WEB_HEADERS = (b"Content-Type", b"X-Grpc-Web", b"X-User-Agent", b"Grpc-Timeout")
_GRPC_WEB_EXPOSED = (b"Grpc-Status", b"Grpc-Message", b"Grpc-Status-Details-Bin")


def build_cors(
    named: Collection[Named[RouteModel]], routes: Collection[Route], faults: list[Fault]
) -> Mapping[str, Cors]:
    """Return the CORS settings of the valid *routes* by name; most routes have none."""
    parts = {one.name: one for one in named}
    found = {}
    for route in routes:
        one = parts[route.name]
        if one.model is not None and one.model.cors is not None:
            found[route.name] = build_one_cors(
                one.model.cors, route, one.part.child("cors"), faults
            )
    return found


def build_one_cors(model: CorsModel, route: Route, part: Part, faults: list[Fault]) -> Cors:
    """Return the CORS settings in *model*, which are those of *route*."""
    at_origins = part.child("origins")
    refuse_repeated(model.origins, at_origins, faults)
    for number, origin in enumerate(model.origins):
        problem = _problem(origin, model.credentials)
        if problem is not None:
            faults.append(at_origins.child(number).fault(Code.BAD_VALUE, problem))
    methods = model.methods or ()
    refuse_repeated(methods, part.child("methods"), faults)
    for number, method in enumerate(methods):
        if route.methods and method not in route.methods:
            message = f"`{route.name}` does not match {method}"
            faults.append(part.child("methods").child(number).fault(Code.BAD_VALUE, message))
    wildcards = [origin for origin in model.origins if "*" in origin and origin != "*"]
    exact = frozenset(model.origins).difference(wildcards, "*")
    return Cors(
        frozenset(origin.encode(errors="replace") for origin in exact),
        {origin.encode(errors="replace"): _pattern(origin) for origin in wildcards},
        "*" in model.origins,
        frozenset(methods) or route.methods,
        ", ".join(model.headers or DEFAULT_HEADERS).encode(),
        ", ".join(model.expose or DEFAULT_EXPOSED).encode(),
        model.credentials,
        DEFAULT_MAX_AGE_SECONDS if model.max_age is None else model.max_age,
    )


def for_grpc_web(cors: Cors) -> Cors:
    """Return *cors* with the fields that pages send and read with calls of gRPC-Web.

    Without them no library could use the route, whatever its configuration lists.
    """
    return replace(
        cors,
        headers=_with_names(cors.headers, _GRPC_WEB_HEADERS),
        exposed=_with_names(cors.exposed, _GRPC_WEB_EXPOSED),
    )


def _with_names(names: bytes, more: Iterable[bytes]) -> bytes:
    """Return the list *names* with those of *more* that it lacks."""
    known = names.lower().split(b", ")
    return b", ".join((names, *(one for one in more if one.lower() not in known)))


def _pattern(origin: str) -> re.Pattern[bytes]:
    """Return the pattern of the wildcard *origin*: one label, and the rest literally."""
    before, _, after = origin.partition("*")
    text = f"{re.escape(before)}{_LABEL}{re.escape(after)}"
    return re.compile(text.encode(errors="replace"))


def _problem(origin: str, credentials: bool) -> str | None:
    if origin in {"*", "null"}:
        # Every page in a sandboxed frame has the origin `null`.
        message = f"`{origin}` with `credentials`: any page could act in the name of its visitor"
        return message if credentials else None
    return find_origin_problem(origin)


def find_origin_problem(origin: str) -> str | None:
    """Return what is wrong with *origin*, one that a browser sends or a wildcard, or None."""
    match = _ORIGIN.fullmatch(origin)
    if match is None or (match["port"] is not None and int(match["port"]) > _MAX_PORT):
        return f"`{shorten(origin)}` is not an origin: write it like https://app.example.com"
    if match["port"] == _DEFAULT_PORTS.get(match["scheme"], ""):
        return f"leave out :{match['port']}: browsers omit the default port"
    host = match["host"]
    plain = host.removeprefix("*.")
    if "*" in plain:
        return (
            f"`{shorten(origin)}`: a wildcard must be one whole label, e.g. https://*.example.com"
        )
    if plain != host and "." not in plain:
        return f"`{shorten(origin)}`: anyone can register a name there"
    canonical = canonical_host(plain.encode(errors="replace"))
    if canonical is None:
        return f"`{shorten(origin)}` is not an origin: its host is not valid"
    if canonical != plain:
        return f"write its host as browsers do: {canonical}"
    return None
