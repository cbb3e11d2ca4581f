"""Find the resource that each route belongs to."""

from collections.abc import Mapping, Sequence

from gateway.decision.routing import Route
from gateway.decision.template import parse_template
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.resource_identifier import Identifier


def routes_of_resources(
    identifiers: Mapping[str, Identifier],
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    faults: list[Fault],
) -> dict[str, list[Route]]:
    """Return the routes of each resource; a public route belongs to none.

    A route belongs to the resource with the longest path that its own begins with. It must not
    belong to resources of two hosts: a challenge names one, and clients of the other host
    would not believe what they read there (RFC 9728 §3.3).
    """
    owned: dict[str, list[Route]] = {name: [] for name in identifiers}
    for route in routes:
        names = [] if route.public else _nearest(route, identifiers)
        if len(names) > 1:
            message = (
                f"`{route.name}` belongs to the resources {' and '.join(f'`{n}`' for n in names)}"
                " of several hosts: give it `hosts`, and each host a route of its own"
            )
            faults.append(at_routes[route.name].child("match").key_fault(Code.BAD_VALUE, message))
        for name in names[:1]:
            owned[name].append(route)
    return owned


def _nearest(route: Route, identifiers: Mapping[str, Identifier]) -> list[str]:
    """Return the name of the resource that *route* belongs to on each host."""
    nearest: dict[str, str] = {}
    for name, identifier in identifiers.items():
        if not _serves(route, identifier.host) or not _is_below(route, identifier.segments):
            continue
        other = nearest.get(identifier.host)
        if other is None or len(identifiers[other].segments) < len(identifier.segments):
            nearest[identifier.host] = name
    return list(nearest.values())


def _serves(route: Route, host: str) -> bool:
    return not route.hosts or any(
        host.endswith(own[1:]) if own.startswith("*") else host == own for own in route.hosts
    )


def _is_below(route: Route, segments: tuple[str, ...]) -> bool:
    # A variable is not below a literal: its requests may go to another resource.
    return parse_template(route.path, route.is_prefix)[: len(segments)] == segments
