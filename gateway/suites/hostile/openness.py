"""Find the less strict routes that lead to the same service as another one."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.decision.routes.routing import Route
from gateway.settings.values.configuration import Settings
from gateway.suites.hostile.control import Control, Controls
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Decide, Sent
from gateway.suites.simulation.wire import Field, write_head

# Attacks start from each of them; in a large configuration the nearest are enough.
MAX_OPEN_ROUTES = 12
_MAX_EXAMINED = 64


@dataclass(frozen=True, slots=True, eq=False)
class OpenRoute:
    """A *route*, a *request* that it owns, and the *credential* that it accepts (or none)."""

    route: Route
    request: SimulatedRequest
    credential: tuple[Field, ...]


Servers = frozenset[tuple[bool, str]]


def servers_of(settings: Settings, route: Route) -> Servers:
    """Return where the requests of *route* go."""
    servers = settings.upstreams[route.upstream].servers
    return frozenset((server.tls, server.authority) for server in servers)


def find_more_open(
    control: Control, public: Mapping[str, SimulatedRequest], controls: Controls, decide: Decide
) -> tuple[list[OpenRoute], int]:
    """Return the routes that are less strict than that of *control*, the nearest in path first.

    These are public routes, whose requests are *public* by name, routes whose token is optional,
    and routes that accept the control's token while its route does not accept theirs. Also return
    the number of routes to the same service that were left out because they are too distant.
    """
    settings = control.sandbox.settings
    servers = servers_of(settings, control.route)
    path = control.route.path
    near = sorted(
        (
            route
            for route in settings.policy.routes.routes
            if route is not control.route and servers & servers_of(settings, route)
        ),
        key=lambda route: -_common(route.path, path),
    )
    found: list[OpenRoute] = []
    for number, route in enumerate(near):
        if len(found) == MAX_OPEN_ROUTES or number == _MAX_EXAMINED:
            return found, len(near) - number
        one = _open(route, control, public, controls, decide)
        if one is not None:
            found.append(one)
    return found, 0


def _open(
    route: Route,
    control: Control,
    public: Mapping[str, SimulatedRequest],
    controls: Controls,
    decide: Decide,
) -> OpenRoute | None:
    if route.public:
        return OpenRoute(route, public[route.name], ()) if route.name in public else None
    other = controls.least_like(route, control)
    if other is None:
        return None
    if route.optional:
        return OpenRoute(route, other.request, ())
    if not _asks_for_less(other, control, decide):
        return None
    return OpenRoute(route, other.request, other.carry(bearer(other.draft.sign())))


def _asks_for_less(other: Control, control: Control, decide: Decide) -> bool:
    mine = other.carry(bearer(control.draft.sign()))
    theirs = control.carry(bearer(other.draft.sign()))
    if not isinstance(decide(write_head(other.request, *mine)), Sent):
        return False
    return not isinstance(decide(write_head(control.request, *theirs)), Sent)


def _common(one: str, other: str) -> int:
    """Return the length of the common prefix."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
