"""How many requests there may be in a time, and who keeps count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class PartKind(Enum):
    """What requests are told apart by."""

    SUBJECT = "subject"
    CLIENT = "client"
    ROUTE = "route"
    ADDRESS = "address"
    CLAIM = "claim"


class KeyPart(NamedTuple):
    """One thing that requests are told apart by; *claim* is the path of a claim's names."""

    kind: PartKind
    claim: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many *requests* in *period_us* in the long run, and *burst* at once, for each key."""

    name: str
    requests: int
    period_us: int
    burst: int
    key: tuple[KeyPart, ...]

    @property
    def interval_us(self) -> int:
        """Return the time from one request to the next: rounded up, so that none is given away."""
        return -(-self.period_us // self.requests)


class OnFailure(Enum):
    """What becomes of requests while Redis does not count."""

    MEMORY = "memory"  # each process counts for itself
    ALLOW = "allow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Redis:
    """Where all gateways count together; *url* may hold a password."""

    url: str = field(repr=False)
    timeout_seconds: float
    on_failure: OnFailure
    prefix: str


@dataclass(frozen=True, slots=True)
class RateLimiting:
    """All limits by name, those of each route by ``Route.index``, and who counts.

    Without *redis* each gateway counts for itself, all of its processes together.
    """

    limits: Mapping[str, RateLimit]
    routes: tuple[tuple[RateLimit, ...], ...]
    redis: Redis | None
