"""One-time tickets, as they are configured."""

from dataclasses import dataclass

from gateway.decision.routes.routing import Route
from gateway.settings.values.cors import Cors


@dataclass(frozen=True, slots=True, eq=False)
class TicketSettings:
    """Tickets are issued at *path* and valid for *lifetime_seconds*.

    *route* is no route of the table: it says which tokens and sessions get a ticket. *owners* are
    the names of the routes that take tickets.
    """

    path: bytes
    lifetime_seconds: float
    route: Route
    owners: frozenset[str]
    cors: Cors | None = None
