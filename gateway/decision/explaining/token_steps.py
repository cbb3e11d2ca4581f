"""Explain the checks of a token step by step, with the same functions that make them."""

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.decision.explaining.rule_steps import rule_steps
from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.keys import KeySet
from gateway.decision.policy import DEFAULT_SCOPES_FROM, Issuer, Policy, Profile
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_names import find_claim, format_claim_name
from gateway.decision.tenants import Tenants
from gateway.decision.token import Claims, CompactToken, SignedToken
from gateway.decision.tokens.authenticate import KeySets, ask_about, authenticate, find_issuer
from gateway.decision.tokens.claims import check_claims
from gateway.decision.tokens.introspected import FindAnswer, is_opaque
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import MAX_TRIED_KEYS, verify_signature
from gateway.decision.verdict import Deny, NeedIntrospection, NeedKeys

_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_SHOWN_KEYS = 10

# The part of ``check_claims`` behind each reason; two parts can miss a claim.
_CLAIM_CHECKS = {
    Reason.TOKEN_TYPE_MISMATCH: Check.KIND,
    Reason.TOKEN_EXPIRED: Check.TIMES,
    Reason.TOKEN_NOT_YET_VALID: Check.TIMES,
    Reason.AUDIENCE_MISMATCH: Check.AUDIENCE,
    Reason.CLAIM_RULE_FAILED: Check.ISSUER_RULES,
}


class Known(NamedTuple):
    """What is known at the time *now*: the *keys* of issuers, and what these answered."""

    keys: KeySets
    now: float
    find_answer: FindAnswer


def authentication_steps(
    token: bytes, policy: Policy, known: Known, route: Route
) -> Generator[Step, None, SignedToken | None]:
    """Yield the steps of ``authenticate``, up to the first that fails; return the token."""
    if route.introspector is not None and is_opaque(token):
        asked = policy.introspecting[route.introspector]
        yield Step(Check.FORM, "a JWT, or a token that only its issuer can read", "the latter")
        return (yield from _introspection_steps(token, asked, policy, known))
    compact = parse_compact(token)
    if isinstance(compact, Deny):
        yield _form(compact.detail, compact.reason)
        return None
    payload = parse_json_object(compact.payload)
    if isinstance(payload, JsonFault):
        yield _form(f"the payload is unreadable: {payload.detail}", Reason.TOKEN_MALFORMED)
        return None
    yield _form("three parts, readable in one way", None)
    issuer = find_issuer(payload, policy)
    if isinstance(issuer, Deny):
        names = ", ".join(map(_known_as, policy.trusted)) or "no issuer"
        yield Step(Check.ISSUER, f"iss is one of: {names}", _iss(payload), issuer.reason)
        return None
    found = f"{issuer.name}: {payload.get('iss') or issuer.issuer}"
    is_named = payload.get("iss") is not None
    expected = "iss is a configured issuer" if is_named else "sub is in a configured trust domain"
    yield Step(Check.ISSUER, expected, found, None, _of(issuer, "issuer"))
    answer = authenticate(token, policy, known.keys)
    if isinstance(answer, NeedIntrospection):
        if route.issuers is not None and issuer.name not in route.issuers:
            reason, setting = (
                Reason.ISSUER_NOT_ACCEPTED,
                Setting(Owner.ROUTE, route.name, ("require", "issuers")),
            )
            expected = f"one of: {', '.join(sorted(route.issuers))}"
            yield Step(Check.ACCEPTED_ISSUER, expected, issuer.name, reason, setting)
            return None
        return (yield from _introspection_steps(token, issuer, policy, known))
    yield from _crypto_steps(compact, issuer, known.keys.get(issuer.name), answer)
    if issuer.tenants is not None:
        yield from _tenant_steps(payload, issuer, issuer.tenants, answer)
    return answer if isinstance(answer, SignedToken) else None


def _introspection_steps(
    token: bytes, issuer: Issuer, policy: Policy, known: Known
) -> Generator[Step, None, SignedToken | None]:
    answer = known.find_answer(token, issuer, policy, known.now)
    expected = f"{issuer.name} says that the token is active"
    setting = _of(issuer, "introspection")
    if isinstance(answer, SignedToken):
        yield Step(Check.INTROSPECTION, expected, "it does", None, setting)
        return answer
    deny = ask_about(token, issuer).deny if answer is None else answer
    yield Step(Check.INTROSPECTION, expected, deny.detail, deny.reason, setting)
    return None


