"""Read the claims of a payload, and check them."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.decision.policy import ID_TOKEN_SIGNALS, OTHER_KINDS, Issuer, Profile
from gateway.decision.reason import Reason
from gateway.decision.token import Claims, Doubts, SignedToken
from gateway.decision.tokens.kinds import find_other_kind
from gateway.decision.tokens.scopes import MalformedClaimError, list_texts, read_scopes
from gateway.decision.verdict import Deny

# Claims that are only checked to be strings; RFC 7519 §4.1.7, RFC 8693 §4.3.
_TEXTS = ("jti", "client_id")

# RFC 9068 §2.2, without `iss` and `exp`, which every profile requires, and checks earlier.
_REQUIRED_BY_RFC9068 = ("aud", "client_id", "iat", "jti", "sub")

_ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
_UNTYPED = frozenset({None, "jwt"})

_NOBODY: frozenset[str] = frozenset()
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

_MAX_TIME_SECONDS = 2.0**53  # above, a double no longer counts seconds

_EXPIRED = Deny(Reason.TOKEN_EXPIRED, "the token has expired")
_NOT_YET = Deny(Reason.TOKEN_NOT_YET_VALID, "the token is not valid yet")
_FROM_THE_FUTURE = Deny(Reason.TOKEN_NOT_YET_VALID, "the token was issued in the future")
_OTHER_AUDIENCE = Deny(Reason.AUDIENCE_MISMATCH, "the token names no audience of this API")
_OTHER_TYPE = Deny(Reason.TOKEN_TYPE_MISMATCH, "the token is of another type")
_OTHER_KIND = {
    name: Deny(Reason.TOKEN_TYPE_MISMATCH, f"the token has claims of another kind of token: {name}")
    for name in (*OTHER_KINDS, *ID_TOKEN_SIGNALS)
}


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
                raise MalformedClaimError(name)
        scopes = read_scopes(payload, issuer.scopes_from)
        granted = frozenset(scopes)
        if not granted.isdisjoint(scope_implies):
            granted = granted.union(*(scope_implies.get(scope, ()) for scope in scopes))
        audiences = _audiences(payload)
        # By position: naming so many fields costs more than a third of making it.
        return Claims(
            payload,
            issuer.issuer,
            _subject(payload),
            audiences,
            expires_at,
            _time(payload, "nbf"),
            _time(payload, "iat"),
            scopes,
            granted,
            _find_doubts(payload, issuer, audiences, scopes),
        )
    except MalformedClaimError as fault:
        return Deny(Reason.CLAIM_MALFORMED, f"the claim {fault} is malformed")


def check_claims(token: SignedToken, issuer: Issuer, now: float) -> Deny | None:
    """Return None if *token* is an access token, current at *now*, with an accepted audience.

    Its issuer's rules must hold too.
    """
    token_type, doubts = token.token_type, token.claims.doubts
    if token_type != _ACCESS_TOKEN_TYPE and (
        issuer.profile is Profile.RFC9068 or token_type not in _UNTYPED
    ):
        return _OTHER_TYPE
    if doubts is not None:
        deny = _judge(doubts, issuer, token_type)
        if deny is not None:
            return deny
    return check_current(token.claims, issuer, now)


def _judge(doubts: Doubts, issuer: Issuer, token_type: str | None) -> Deny | None:
    other_kind, lacking, broken_rule = doubts
    if lacking is not None:
        return _missing(lacking)
    # The type has the last word about the kind.
    if other_kind is not None and token_type != _ACCESS_TOKEN_TYPE:
        return _OTHER_KIND[other_kind]
    if broken_rule is None:
        return None
    detail = f"the rule of the issuer {issuer.name} does not hold: {broken_rule}"
    return Deny(Reason.CLAIM_RULE_FAILED, detail)


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


def _find_doubts(
    payload: Mapping[str, object],
    issuer: Issuer,
    audiences: frozenset[str],
    scopes: tuple[str, ...],
) -> Doubts | None:
    if issuer.profile is Profile.RFC9068:
        other_kind, lacking = None, _find_lacking(payload)
    elif (
        scopes
        and "typ" not in payload
        and "token_use" not in payload
        and issuer.kind_claims.isdisjoint(payload)
    ):
        other_kind, lacking = None, None  # most access tokens: a call would cost as much again
    else:
        other_kind, lacking = find_other_kind(payload, issuer, audiences, scopes), None
    broken = _find_broken(payload, issuer) if issuer.claims else None
    if other_kind is None and lacking is None and broken is None:
        return None
    return Doubts(other_kind, lacking, broken)


def _find_broken(payload: Mapping[str, object], issuer: Issuer) -> str | None:
    for rule in issuer.claims:
        if not rule.holds(payload, _NO_VARIABLES):
            return rule.text
    return None


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
    raise MalformedClaimError(name)


def _subject(payload: Mapping[str, object]) -> str | None:
    subject = payload.get("sub")
    if subject is None:
        return None
    if type(subject) is str and subject:
        return subject
    raise MalformedClaimError("sub")


def _audiences(payload: Mapping[str, object]) -> frozenset[str]:
    value = payload.get("aud")
    if type(value) is str:
        return frozenset((value,))
    if value is None:
        return _NOBODY
    return frozenset(list_texts(value, "aud"))
