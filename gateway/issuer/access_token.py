"""Sign JWT access tokens of the RFC 9068 profile."""

from collections.abc import Sequence
from dataclasses import dataclass

import jwt

from gateway.issuer.personas import Persona
from gateway.issuer.signing_keys import SigningKey


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of the token endpoint: to whom, for which audiences and scopes, for how long."""

    persona: Persona
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    lifetime_seconds: int


def sign_access_token(
    grant: Grant, key: SigningKey, issuer: str, issued_at_seconds: int, token_id: str
) -> str:
    """Return *grant* as a signed ``at+jwt`` with every claim RFC 9068 §2.2 requires."""
    claims: dict[str, object] = {
        **grant.persona.claims,
        "iss": issuer,
        "sub": grant.persona.subject,
        "aud": _audience_claim(grant.audiences),
        "client_id": grant.persona.client_id,
        "iat": issued_at_seconds,
        "exp": issued_at_seconds + grant.lifetime_seconds,
        "jti": token_id,
    }
    if grant.scopes:
        claims["scope"] = " ".join(grant.scopes)
    return jwt.encode(
        claims,
        key.private_key,
        algorithm=key.algorithm.value,
        headers={"typ": "at+jwt", "kid": key.kid},
    )


def _audience_claim(audiences: Sequence[str]) -> str | list[str]:
    # RFC 7519 §4.1.3: one audience may be a plain string.
    return audiences[0] if len(audiences) == 1 else list(audiences)
