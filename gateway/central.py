"""What a gateway has once, as each process that serves requests uses it."""

from dataclasses import dataclass

from gateway.admission import Introspection, Keys
from gateway.decision.revocation import RevocationLists
from gateway.login.requests import Logins
from gateway.service_tokens.requests import ServiceTokens
from gateway.tickets.ticket import Tickets


@dataclass(frozen=True, slots=True, eq=False)
class Central:
    """What belongs to one configuration and exists once, however many processes serve requests.

    *keys* and *lists* are live: they are kept current elsewhere. *logins* are None if the
    configuration has no way to log in, *service_tokens* if no upstream has credentials, and
    *introspection* if no issuer introspects. Each is the
    thing itself in a gateway of one process; in a worker it is the supervisor's, which is asked.
    *tickets* are used if the configuration has them.
    """

    keys: Keys
    lists: RevocationLists
    logins: Logins | None = None
    service_tokens: ServiceTokens | None = None
    tickets: Tickets | None = None
    introspection: Introspection | None = None
