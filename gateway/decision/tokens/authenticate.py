"""Authenticate a token: its issuer, its signature and its claims. The result may be cached."""

import json
import re
from collections.abc import Callable, Mapping

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_names import ABSENT, find_claim, format_claim_name
from gateway.decision.tenants import PLACEHOLDER, Tenants
from gateway.decision.token import Claims, CompactToken, SignedToken
from gateway.decision.tokens.claims import read_claims
from gateway.decision.tokens.identity_fields import render_identity
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
from gateway.decision.tokens.svid import find_by_subject, read_svid
from gateway.decision.verdict import Deny, Needed, NeedIntrospection, NeedKeys, WantedKey

KeySets = Mapping[str, KeySet]  # by issuer name; an issuer without loaded keys is absent

Authenticated = SignedToken | Deny | Needed
Authenticate = Callable[[bytes, Policy, KeySets], Authenticated]

_quote = json.JSONEncoder().encode

_NO_ISSUER = Deny(Reason.CLAIM_MISSING, "the claim iss is missing")
_BAD_ISSUER = Deny(Reason.CLAIM_MALFORMED, "the claim iss is malformed")
_ALGORITHM = Deny(Reason.ALGORITHM_NOT_ALLOWED, "the issuer's tokens may not use this algorithm")
_OTHER_TENANT = Deny(Reason.ISSUER_UNKNOWN, "the token's tenant is not the one in iss")
_NO_KEYS = Deny(Reason.KEYS_UNAVAILABLE, "the issuer's keys were never loaded")
_UNASKED = Deny(Reason.INTROSPECTION_UNAVAILABLE, "the issuer did not say whether it is active")


# Strangers choose the `iss` of a token that nobody has verified. Only what issuers are called is
# shown: a URL without a user, or a name; nothing as long as a signature, nor the start of a JWT.
_MAX_SHOWN_CHARACTERS = 200
_ISSUER = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[A-Za-z0-9._~:/%{}\[\]!$&()*+,;=-]+")
_UNLIKE_ISSUERS = re.compile(r"eyJ|[A-Za-z0-9_-]{65}")


