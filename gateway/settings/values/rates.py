"""Rate limits: how many requests a period may have, and where they are counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class PartKind(Enum):
    """A property by which requests are counted separately."""

    SUBJECT = "subject"
    CLIENT = "client"
    ROUTE = "route"
    ADDRESS = "address"
    CLAIM = "claim"


class KeyPart(NamedTuple):
    """One part of a limit's key; *claim* is the path of a claim."""

    kind: PartKind
    claim: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most *requests* per *period_us* on average, and *burst* at once, for each key."""

    name: str
    requests: int
    period_us: int
    burst: int
    key: tuple[KeyPart, ...]

    @property
    def interval_us(self) -> int:
        """Return the time between two requests, rounded up so that the rate is never exceeded."""
        return -(-self.period_us // self.requests)


class OnFailure(Enum):
    """What happens to requests while Redis is unavailable."""

    MEMORY = "memory"  # each process counts for itself
    ALLOW = "allow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Redis:
    """The Redis that all gateways share for counting; *url* may hold a password."""

    url: str = field(repr=False)
    timeout_seconds: float
    on_failure: OnFailure
    prefix: str


@dataclass(frozen=True, slots=True)
class RateLimiting:
    """All limits by name, those of each route by ``Route.index``, and where they are counted.

    Without *redis* each gateway counts for itself, for all of its processes.
    """

    limits: Mapping[str, RateLimit]
    routes: tuple[tuple[RateLimit, ...], ...]
    redis: Redis | None
