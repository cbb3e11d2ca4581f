"""Tell which route of a configuration receives a request."""

from collections.abc import Iterator

from gateway.decision.browser import LoginRule
from gateway.decision.decide import find_login, find_route
from gateway.decision.head import RequestHead
from gateway.decision.path import split_path
from gateway.decision.policy import ANY_HOST
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Route
from gateway.settings.values.configuration import Settings
from gateway.settings.values.login import Endpoint
from gateway.suites.simulation.request import SimulatedRequest


class Ownership:
    """The owners of requests under *settings*.

    What the gateway answers itself, whoever asks, belongs to no route: published documents, the
    endpoints of logins, and the path of tickets. *own_paths* are those paths; only this spelling
    of them counts. *origins* are the authorities of logins, by canonical host.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._policy = settings.policy
        # By path, the authorities in lower case.
        self._logins: dict[bytes, set[bytes]] = {}
        self.origins: dict[str, set[str]] = {}
        for login in settings.logins.values():
            authorities = {origin.authority.encode() for origin in login.origins}
            for endpoint in Endpoint:
                path = f"{login.prefix}/{endpoint.value}".encode()
                self._logins.setdefault(path, set()).update(authorities)
            for origin in login.origins:
                host = canonical_host(origin.authority.encode())
                if host is not None:
                    self.origins.setdefault(host, set()).add(origin.authority)
        self._ticket_path = None if settings.tickets is None else settings.tickets.path
        self.own_paths = frozenset(self._find_own_paths())

    def _find_own_paths(self) -> Iterator[bytes]:
        yield from self._logins
        yield from (path for _, path in self._policy.documents)
        if self._ticket_path is not None:
            yield self._ticket_path

    def named_hosts(self) -> Iterator[str]:
        """Yield the hosts that are named beside those of routes."""
        yield from self.origins
        yield from (host for host, _ in self._policy.documents)

    def own_hosts(self, path: bytes) -> Iterator[str]:
        """Yield the hosts, and ``ANY_HOST`` for all, where the gateway itself answers *path*."""
        yield from (host for host, document in self._policy.documents if document == path)
        if path == self._ticket_path:
            yield ANY_HOST

    def find(self, request: SimulatedRequest) -> Match | None:
        """Return the route that receives *request* if it allows it; None if none ever does."""
        path = split_path(request.target)
        if path in self.own_paths and self._answers(request, path):
            return None
        head = RequestHead(request.method, request.host, request.target, ())
        found = find_route(head, self._policy)
        if not isinstance(found, Match):
            return None
        # On other hosts than those of the logins, their paths belong to routes without a login.
        return None if found.route.login and path in self._logins else found

    def _answers(self, request: SimulatedRequest, path: bytes) -> bool:
        if path == self._ticket_path:
            return True
        authority = request.authority.lower().encode()
        return authority in self._logins.get(path, ())  # documents are known to the decision


def rule_at(route: Route | None, authority: str) -> LoginRule | None:
    """Return the rule of the login whose sessions count for *route* at *authority*, if any."""
    if route is None or not route.login:
        return None
    return find_login(route.login, authority.lower().encode())