def authenticate(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
    """Parse *token*, find its issuer and key, check the signature, read the claims.

    If its issuer introspects, nothing of it is believed: it is asked about.

    A pure function of its arguments, so that its results may be cached.
    """
    parsed = _parse(token)
    if isinstance(parsed, Deny):
        return parsed
    compact, payload = parsed
    issuer = find_issuer(payload, policy)
    if isinstance(issuer, Deny):
        return issuer
    if issuer.introspects:
        return ask_about(token, issuer)
    if compact.algorithm not in issuer.algorithms:
        return with_reporter(_ALGORITHM, issuer)
    key_set = keys.get(issuer.name)
    if key_set is None:
        return NeedKeys(issuer.name, None, with_reporter(_NO_KEYS, issuer))
    fault = verify_signature(compact, key_set)
    if fault is not None:
        return _ask_for_key(compact, issuer, key_set, with_reporter(fault, issuer))
    token_type = compact.token_type
    if issuer.trust_domain is not None:
        svid = read_svid(token_type, payload, issuer)
        if isinstance(svid, Deny):
            return with_reporter(svid, issuer)
        token_type, payload = svid
    claims = _read_claims(payload, issuer, policy)
    if isinstance(claims, Deny):
        return with_reporter(claims, issuer)
    return make_token(issuer, key_set, compact.kid, token_type, claims, policy)


def _parse(token: bytes) -> tuple[CompactToken, dict[str, object]] | Deny:
    compact = parse_compact(token)
    if isinstance(compact, Deny):
        return compact
    payload = parse_json_object(compact.payload)
    if isinstance(payload, JsonFault):
        return Deny(Reason.TOKEN_MALFORMED, f"the token's payload is unreadable: {payload.detail}")
    return compact, payload


def make_token(  # noqa: PLR0913, PLR0917 - by position, as below
    issuer: Issuer,
    key_set: KeySet,
    kid: str | None,
    token_type: str | None,
    claims: Claims,
    policy: Policy,
) -> SignedToken:
    """Return the token with these *claims*, and what is sent and logged about its caller."""
    # By position: naming so many fields costs more than a third of making it.
    return SignedToken(
        issuer,
        key_set,
        kid,
        token_type,
        claims,
        render_identity(issuer.identity or policy.identity, claims),
        _log_subject(claims, issuer),
        policy,
    )


def ask_about(token: bytes, issuer: Issuer) -> NeedIntrospection:
    """Return the question about *token* to *issuer*."""
    return NeedIntrospection(issuer, token, with_reporter(_UNASKED, issuer))


def _read_claims(payload: Mapping[str, object], issuer: Issuer, policy: Policy) -> Claims | Deny:
    claims = read_claims(payload, issuer, policy.scope_implies)
    if issuer.tenants is None or isinstance(claims, Deny):
        return claims
    return check_tenant(claims, issuer.issuer, issuer.tenants) or claims


def check_tenant(claims: Claims, pattern: str, tenants: Tenants) -> Deny | None:
    """Return None if the token's own tenant is the one in its ``iss``, and note that one.

    The keys are those of all tenants, so a signature alone proves no tenant. *pattern* is the
    ``iss`` of the issuer; *claims* then name that of the tenant, whichever name signed.
    """
    own = find_claim(claims.all, tenants.claim)
    if own is ABSENT:
        return Deny(
            Reason.CLAIM_MISSING, f"the claim {format_claim_name(tenants.claim)} is missing"
        )
    tenant = tenants.tenant_in(str(claims.all["iss"]))
    if tenant is None or own != tenant:
        return _OTHER_TENANT
    claims.issuer = pattern.replace(PLACEHOLDER, tenant)
    return None


def _log_subject(claims: Claims, issuer: Issuer) -> bytes:
    """Return the subject for the access log; and ``iss``, if it is not the issuer's name for it."""
    subject = _quote(claims.subject)
    iss = claims.all.get("iss")
    if iss is not None and iss != issuer.issuer:
        subject += f',"iss":{_quote(iss)}'
    return subject.encode("ascii")


def find_issuer(payload: Mapping[str, object], policy: Policy) -> Issuer | Deny:
    """Return the configured issuer that equals ``iss``, code point by code point.

    Without ``iss``, it is the one whose trust domain ``sub`` is in (JWT-SVID §3.1).
    """
    iss = payload.get("iss")
    if iss is None:
        if policy.trust_domains:
            return find_by_subject(payload.get("sub"), policy.trust_domains)
        return _NO_ISSUER
    if not isinstance(iss, str):
        return _BAD_ISSUER
    issuer = policy.issuers.get(iss)
    if issuer is None and policy.tenants is not None:
        issuer = policy.tenants.find(iss)
    return _refuse_issuer(iss, policy) if issuer is None else issuer


def _refuse_issuer(iss: str, policy: Policy) -> Deny:
    # The most frequent mistake of all, and the hardest to see.
    twin = policy.issuers.get(iss[:-1] if iss.endswith("/") else f"{iss}/")
    near = "" if twin is None else f", but `{twin.name}` is, except for the slash at the end"
    detail = f"the token's issuer is not configured: {_show_issuer(iss)}{near}"
    return Deny(Reason.ISSUER_UNKNOWN, detail)


def _show_issuer(iss: str) -> str:
    """Return *iss* without a query or fragment if it is harmless, else only its length (8725.8)."""
    bare = re.split(r"[?#]", iss, maxsplit=1)[0]
    is_harmless = (
        len(iss) <= _MAX_SHOWN_CHARACTERS
        and _ISSUER.fullmatch(bare) is not None
        and _UNLIKE_ISSUERS.search(bare) is None
    )
    return bare if is_harmless else f"({len(iss)} characters)"


def _ask_for_key(
    token: CompactToken, issuer: Issuer, key_set: KeySet, fault: Deny
) -> Deny | NeedKeys:
    if fault.reason is Reason.KEY_UNKNOWN:
        fault = fault._replace(wanted_key=WantedKey(issuer.name, token.kid, token.algorithm))
    # Only an unknown key id is worth a fetch; a bad signature by a known key is not.
    known = token.kid is None or any(key.kid == token.kid for key in key_set.keys)
    return fault if known else NeedKeys(issuer.name, token.kid, fault)


def with_reporter(deny: Deny, issuer: Issuer) -> Deny:
    """Return *deny* with *issuer* as its reporter, if the issuer only reports."""
    return deny._replace(reporter=issuer) if issuer.reports else deny
