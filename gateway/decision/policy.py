"""The access policy: what the decision needs from the configuration, compiled and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.decision.identity import Identity
from gateway.decision.revocation import RevocationRule
from gateway.decision.routes.routing import RouteTable

ANY_HOST: Final = ""  # never a real host


class Profile(Enum):
    """Which kind of JWT an issuer's access tokens must be."""

    ANY = "any"
    RFC9068 = "rfc9068"


@dataclass(frozen=True, slots=True)
class Issuer:
    """One trusted issuer.

    *name* is its key in the configuration, *issuer* the ``iss`` of its tokens. *audiences* of None
    means that the audience is not checked. If it *reports*, tokens that fail its check are
    reported, but not refused. *identity* is what services learn from its tokens, if that differs
    from the policy's.
    """

    name: str
    issuer: str
    audiences: frozenset[str] | None
    algorithms: frozenset[str]
    profile: Profile
    leeway_seconds: float
    reports: bool = False
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The compiled access policy: trusted issuers, rules of routes, and identity headers.

    *identity* has the headers of issuers and routes without headers of their own, and reserves all.
    *documents* are public, by host (canonical; ``ANY_HOST`` for all) and path. *revocations* are
    the lists that cover an issuer's tokens, by its name; issuers without lists are absent.
    """

    issuers: Mapping[str, Issuer]  # by `iss`
    routes: RouteTable
    identity: Identity
    scope_implies: Mapping[str, frozenset[str]]  # transitively closed
    max_token_bytes: int
    documents: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    revocations: Mapping[str, tuple[RevocationRule, ...]] = field(default_factory=dict)