def _known_as(issuer: Issuer) -> str:
    tenants = issuer.tenants
    names = ", ".join((issuer.issuer, *issuer.also_issued_as))
    if tenants is None:
        return names
    count = "any tenant" if tenants.allowed is None else f"one of {len(tenants.allowed)} tenants"
    return f"{', '.join(tenants.patterns)} with {count}"


def _tenant_steps(
    payload: Mapping[str, object],
    issuer: Issuer,
    tenants: Tenants,
    answer: SignedToken | Deny | NeedKeys,
) -> Generator[Step, None, None]:
    """Yield the step of ``check_tenant``, if it came to that."""
    reason = answer.reason if isinstance(answer, Deny) else None
    if not isinstance(answer, SignedToken) and reason is not Reason.ISSUER_UNKNOWN:
        return
    name, own = format_claim_name(tenants.claim), find_claim(payload, tenants.claim)
    tenant = tenants.tenant_in(str(payload["iss"]))
    expected = f"{name} is {tenant!r}, as iss says"
    yield Step(Check.TENANT, expected, f"{name} is {own!r}", reason, _of(issuer, "tenants"))


def _of(issuer: Issuer, *keys: str) -> Setting:
    return Setting(Owner.ISSUER, issuer.name, keys)


def _form(found: str, reason: Reason | None) -> Step:
    return Step(Check.FORM, "a signed JWT in compact form", found, reason)


def _iss(payload: dict[str, object]) -> str:
    iss = payload.get("iss")
    return "no iss" if iss is None else f"iss is {iss!r}"


def _crypto_steps(
    compact: CompactToken,
    issuer: Issuer,
    key_set: KeySet | None,
    answer: SignedToken | Deny | NeedKeys,
) -> Generator[Step, None, None]:
    expected = f"alg is one of: {', '.join(sorted(issuer.algorithms))}"
    setting = _of(issuer, "algorithms")
    if compact.algorithm not in issuer.algorithms:
        reason = Reason.ALGORITHM_NOT_ALLOWED
        yield Step(Check.ALGORITHM, expected, compact.algorithm, reason, setting)
        return
    yield Step(Check.ALGORITHM, expected, compact.algorithm, None, setting)
    wanted = f"a key for kid {compact.kid!r} and {compact.algorithm}"
    if key_set is None:
        reason, found = Reason.KEYS_UNAVAILABLE, "no keys are loaded"
        yield Step(Check.KEY, wanted, found, reason, _of(issuer))
        return
    fault = verify_signature(compact, key_set)
    fitting = len(key_set.candidates(compact.kid, compact.algorithm))
    if not fitting and fault is not None:
        found = f"{fault.detail}; {_held(key_set)}"
        yield Step(Check.KEY, wanted, found, fault.reason, _of(issuer))
        return
    found = (
        "found" if fitting == 1 else f"{fitting} of them: tried in turn, at most {MAX_TRIED_KEYS}"
    )
    yield Step(Check.KEY, wanted, found, None, _of(issuer))
    whole = (
        "the key verifies the signature"
        if fitting == 1
        else "one of the keys verifies the signature"
    )
    if fault is not None:
        yield Step(Check.SIGNATURE, whole, fault.detail, fault.reason)
        return
    yield Step(Check.SIGNATURE, whole, "it does" if fitting == 1 else "one does")
    deny = answer if isinstance(answer, Deny) else None
    if deny is not None and deny.reason is Reason.ISSUER_UNKNOWN:
        deny = None  # what is wrong is its tenant, not the form of a claim
    found = "well-formed" if deny is None else deny.detail
    yield _claims_step(issuer, found, deny.reason if deny else None)


def _claims_step(issuer: Issuer, found: str, reason: Reason | None) -> Step:
    if issuer.trust_domain is None:
        return Step(Check.CLAIMS, "exp, and claims of the right types", found, reason)
    expected = f"a JWT-SVID: exp, and sub is a SPIFFE ID in {issuer.trust_domain}"
    return Step(Check.CLAIMS, expected, found, reason, _of(issuer, "issuer"))


