"""Find the routes that ask for less than another one, and lead to the same service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.decision.routing import Route
from gateway.settings.values import Settings
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.heads import Field, authorization, write_head
from gateway.suites.hostile.stage import Answer, Sent
from gateway.suites.minting import bearer
from gateway.suites.request import AskedRequest

# Tricks are tried from each of them; in a large configuration the nearest are enough.
MAX_OPEN_ROUTES = 12


@dataclass(frozen=True, slots=True, eq=False)
class OpenRoute:
    """A *route*, a *request* that it owns, and the *credential* that it allows (or none)."""

    route: Route
    request: AskedRequest
    credential: tuple[Field, ...]


Servers = frozenset[tuple[bool, str]]


def servers_of(settings: Settings, route: Route) -> Servers:
    """Return where the requests of *route* go."""
    servers = settings.upstreams[route.upstream].servers
    return frozenset((server.tls, server.authority) for server in servers)


def find_more_open(
    control: Control,
    public: Mapping[str, AskedRequest],
    others: Sequence[Control],
    answer: Answer,
) -> tuple[list[OpenRoute], int]:
    """Return the routes that ask for less than that of *control*, the nearest in path first.

    Those are public ones, whose requests are *public* by name, those whose token is optional,
    and those of *others* that allow the control's token where its route does not allow theirs.
    With them comes the number of those that were left out, beyond 12.
    """
    settings = control.stage.settings
    servers = servers_of(settings, control.route)
    found = [
        OpenRoute(route, public[route.name], ())
        for route in settings.policy.routes.routes
        if route.name in public and servers & servers_of(settings, route)
    ]
    for other in others:
        if other.route is control.route or not servers & servers_of(settings, other.route):
            continue
        if other.route.optional:
            found.append(OpenRoute(other.route, other.request, ()))
        elif _asks_for_less(other, control, answer):
            credential = authorization(bearer(other.draft.sign()))
            found.append(OpenRoute(other.route, other.request, credential))
    path = control.request.target
    found.sort(key=lambda one: -_common(one.request.target, path))
    return found[:MAX_OPEN_ROUTES], max(0, len(found) - MAX_OPEN_ROUTES)


def _asks_for_less(other: Control, control: Control, answer: Answer) -> bool:
    mine = authorization(bearer(control.draft.sign()))
    theirs = authorization(bearer(other.draft.sign()))
    if not isinstance(answer(write_head(other.request, *mine)), Sent):
        return False
    return not isinstance(answer(write_head(control.request, *theirs)), Sent)


def _common(one: bytes, other: bytes) -> int:
    """Return how many octets both begin with."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
