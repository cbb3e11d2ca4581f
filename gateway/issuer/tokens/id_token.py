"""Sign ID tokens and logout tokens, and read ID tokens that come back as hints."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass

import jwt

from gateway.issuer.signing_keys import KeyRing, SigningKey
from gateway.issuer.tokens.grant import Grant

ID_TOKEN_SECONDS = 3600

# OpenID Connect Back-Channel Logout §2.4 recommends two minutes at most.
_LOGOUT_TOKEN_SECONDS = 120
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

# A hint is as long as an ID token of ours; longer ones are not read.
_MAX_HINT_CHARACTERS = 8 * 1024


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """What an ID token of ours says: whose it is, for which client, of which session."""

    subject: str
    client_id: str
    sid: str | None


def sign_id_token(
    grant: Grant, access_token: str, key: SigningKey, issuer: str, issued_at_seconds: int
) -> str:
    """Return the ID token that goes with *access_token* (OpenID Connect Core §2, §3.1.3.6)."""
    persona = grant.persona
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": persona.subject,
        "aud": grant.client_id,
        "iat": issued_at_seconds,
        "exp": issued_at_seconds + ID_TOKEN_SECONDS,
        "at_hash": _left_half(access_token),
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    if grant.authentication is not None:
        claims |= grant.authentication.claims()
    if "profile" in grant.scopes:
        claims |= {
            "name": persona.name.title(),
            "preferred_username": persona.name,
            **persona.claims,
        }
    return _sign(claims, key, "JWT")


def sign_logout_token(
    hint: IdTokenHint, key: SigningKey, issuer: str, issued_at_seconds: int, token_id: str
) -> str:
    """Return a logout token (OpenID Connect Back-Channel Logout §2.4) about the session of *hint*.

    Without a ``sid`` it is about all sessions of the subject.
    """
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": hint.subject,
        "aud": hint.client_id,
        "iat": issued_at_seconds,
        "exp": issued_at_seconds + _LOGOUT_TOKEN_SECONDS,
        "jti": token_id,
        "events": {_LOGOUT_EVENT: {}},
    }
    if hint.sid is not None:
        claims["sid"] = hint.sid
    return _sign(claims, key, "logout+jwt")


def read_id_token_hint(hint: str, ring: KeyRing, issuer: str) -> IdTokenHint | None:
    """Return what *hint* says if it is an ID token of ours; it may have expired since.

    OpenID Connect RP-Initiated Logout §2: an expired one still identifies the session.
    """
    if len(hint) > _MAX_HINT_CHARACTERS:
        return None
    for key in (ring.current, *(old.key for old in ring.retired)):
        claims = _verified(hint, key, issuer)
        if claims is not None:
            sid = claims.get("sid")
            return IdTokenHint(
                str(claims["sub"]), str(claims["aud"]), None if sid is None else str(sid)
            )
    return None


def _verified(hint: str, key: SigningKey, issuer: str) -> dict[str, object] | None:
    try:
        decoded = jwt.decode_complete(
            hint,
            key.private_key.public_key(),
            algorithms=[key.algorithm.value],
            issuer=issuer,
            options={
                "verify_exp": False,
                "verify_aud": False,
                "verify_iat": False,  # the clock is the issuer's own
                "require": ["iss", "sub", "aud", "exp", "iat", "at_hash"],
            },
        )
    except jwt.InvalidTokenError:
        return None
    # An access token or a logout token has the same signature, and another type.
    claims: dict[str, object] = decoded["payload"]
    return claims if decoded["header"].get("typ") == "JWT" else None


def _sign(claims: dict[str, object], key: SigningKey, kind: str) -> str:
    headers = {"typ": kind, "kid": key.kid}
    return jwt.encode(claims, key.private_key, algorithm=key.algorithm.value, headers=headers)


def _left_half(token: str) -> str:
    # Core §3.1.3.6: ES256 and RS256 both mean SHA-256.
    digest = hashlib.sha256(token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
