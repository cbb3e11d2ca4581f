"""Find the resource that each route belongs to."""

from collections.abc import Iterable, Mapping, Sequence

from gateway.decision.routing import Route
from gateway.decision.template import Segment, parse_template
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
    index = _Index(identifiers, at_resources)
    for route in routes if identifiers else ():
        names = [] if route.public else index.nearest(route, at_routes[route.name].document)
        if len(names) > 1:
            message = (
                f"`{route.name}` belongs to the resources {' and '.join(f'`{n}`' for n in names)}"
                " of several hosts: give it `hosts`, and each host a route of its own"
            )
            faults.append(at_routes[route.name].child("match").key_fault(Code.BAD_VALUE, message))
        for name in names[:1]:
            owned[name].append(route)
    return owned


class _Index:
    """The resources by path and then by host: those for all routes, and those of each file."""

    def __init__(
        self, identifiers: Mapping[str, Identifier], at_resources: Mapping[str, Part]
    ) -> None:
        self._names = tuple(identifiers)
        self._for_all: _ByPath = {}
        self._of_file: dict[Document, _ByPath] = {}
        for order, (name, identifier) in enumerate(identifiers.items()):
            owner = at_resources[name].document
            is_for_all = owner.may(Grant.RESOURCES_FOR_ALL)
            by_path = self._for_all if is_for_all else self._of_file.setdefault(owner, {})
            by_path.setdefault(identifier.segments, _Hosts()).add(identifier.host, order)

    def nearest(self, route: Route, document: Document) -> list[str]:
        """Return the name of the resource that *route*, in *document*, belongs to on each host."""
        # A variable is not below a literal: its requests may go to another resource.
        segments = parse_template(route.path, route.is_prefix)
        own = self._of_file.get(document, {})
        found: dict[str, list[int]] = {}  # by host; the longest path comes last
        for length in range(len(segments) + 1):
            for by_path in (self._for_all, own):
                hosts = by_path.get(segments[:length])
                for host, order in hosts.served_by(route) if hosts is not None else ():
                    found.setdefault(host, []).append(order)
        return [self._names[orders[-1]] for orders in sorted(found.values(), key=min)]


class _Hosts:
    """The resources of one path by host, each by its number in their order."""

    def __init__(self) -> None:
        self._by_host: dict[str, int] = {}
        self._by_suffix: dict[str, list[str]] = {}  # `.example.com`: the hosts below it

    def add(self, host: str, order: int) -> None:
        self._by_host.setdefault(host, order)
        labels = host.split(".")
        for at in range(1, len(labels)):
            self._by_suffix.setdefault("." + ".".join(labels[at:]), []).append(host)

    def served_by(self, route: Route) -> Iterable[tuple[str, int]]:
        """Return each host that *route* serves, and its resource."""
        if not route.hosts:
            return self._by_host.items()
        hosts = dict.fromkeys(host for own in route.hosts for host in self._matching(own))
        return [(host, self._by_host[host]) for host in hosts]

    def _matching(self, own: str) -> Sequence[str]:
        if own.startswith("*"):
            return self._by_suffix.get(own[1:], ())
        return (own,) if own in self._by_host else ()


_ByPath = dict[tuple[Segment, ...], _Hosts]
