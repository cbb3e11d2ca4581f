"""Find the one route that owns a request, most specific first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.decision.rules import ClaimTest, ScopeRule


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One route, compiled.

    *index* counts the routes of a policy from 0, so that others can keep per-route state
    in a list. *path* is the template as written (``/tenants/{tenant}/orders``), a prefix
    where *is_prefix*. *hosts* are lower case, ``*.example.com`` for a wildcard, empty for
    any. *methods* empty means any. *issuers* of None means every issuer in the file.
    *place* is ``file:line`` of the route in the configuration.
    """

    index: int
    name: str
    hosts: tuple[str, ...]
    path: str
    is_prefix: bool
    methods: frozenset[str]
    upstream: str
    public: bool
    optional: bool
    issuers: frozenset[str] | None
    scopes: ScopeRule | None
    claims: tuple[ClaimTest, ...]
    upgrades: frozenset[str]  # lower-case Upgrade tokens the route allows, e.g. websocket
    place: str


class Match(NamedTuple):
    """The route that owns a request; *variables* are the decoded `{name}` segments."""

    route: Route
    variables: dict[str, str]


class NoMatch(NamedTuple):
    """No route. *methods* is not empty where the path is known under other methods."""

    methods: tuple[str, ...]


class RouteTable:
    """All routes of a policy; a look-up costs by the depth of the path, not by the routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        raise NotImplementedError

    routes: tuple[Route, ...]

    def find(self, host: str, segments: Sequence[str], method: str) -> Match | NoMatch:
        """Return the most specific route for *host* (canonical) and decoded *segments*."""
        raise NotImplementedError