def _held(key_set: KeySet) -> str:
    kids = [repr(key.kid) for key in key_set.keys]
    more = f" and {len(kids) - _SHOWN_KEYS} more" if len(kids) > _SHOWN_KEYS else ""
    return f"keys held: {', '.join(kids[:_SHOWN_KEYS]) or 'none'}{more}"


def claim_steps(token: SignedToken, now: float) -> Generator[Step, None, bool]:
    """Yield the steps of ``check_claims``, up to the first that fails; return whether all hold."""
    issuer, claims = token.issuer, token.claims
    deny = check_claims(token, issuer, now)
    failed = None if deny is None else _failed(deny.reason, issuer)
    if issuer.scopes_from is not DEFAULT_SCOPES_FROM:
        yield Step(Check.SCOPE_SOURCES, *_sources(token), None, _of(issuer, "scopes_from"))
    for check, expected, found, setting in (
        (Check.KIND, _expected_kind(issuer), _kind(token), _kind_setting(token, deny)),
        (Check.TIMES, f"current at {show_time(now)}", _times(claims), "leeway"),
        (Check.AUDIENCE, _expected_audience(issuer), _audience(claims), "audiences"),
    ):
        if deny is not None and check is failed:
            fault = f"{deny.detail}: {found}"
            yield Step(check, expected, fault, deny.reason, _of(issuer, setting))
            return False
        yield Step(check, expected, found, None, _of(issuer, setting))
        if check is Check.KIND:
            yield from rule_steps(
                issuer.claims,
                claims.all,
                ({},),
                Check.ISSUER_RULES,
                lambda rule: _of(issuer, "require", "claims", rule.key),
            )
            if failed is Check.ISSUER_RULES:
                return False
    return True


def _failed(reason: Reason, issuer: Issuer) -> Check:
    # RFC 9068 requires its claims together with the type; otherwise only `aud` can be missing.
    missing = Check.KIND if issuer.profile is Profile.RFC9068 else Check.AUDIENCE
    return _CLAIM_CHECKS.get(reason, missing)


def _expected_kind(issuer: Issuer) -> str:
    if issuer.profile is Profile.RFC9068:
        return "typ at+jwt, with every claim that RFC 9068 requires"
    if issuer.trust_domain is not None:
        return "typ JWT, JOSE or none, without claims of another kind of token"
    return "typ at+jwt, JWT or none, without claims of another kind of token"


def _kind_setting(token: SignedToken, deny: Deny | None) -> str:
    doubts = token.claims.doubts
    if deny is None or deny.reason is not Reason.TOKEN_TYPE_MISMATCH or doubts is None:
        return "profile"
    is_signal = doubts.other_kind in token.issuer.id_token_signals
    return "id_token_signals" if is_signal else "profile"


def _sources(token: SignedToken) -> tuple[str, str]:
    """Return where scopes are expected, and which were found."""
    names = (
        f"{format_claim_name(path)}{f' as {prefix}…' if prefix else ''}"
        for path, prefix in token.issuer.scopes_from
    )
    return f"scopes from: {', '.join(names)}", " ".join(token.claims.scopes) or "none"


def _kind(token: SignedToken) -> str:
    return "no typ" if token.token_type is None else f"typ {token.token_type!r}"


def _times(claims: Claims) -> str:
    named = (("exp", claims.expires_at), ("nbf", claims.not_before), ("iat", claims.issued_at))
    return ", ".join(f"{name} {show_time(at)}" for name, at in named if at is not None)


def _expected_audience(issuer: Issuer) -> str:
    if issuer.audiences is None:
        return "any: audiences are unchecked"
    return f"aud contains one of: {', '.join(sorted(issuer.audiences))}"


def _audience(claims: Claims) -> str:
    return f"aud is {', '.join(map(repr, sorted(claims.audiences))) or 'not there'}"


def show_time(at: float) -> str:
    """Return *at* (seconds since the epoch) in UTC, or as a number beyond the calendar."""
    if not 0 <= at <= _LAST_SECOND:
        return f"{at:g}"
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
