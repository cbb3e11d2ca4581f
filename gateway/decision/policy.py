"""The access policy: what the decision needs from the configuration, compiled and frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from gateway.decision.identity import Identity
from gateway.decision.revocation import RevocationRule
from gateway.decision.routes.routing import RouteTable
from gateway.decision.rules.claim_tests import ClaimRule
from gateway.decision.tenants import PLACEHOLDER, Tenants

ANY_HOST: Final = ""  # never a real host


class Profile(Enum):
    """Which kind of JWT an issuer's access tokens must be."""

    ANY = "any"
    RFC9068 = "rfc9068"


class ScopeSource(NamedTuple):
    """A claim whose items are scopes, each after *prefix*; *path* leads to it."""

    path: tuple[str, ...]
    prefix: str = ""


# The claims of RFC 9068 §2.2.3 and of Entra, Okta and others.
DEFAULT_SCOPES_FROM: Final = (ScopeSource(("scope",)), ScopeSource(("scp",)))

# By their names: OpenID Connect Core §2, §3.3.2.11.
ID_TOKEN_CLAIMS: Final = ("nonce", "at_hash", "c_hash")
# By their values: `token_use: id` (Cognito), `typ: ID` (Keycloak), `aud` equal to `azp`.
ID_TOKEN_SIGNALS: Final = (*ID_TOKEN_CLAIMS, "token_use", "typ", "azp")

# RFC 8725 §3.12: security events with logout tokens (RFC 8417), introspection responses (RFC 9701).
OTHER_KINDS: Final = ("events", "token_introspection")


@dataclass(frozen=True, slots=True)
class Issuer:
    """One trusted issuer.

    *name* is its key in the configuration, *issuer* the ``iss`` of its tokens. *audiences* of None
    means that the audience is not checked. If it *reports*, tokens that fail its check are
    reported, but not refused. *identity* is what services learn from its tokens, if that differs
    from the policy's. With *tenants*, *issuer* has a placeholder for the tenant; *also_issued_as*
    are other ``iss`` of its tokens, if it has no tenants. *claims* are rules for each of its
    tokens, without path variables. *scopes_from* are the claims that grant scopes,
    *id_token_signals* what an ID token is recognised by, of ``ID_TOKEN_SIGNALS``; *kind_claims* are
    the claims that no access token has.

    One with a *trust_domain* (SPIFFE) signs JWT-SVIDs: their `sub` is below it, and `iss` optional.

    One that *introspects* is asked about each of its tokens, instead of checking a signature.
    """

    name: str
    issuer: str
    audiences: frozenset[str] | None
    algorithms: frozenset[str]
    profile: Profile
    leeway_seconds: float
    reports: bool = False
    identity: Identity | None = None
    claims: tuple[ClaimRule, ...] = ()
    scopes_from: tuple[ScopeSource, ...] = DEFAULT_SCOPES_FROM
    id_token_signals: frozenset[str] = frozenset(ID_TOKEN_SIGNALS)
    trust_domain: str | None = None
    introspects: bool = False
    tenants: Tenants | None = None
    also_issued_as: tuple[str, ...] = ()
    kind_claims: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds = self.id_token_signals.intersection(ID_TOKEN_CLAIMS).union(OTHER_KINDS)
        object.__setattr__(self, "kind_claims", kinds)

    def may_issue(self, iss: object) -> bool:
        """Return whether *iss* is one of this issuer's tokens."""
        if self.tenants is None:
            return iss == self.issuer or iss in self.also_issued_as
        return isinstance(iss, str) and self.tenants.tenant_in(iss) is not None

    def names_beside(self, iss: object) -> tuple[str, ...]:
        """Return every other `iss` of this issuer, or of the tenant in *iss*."""
        names = self.also_issued_as and (self.issuer, *self.also_issued_as)
        if self.tenants is not None:
            tenant = self.tenants.tenant_in(str(iss))
            names = tuple(one.replace(PLACEHOLDER, str(tenant)) for one in self.tenants.patterns)
        return tuple(name for name in names if name != iss)


class TenantIssuers:
    """The issuers with tenants, found by the ``iss`` of a token.

    That is one look-up, however many tenants are accepted; issuers that accept any are tried in
    turn.
    """

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self.issuers = tuple(issuers)
        self.by_pattern = {one.issuer: one for one in issuers}
        self._listed = {
            iss: issuer
            for issuer in issuers
            for iss in (() if issuer.tenants is None else issuer.tenants.listed())
        }
        self._open = [one for one in issuers if one.tenants and one.tenants.allowed is None]

    def find(self, iss: str) -> Issuer | None:
        """Return the issuer that accepts the tenant in *iss*, if any."""
        known = self._listed.get(iss)
        if known is not None:
            return known
        for issuer in self._open:
            if issuer.tenants is not None and issuer.tenants.tenant_in(iss) is not None:
                return issuer
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The compiled access policy: trusted issuers, rules of routes, and identity headers.

    *identity* has the headers of issuers and routes without headers of their own, and reserves all.
    *documents* are public, by host (canonical; ``ANY_HOST`` for all) and path. *revocations* are
    the lists that cover an issuer's tokens, by its name; issuers without lists are absent.
    *introspecting* are the issuers that introspect, by name.

    *trust_domains* are the issuers of tokens without `iss`, by the trust domain of their `sub`.
    """

    issuers: Mapping[str, Issuer]  # by `iss`, without those with tenants
    routes: RouteTable
    identity: Identity
    scope_implies: Mapping[str, frozenset[str]]  # transitively closed
    max_token_bytes: int
    documents: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    revocations: Mapping[str, tuple[RevocationRule, ...]] = field(default_factory=dict)
    trust_domains: Mapping[str, Issuer] = field(default_factory=dict)
    introspecting: Mapping[str, Issuer] = field(default_factory=dict)
    tenants: TenantIssuers | None = None

    def named(self, text: str) -> Issuer | None:
        """Return the issuer whose `issuer` in the configuration is *text*, if any."""
        found = self.issuers.get(text)
        if found is None and self.tenants is not None:
            return self.tenants.by_pattern.get(text)
        return found

    @property
    def trusted(self) -> Sequence[Issuer]:
        """Return all issuers, each once."""
        others = () if self.tenants is None else self.tenants.issuers
        return list({one.name: one for one in (*self.issuers.values(), *others)}.values())
