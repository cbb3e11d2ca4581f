"""Everything the decision needs to know from the configuration, compiled and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.decision.identity import Identity
from gateway.decision.revocation import RevocationRule
from gateway.decision.routes.routing import RouteTable

ANY_HOST: Final = ""  # no host is spelt so


class Profile(Enum):
    """Which kind of JWT an issuer's access tokens must be."""

    ANY = "any"
    RFC9068 = "rfc9068"


@dataclass(frozen=True, slots=True)
class Issuer:
    """One trusted issuer.

    *name* is its key in the configuration, *issuer* the ``iss`` it puts into tokens.
    *audiences* of None means that the audience is not checked. *reports* says that tokens which
    fail its check are reported, and not refused.
    """

    name: str
    issuer: str
    audiences: frozenset[str] | None
    algorithms: frozenset[str]
    profile: Profile
    leeway_seconds: float
    reports: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The compiled access policy: who is trusted, what each route asks for, what services get.

    *documents* are what is published to everybody: by host (canonical; ``ANY_HOST`` for all) and
    path. *revocations*
    are the lists that speak of an issuer's tokens, by its name; issuers without are absent.
    """

    issuers: Mapping[str, Issuer]  # by `iss`
    routes: RouteTable
    identity: Identity
    scope_implies: Mapping[str, frozenset[str]]  # transitively closed
    max_token_bytes: int
    documents: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    revocations: Mapping[str, tuple[RevocationRule, ...]] = field(default_factory=dict)
