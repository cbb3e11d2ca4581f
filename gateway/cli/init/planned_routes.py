"""Plan the routes of a first configuration: from an OpenAPI description, or from a token."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.openapi.api import Access, Api, Operation, Security
from gateway.openapi.templates import Overlaps
from gateway.settings.text.fault import Place
from gateway.settings.text.scalars import shorten

_MOST_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """A route to write: *comments* come before it.

    *path* ends with a slash if it *is_prefix*; no *methods* are all.
    """

    name: str
    path: str
    is_prefix: bool
    methods: tuple[str, ...]
    security: Security
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The *routes* to write, *remarks* about what has none, and *notes* for people."""

    routes: tuple[PlannedRoute, ...]
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def plan_everything(scopes: Sequence[str]) -> Plan:
    """Return one route for all paths, which needs one of *scopes*, or any valid token."""
    comments = ["Every path needs a valid token. Write a route for each part of the API that needs"
                " other scopes: the most specific route owns a request."]  # fmt: skip
    if scopes:
        comments.append("Your token has these scopes: one of them is enough here.")
    alternatives = tuple(frozenset({scope}) for scope in scopes) or (frozenset[str](),)
    security = Security(Access.TOKEN, alternatives)
    return Plan((PlannedRoute("api", "/", True, (), security, tuple(comments)),))


def plan_api(api: Api) -> Plan:
    """Return a route for each path and rule of *api*.

    Operations that only credentials guard which the gateway does not check get none, and those
    that no route can have. If a route of another operation would own their requests, they get one
    that refuses all.
    """
    groups: dict[tuple[str, Security], list[Operation]] = {}
    uncovered: list[str] = []
    for one in api.operations:
        if one.security.access is Access.UNCOVERED:
            uncovered.append(
                f"NOT COVERED: {one.method} {shorten(one.path)} ({_at(one.place)}) needs"
                f" {', '.join(one.security.uncovered)}, which the gateway does not check. Its"
                " requests are refused until you write a route."
            )
        else:
            groups.setdefault((one.path, one.security), []).append(one)
    names: set[str] = set()
    refused = [[one] for one in _refused(api)]
    routes = [_plan(operations, names) for operations in (*groups.values(), *refused)]
    left_out = [
        f"LEFT OUT: {one.what} ({_at(one.place)}): {one.why}. Its requests are refused until you"
        " write a route."
        for one in api.left_out
    ]
    return Plan(tuple(routes), (*uncovered, *left_out), tuple(_notes(api, routes, left_out)))


def _refused(api: Api) -> Iterator[Operation]:
    """Yield the operations without a route of which another operation's would own requests."""
    missing = [one.operation for one in api.left_out if one.operation is not None]
    missing += [one for one in api.operations if one.security.access is Access.UNCOVERED]
    overlaps = Overlaps(
        one for one in api.operations if one.security.access is not Access.UNCOVERED
    )
    seen: set[object] = set()
    for one in missing:
        shape = one.method, re.sub(r"\{\w+\}", "{}", one.path)
        if shape not in seen and any(True for _ in overlaps.behind(one)):
            seen.add(shape)
            yield replace(one, security=Security(Access.UNCOVERED), operation_id=None)


def _plan(operations: Sequence[Operation], names: set[str]) -> PlannedRoute:
    first = operations[0]
    places = ", ".join(f"{one.method} {_at(one.place)}" for one in operations)
    comments = [places, *_remarks(first)]
    methods = tuple(dict.fromkeys(one.method for one in operations))
    name = _name(operations, names)
    return PlannedRoute(name, first.path, False, methods, first.security, tuple(comments))


def _remarks(operation: Operation) -> Iterator[str]:
    security = operation.security
    match security.access:
        case Access.UNCOVERED:
            yield (
                "Refuses all requests, which another route would own otherwise: see below. Write"
                " who may call this."
            )
        case Access.PUBLIC:
            yield "!!! PUBLIC: anyone may call this, without a token. The description says so."
        case Access.UNSAID:
            yield (
                "The description does not say who may call this, so any valid token may. If it is"
                " for everyone, write `public: true` instead of `require`."
            )
        case _ if security.is_optional:
            yield "Callers without a token pass as well, without an identity."
    if security.beside:
        yield (
            f"The description also requires {', '.join(security.beside)}, which the gateway does"
            " not check: the service has to."
        )
    alone = [name for name in security.uncovered if name not in security.beside]
    if alone:
        yield (
            f"The description also names {', '.join(alone)}, which the gateway does not check: it"
            " never takes the place of a token here."
        )
    if operation.is_wider:
        written = shorten(operation.written)
        yield f"Routes have whole segments only: this owns more paths than {written}."


def _name(operations: Sequence[Operation], names: set[str]) -> str:
    first = operations[0]
    known = first.operation_id if len(operations) == 1 else None
    words = known or " ".join([*(one.method.lower() for one in operations), first.path])
    text = re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-._")[:_MOST_NAME_CHARACTERS]
    name = unique = text if re.match(r"[A-Za-z0-9]", text) else "route"
    number = 2
    while unique in names:
        unique, number = f"{name}-{number}", number + 1
    names.add(unique)
    return unique


def _notes(api: Api, routes: Sequence[PlannedRoute], left_out: Sequence[str]) -> Iterator[str]:
    counts = {
        "that are public, without a token": _count(routes, Access.PUBLIC),
        "for any valid token, because the description has no `security` there": _count(
            routes, Access.UNSAID
        ),
    }
    for what, number in counts.items():
        if number:
            yield f"routes {what}: {number} of {len(routes)}"
    covered = sum(one.security.access is not Access.UNCOVERED for one in api.operations)
    missing = len(api.operations) - covered + len(left_out)
    if missing:
        yield f"operations without a route: {missing}; the file says which, and why"


def _count(routes: Iterable[PlannedRoute], access: Access) -> int:
    return sum(route.security.access is access for route in routes)


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}"
