"""Personas: callers, with the claims of their token and the issuer that signs it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.decision.policy import Issuer, Profile
from gateway.decision.rules.claim_names import find_claim
from gateway.decision.tenants import PLACEHOLDER, Tenants
from gateway.suites.simulation.browsers import Browser

_NOT_IN_A_PATH = re.compile(r"[^A-Za-z0-9._-]+")  # of a SPIFFE ID (SPIFFE-ID §2.2)
SOME_TENANT = "some-tenant"
"""The tenant of callers if an issuer accepts any."""

# Long enough for tests that shift times by minutes.
LIFETIME_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Persona:
    """One caller, with everything that it inherits from the personas it extends.

    *issuer* is the name of an issuer in the configuration, or None for a caller without a token.
    *claims* replace the default claims, and so do *times*, in seconds from now; the claims in
    *without* are left out. *header* adds to the token's header or replaces parts of it. If
    *algorithm* is None, it is the fastest that the issuer allows. *attack* is the name of an attack
    on the token; *revoked* are the revocation lists that it is on.

    With *session*, the name of a login, the token is that of a session: none is sent. *browser* is
    what sends the requests, if a browser does.
    """

    name: str
    issuer: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    header: Mapping[str, object] = field(default_factory=dict)
    algorithm: str | None = None
    attack: str | None = None
    revoked: tuple[str, ...] = ()
    session: str | None = None
    browser: Browser | None = None


def default_subject(name: str, issuer: Issuer) -> str:
    """Return the `sub` of the caller *name*: a SPIFFE ID if the issuer is a trust domain."""
    if issuer.trust_domain is None:
        return name
    return f"spiffe://{issuer.trust_domain}/{_NOT_IN_A_PATH.sub('-', name).strip('.') or 'x'}"


def make_claims(persona: Persona, issuer: Issuer, at: float) -> dict[str, object]:
    """Return the claims of the token that *issuer* gives *persona* at the time *at*."""
    claims: dict[str, object] = {
        **_issued_by(issuer, persona.claims),
        "sub": default_subject(persona.name, issuer),
        # One of several, the same in each run: a token for all of them would hide a route
        # that fails to require its own.
        "aud": min(issuer.audiences) if issuer.audiences else "any-audience",
        # Not the subject: services must be able to distinguish them (RFC 9068 §5).
        "client_id": f"{persona.name}-client",
        "iat": int(at),
        "exp": int(at) + LIFETIME_SECONDS,
        "jti": f"{persona.name}-token",
        **persona.claims,
        **{name: int(at + seconds) for name, seconds in persona.times.items()},
    }
    return {name: value for name, value in claims.items() if name not in persona.without}


def _issued_by(issuer: Issuer, claims: Mapping[str, object]) -> Mapping[str, object]:
    """Return ``iss``, and the tenant if *issuer* has tenants: that of *claims*, or the first."""
    tenants = issuer.tenants
    if tenants is None:
        return {"iss": issuer.issuer}
    own, iss = find_claim(claims, tenants.claim), claims.get("iss")
    tenant = tenants.tenant_in(iss) if isinstance(iss, str) else None
    if isinstance(own, str):
        tenant = own
    return claims_of_tenant(tenants, tenant or min(tenants.allowed or {SOME_TENANT}))


def claims_of_tenant(tenants: Tenants, tenant: str) -> dict[str, object]:
    """Return the claims of a token that name *tenant*."""
    value: object = tenant
    for name in reversed(tenants.claim):
        value = {name: value}
    iss = tenants.patterns[0].replace(PLACEHOLDER, tenant)
    return {"iss": iss, **(value if isinstance(value, dict) else {})}


def make_header(persona: Persona, issuer: Issuer, algorithm: str, kid: str) -> dict[str, object]:
    """Return the header of the token, with the type that the issuer's profile requires."""
    typ = "at+jwt" if issuer.profile is Profile.RFC9068 else "JWT"
    return {"alg": algorithm, "kid": kid, "typ": typ, **persona.header}
