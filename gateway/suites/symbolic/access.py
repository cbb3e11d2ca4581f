"""One side of a region, and what a comparison of two sides finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.decision.routes.routing import Match, Place, Route
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.request import SimulatedRequest


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One side of a region: who may send its requests, as *settings* have it.

    *match* is that of a request of the region, None if no service receives them. All requests have
    the segments *literals*, by position, in common. With *upgrade*, they ask for it. *request* is
    one of them: where its host matters, that of a login, it is the host of all.
    """

    settings: Settings
    match: Match | None
    literals: Mapping[int, str] = field(default_factory=dict)
    upgrade: str | None = None
    request: SimulatedRequest | None = None

    @property
    def route(self) -> Route | None:
        """Return the route of the requests, None if no service receives them."""
        if self.match is None:
            return None
        route = self.match.route
        return route if self.upgrade is None or self.upgrade in route.upgrades else None


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A caller, with a token of the issuer *iss*, unless that is None.

    *text* names what matters about it. The token has *claims*, ``iss`` included if it has one, and
    the header *typ*; an *algorithm* of None is any that both sides allow. *attack* is the name of
    an attack on the token. With *login*, the token is that of a session. It is at *place*, None
    for where the route reads it first. If it *is_opaque*, it is no JWT, and its claims are what the
    issuer says about it. *second* is the second token that the request has.

    The request has these *segments* instead of its own, by position.
    """

    text: str
    iss: str | None
    claims: Mapping[str, object]
    typ: str
    algorithm: str | None
    attack: str | None = None
    login: str | None = None
    place: Place | None = None
    second: "Witness | None" = None
    is_opaque: bool = False
    segments: Mapping[int, str] = field(default_factory=dict)


class Undecided(NamedTuple):
    """Rules that could not be compared: *text* says why, *keys* where they are in a route."""

    text: str
    keys: tuple[str, ...]
