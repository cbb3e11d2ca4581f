"""SPIFFE IDs, and what a JWT-SVID must be besides a good token."""

import re
from collections.abc import Mapping

from gateway.decision.policy import Issuer
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny

# JWT-SVID §2.1: those of RFC 7518, sections 3.3 to 3.5.
SVID_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"}
)

# SPIFFE-ID §2.1, §2.3: not only names of DNS; no port, no capitals, no percent-encoding.
_TRUST_DOMAIN = r"[a-z0-9._-]{1,255}"
# SPIFFE-ID §2.2: no segment is empty, `.` or `..`, and there is no slash at the end.
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_OF_TRUST_DOMAIN = re.compile(rf"spiffe://({_TRUST_DOMAIN})")
_OF_WORKLOAD = re.compile(rf"spiffe://({_TRUST_DOMAIN})(?:/{_SEGMENT})+")
_MAX_CHARACTERS = 2048  # SPIFFE-ID §2.3

# JWT-SVID §2.3, in the form of ``CompactToken.token_type``.
_TYPES = frozenset({None, "jwt", "jose"})

_NEITHER = Deny(
    Reason.CLAIM_MISSING, "the claim iss is missing, and the claim sub is not a SPIFFE ID"
)
_NOT_FOUND = Deny(Reason.ISSUER_UNKNOWN, "the trust domain of the claim sub is not configured")
_OTHER_TYPE = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token's type is not one of a JWT-SVID")
_NO_SUBJECT = Deny(Reason.CLAIM_MISSING, "the claim sub is missing")
_OTHER_SUBJECT = Deny(
    Reason.CLAIM_MALFORMED, "the claim sub is not a SPIFFE ID in the issuer's trust domain"
)


def read_trust_domain(text: str) -> str | None:
    """Return the name in ``spiffe://name``; None for any other text, a path included."""
    found = _OF_TRUST_DOMAIN.fullmatch(text)
    return None if found is None else found[1]


def trust_domain_of(subject: object) -> str | None:
    """Return the trust domain of a workload's SPIFFE ID; None if *subject* is no such ID."""
    if not isinstance(subject, str) or len(subject) > _MAX_CHARACTERS:
        return None
    found = _OF_WORKLOAD.fullmatch(subject)
    return None if found is None else found[1]


def find_by_subject(subject: object, trust_domains: Mapping[str, Issuer]) -> Issuer | Deny:
    """Return the issuer whose trust domain *subject*, the `sub` of a token without `iss`, is in."""
    trust_domain = trust_domain_of(subject)
    if trust_domain is None:
        return _NEITHER
    return trust_domains.get(trust_domain, _NOT_FOUND)


def read_svid(
    token_type: str | None, payload: dict[str, object], issuer: Issuer
) -> tuple[str, dict[str, object]] | Deny:
    """Return type and claims of a JWT-SVID of the trust domain *issuer*, whatever its `iss` says.

    JOSE is the same type as JWT. A missing `iss` is that of the issuer: rules, services and
    revocation lists need not know the difference. `alg`, `aud` and `exp` are checked as for all
    tokens (JWT-SVID §2.1, §3.2, §3.3).
    """
    if token_type not in _TYPES:
        return _OTHER_TYPE
    subject = payload.get("sub")
    if subject is None:
        return _NO_SUBJECT
    if trust_domain_of(subject) != issuer.trust_domain:
        return _OTHER_SUBJECT
    named = payload if payload.get("iss") is not None else {**payload, "iss": issuer.issuer}
    return "jwt", named
