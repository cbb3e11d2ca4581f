"""Find the resource that each route belongs to."""

from collections.abc import Mapping, Sequence

from gateway.decision.routing import Route
from gateway.decision.template import parse_template
from gateway.settings.document import Document, Part
from gateway.settings.fault import Code, Fault
from gateway.settings.grants import Grant
from gateway.settings.resource_identifier import Identifier


def routes_of_resources(
    identifiers: Mapping[str, Identifier],
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    at_resources: Mapping[str, Part],
    faults: list[Fault],
) -> dict[str, list[Route]]:
    """Return the routes of each resource; a public route belongs to none.

    A route belongs to the resource with the longest path that its own begins with. It must not
    belong to resources of two hosts: a challenge names one, and clients of the other host
    would not believe what they read there (RFC 9728 §3.3).
    A resource of an included file has the routes of that file alone, unless it was granted more:
    it could otherwise send the clients of all others to an authorization server of its own.
    """
    owned: dict[str, list[Route]] = {name: [] for name in identifiers}
    reaching: dict[Document, dict[str, Identifier]] = {}
    for route in routes:
        document = at_routes[route.name].document
        if document not in reaching:
            reaching[document] = _reaching(document, identifiers, at_resources)
        names = [] if route.public else _nearest(route, reaching[document])
        if len(names) > 1:
            message = (
                f"`{route.name}` belongs to the resources {' and '.join(f'`{n}`' for n in names)}"
                " of several hosts: give it `hosts`, and each host a route of its own"
            )
            faults.append(at_routes[route.name].child("match").key_fault(Code.BAD_VALUE, message))
        for name in names[:1]:
            owned[name].append(route)
    return owned


def _reaching(
    document: Document, identifiers: Mapping[str, Identifier], at_resources: Mapping[str, Part]
) -> dict[str, Identifier]:
    """Return the resources that the routes in *document* may belong to."""
    owners = {name: at_resources[name].document for name in identifiers}
    return {
        name: identifiers[name]
        for name, owner in owners.items()
        if owner is document or owner.may(Grant.RESOURCES_FOR_ALL)
    }


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
