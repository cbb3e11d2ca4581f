"""Read the claims of a payload, and check them."""

from collections.abc import Mapping

from gateway.decision.policy import Issuer, Profile
from gateway.decision.reason import Reason
from gateway.decision.token import Claims, SignedToken
from gateway.decision.verdict import Deny

# Claims that are only checked to be strings; RFC 7519 §4.1.7, RFC 8693 §4.3.
_TEXTS = ("jti", "client_id")

# RFC 9068 §2.2, without `iss` and `exp`, which every profile requires, and checks earlier.
_REQUIRED_BY_RFC9068 = ("aud", "client_id", "iat", "jti", "sub")

_ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
_UNTYPED = frozenset({None, "jwt"})

# RFC 8725 §3.12: other kinds of JWT from the same issuer must not pass as access tokens. If no
# type distinguishes them, their claims do: ID tokens (OpenID Connect Core §2), security events
# with logout tokens (RFC 8417), introspection responses (RFC 9701).
_OTHER_KINDS = frozenset({"nonce", "at_hash", "c_hash", "events", "token_introspection"})

_NOBODY: frozenset[str] = frozenset()

_MAX_TIME_SECONDS = 2.0**53  # above, a double no longer counts seconds

_EXPIRED = Deny(Reason.TOKEN_EXPIRED, "the token has expired")
_NOT_YET = Deny(Reason.TOKEN_NOT_YET_VALID, "the token is not valid yet")
_FROM_THE_FUTURE = Deny(Reason.TOKEN_NOT_YET_VALID, "the token was issued in the future")
_OTHER_AUDIENCE = Deny(Reason.AUDIENCE_MISMATCH, "the token names no audience of this API")
_OTHER_TYPE = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token is of another type")
_OTHER_KIND = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token has claims of another kind of token")


class _MalformedError(Exception):
    """Carries the name of a malformed claim out of the readers below."""


def read_claims(
    payload: Mapping[str, object], issuer: Issuer, scope_implies: Mapping[str, frozenset[str]]
) -> Claims | Deny:
    """Return the claims the gateway reads, or ``claim_malformed`` naming the first bad one.

    A null counts as a missing claim, since serialisers write it for one. So it grants nothing, and
    a required claim that is null is missing: ``exp`` always (``claim_missing``), since tokens
    without expiry are refused.
    """
    try:
        expires_at = _time(payload, "exp")
        if expires_at is None:
            return _missing("exp")
        for name in _TEXTS:
            text = payload.get(name)
            if text is not None and type(text) is not str:
                raise _MalformedError(name)
        scopes = _scopes(payload)
        granted = frozenset(scopes)
        if not granted.isdisjoint(scope_implies):
            granted = granted.union(*(scope_implies.get(scope, ()) for scope in scopes))
        # By position: naming so many fields costs more than a third of making it.
        return Claims(
            payload,
            issuer.issuer,
            _subject(payload),
            _audiences(payload),
            expires_at,
            _time(payload, "nbf"),
            _time(payload, "iat"),
            scopes,
            granted,
            # By names alone: a null nonce does not turn an ID token into an access token.
            not _OTHER_KINDS.isdisjoint(payload),
            _find_lacking(payload) if issuer.profile is Profile.RFC9068 else None,
        )
    except _MalformedError as fault:
        return Deny(Reason.CLAIM_MALFORMED, f"the claim {fault} is malformed")


def check_claims(token: SignedToken, issuer: Issuer, now: float) -> Deny | None:
    """Return None if *token* is an access token, current at *now*, with an accepted audience."""
    token_type = token.token_type
    if issuer.profile is Profile.RFC9068:
        if token_type != _ACCESS_TOKEN_TYPE:
            return _OTHER_TYPE
        if token.claims.lacking is not None:
            return _missing(token.claims.lacking)
    elif token_type != _ACCESS_TOKEN_TYPE:
        if token_type not in _UNTYPED:
            return _OTHER_TYPE
        if token.claims.has_other_kind:
            return _OTHER_KIND
    return check_current(token.claims, issuer, now)


def check_current(claims: Claims, issuer: Issuer, now: float) -> Deny | None:
    """Return None if *claims*, of a JWT of any kind, are current and of an accepted audience."""
    leeway_seconds = issuer.leeway_seconds
    # RFC 7519 §4.1.4: "on or after" the expiry is too late; the leeway moves that moment.
    if now >= claims.expires_at + leeway_seconds:
        return _EXPIRED
    soon = now + leeway_seconds
    not_before = claims.not_before
    if not_before is not None and soon < not_before:
        return _NOT_YET
    issued_at = claims.issued_at
    if issued_at is not None and soon < issued_at:
        return _FROM_THE_FUTURE
    audiences = issuer.audiences
    if audiences is None or not audiences.isdisjoint(claims.audiences):
        return None
    return _missing("aud") if claims.all.get("aud") is None else _OTHER_AUDIENCE


def _find_lacking(payload: Mapping[str, object]) -> str | None:
    """Return the first missing claim that RFC 9068 requires."""
    for name in _REQUIRED_BY_RFC9068:
        if payload.get(name) is None:
            return name
    return None


def _missing(name: str) -> Deny:
    return Deny(Reason.CLAIM_MISSING, f"the claim {name} is missing")


def _time(payload: Mapping[str, object], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    # RFC 7519 §2: a JSON number. `type(…)`, because isinstance accepts a bool as an int.
    if (type(value) is int or type(value) is float) and 0 <= value < _MAX_TIME_SECONDS:
        return value
    raise _MalformedError(name)


def _subject(payload: Mapping[str, object]) -> str | None:
    subject = payload.get("sub")
    if subject is None:
        return None
    if type(subject) is str and subject:
        return subject
    raise _MalformedError("sub")


def _audiences(payload: Mapping[str, object]) -> frozenset[str]:
    value = payload.get("aud")
    if type(value) is str:
        return frozenset((value,))
    if value is None:
        return _NOBODY
    return frozenset(_texts(value, "aud"))


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list):
        raise _MalformedError(name)
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) != len(value):
        raise _MalformedError(name)
    return texts


def _scopes(payload: Mapping[str, object]) -> tuple[str, ...]:
    listed = _listed(payload, "scope")
    if "scp" in payload:
        listed += _listed(payload, "scp")
    scopes = dict.fromkeys(listed)
    scopes.pop("", None)
    return tuple(scopes)


def _listed(payload: Mapping[str, object], name: str) -> list[str]:
    value = payload.get(name)
    # RFC 6749 §3.3 has single spaces between scopes. Some issuers write two, or one at an end: the
    # empty texts grant nothing, and there is no other way to read it.
    if type(value) is str:
        return value.split(" ")
    if value is None:
        return []
    listed = _texts(value, name)
    # An element with a space would become two scopes in a header.
    if any(" " in scope for scope in listed):
        raise _MalformedError(name)
    return listed
