"""Sign JWT access tokens of the RFC 9068 profile."""

from collections.abc import Sequence

import jwt

from gateway.issuer.signing_keys import SigningKey
from gateway.issuer.tokens.grant import Grant


def sign_access_token(
    grant: Grant, key: SigningKey, issuer: str, issued_at_seconds: int, token_id: str
) -> str:
    """Return *grant* as a signed ``at+jwt`` with every claim RFC 9068 §2.2 requires."""
    claims: dict[str, object] = {
        **grant.persona.claims,
        "iss": issuer,
        "sub": grant.persona.subject,
        "aud": _audience_claim(grant.audiences),
        "client_id": grant.client_id,
        "iat": issued_at_seconds,
        "exp": issued_at_seconds + grant.lifetime_seconds,
        "jti": token_id,
    }
    if grant.scopes:
        claims["scope"] = " ".join(grant.scopes)
    if grant.authentication is not None:
        # RFC 9068 §2.2.1: what a service needs in order to ask for a step-up (RFC 9470).
        claims |= grant.authentication.claims()
    return jwt.encode(
        claims,
        key.private_key,
        algorithm=key.algorithm.value,
        headers={"typ": "at+jwt", "kid": key.kid},
    )


def _audience_claim(audiences: Sequence[str]) -> str | list[str]:
    # RFC 7519 §4.1.3: one audience may be a plain string.
    return audiences[0] if len(audiences) == 1 else list(audiences)
