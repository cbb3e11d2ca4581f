"""Read a payload's claims, and check that they hold now and here."""

from collections.abc import Mapping

from gateway.decision.policy import Issuer, Profile
from gateway.decision.reason import Reason
from gateway.decision.token import Claims, SignedToken
from gateway.decision.verdict import Deny

# RFC 9068 §2.2.
_REQUIRED_BY_RFC9068 = frozenset({"iss", "exp", "aud", "sub", "client_id", "iat", "jti"})

_ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
_UNTYPED = frozenset({None, "jwt"})

# RFC 8725 §3.12: other kinds of JWT from the same issuer must not pass for access tokens.
# Where no type tells them apart, their own claims do: ID tokens (OpenID Connect Core §2),
# security events with logout tokens (RFC 8417), introspection answers (RFC 9701).
_OTHER_KINDS = frozenset({"nonce", "at_hash", "c_hash", "events", "token_introspection"})

_MAX_TIME_SECONDS = 2.0**53  # above, a double no longer counts seconds

_EXPIRED = Deny(Reason.TOKEN_EXPIRED, "the token has expired")
_NOT_YET = Deny(Reason.TOKEN_NOT_YET_VALID, "the token is not valid yet")
_FROM_THE_FUTURE = Deny(Reason.TOKEN_NOT_YET_VALID, "the token was issued in the future")
_OTHER_AUDIENCE = Deny(Reason.AUDIENCE_MISMATCH, "the token names no audience of this API")
_OTHER_TYPE = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token is of another type")
_OTHER_KIND = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token has claims of another kind of token")


class _MalformedError(Exception):
    """Carries the name of the claim out of the readers below."""


def read_claims(
    payload: Mapping[str, object], issuer: Issuer, scope_implies: Mapping[str, frozenset[str]]
) -> Claims | Deny:
    """Return the claims the gateway reads, or ``claim_malformed`` naming the first bad one.

    ``exp`` must be there (``claim_missing``): a token without an end is refused.
    """
    try:
        expires_at = _time(payload, "exp")
        if expires_at is None:
            return _missing("exp")
        _text(payload, "jti")
        _text(payload, "client_id")
        scopes = _scopes(payload)
        return Claims(
            all=payload,
            issuer=issuer.issuer,
            subject=_subject(payload),
            audiences=_audiences(payload),
            expires_at=expires_at,
            not_before=_time(payload, "nbf"),
            issued_at=_time(payload, "iat"),
            scopes=scopes,
            granted=frozenset(scopes).union(*(scope_implies.get(scope, ()) for scope in scopes)),
        )
    except _MalformedError as fault:
        return Deny(Reason.CLAIM_MALFORMED, f"the claim {fault} is malformed")


def check_claims(token: SignedToken, issuer: Issuer, now: float) -> Deny | None:
    """Return None if *token* is an access token, current at *now*, for an audience of ours."""
    deny = _check_kind(token, issuer)
    if deny is not None:
        return deny
    claims = token.claims
    leeway_seconds = issuer.leeway_seconds
    # RFC 7519 §4.1.4: "on or after" the expiry is too late; the leeway moves that second.
    if now >= claims.expires_at + leeway_seconds:
        return _EXPIRED
    soon = now + leeway_seconds
    if claims.not_before is not None and soon < claims.not_before:
        return _NOT_YET
    if claims.issued_at is not None and soon < claims.issued_at:
        return _FROM_THE_FUTURE
    if issuer.audiences is None or not issuer.audiences.isdisjoint(claims.audiences):
        return None
    return _OTHER_AUDIENCE if "aud" in claims.all else _missing("aud")


def _check_kind(token: SignedToken, issuer: Issuer) -> Deny | None:
    if issuer.profile is Profile.RFC9068:
        if token.token_type != _ACCESS_TOKEN_TYPE:
            return _OTHER_TYPE
        names = token.claims.all.keys()
        if not names >= _REQUIRED_BY_RFC9068:
            return _missing(min(_REQUIRED_BY_RFC9068 - names))
        return None
    if token.token_type == _ACCESS_TOKEN_TYPE:
        return None
    if token.token_type not in _UNTYPED:
        return _OTHER_TYPE
    return None if _OTHER_KINDS.isdisjoint(token.claims.all) else _OTHER_KIND


def _missing(name: str) -> Deny:
    return Deny(Reason.CLAIM_MISSING, f"the claim {name} is missing")


def _time(payload: Mapping[str, object], name: str) -> float | None:
    if name not in payload:
        return None
    value = payload[name]
    # RFC 7519 §2: a JSON number. A bool is an int to Python; a string is nobody's number.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _MalformedError(name)
    if not 0 <= value < _MAX_TIME_SECONDS:
        raise _MalformedError(name)
    return float(value)


def _text(payload: Mapping[str, object], name: str) -> str | None:
    if name not in payload:
        return None
    value = payload[name]
    if not isinstance(value, str):
        raise _MalformedError(name)
    return value


def _subject(payload: Mapping[str, object]) -> str | None:
    subject = _text(payload, "sub")
    if subject == "":
        raise _MalformedError("sub")
    return subject


def _audiences(payload: Mapping[str, object]) -> frozenset[str]:
    value = payload.get("aud", [])
    if isinstance(value, str):
        return frozenset((value,))
    return frozenset(_texts(value, "aud"))


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list):
        raise _MalformedError(name)
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) != len(value):
        raise _MalformedError(name)
    return texts


def _scopes(payload: Mapping[str, object]) -> tuple[str, ...]:
    scopes: dict[str, None] = {}
    for name in ("scope", "scp"):
        value = payload.get(name, [])
        # RFC 6749 §3.3: single spaces between; an empty string grants nothing.
        listed = value.split(" ") if isinstance(value, str) else _texts(value, name)
        # A space inside of an array's element would become two scopes in a header.
        if any(" " in scope for scope in listed):
            raise _MalformedError(name)
        scopes.update(dict.fromkeys(filter(None, listed)))
    return tuple(scopes)
