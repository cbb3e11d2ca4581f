"""Decide what becomes of one request."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache

from gateway.decision.bearer import bearer_token
from gateway.decision.claims import check_claims, read_claims
from gateway.decision.head import RequestHead
from gateway.decision.identity_fields import render_identity
from gateway.decision.json_text import JsonFault, parse_json_object
from gateway.decision.jws import parse_compact
from gateway.decision.keys import KeySet
from gateway.decision.path import path_segments, split_path
from gateway.decision.policy import Issuer, Policy
from gateway.decision.readings import find_odd
from gateway.decision.reason import Reason
from gateway.decision.routing import Match, Route
from gateway.decision.signature import verify_signature
from gateway.decision.token import CompactToken, SignedToken
from gateway.decision.verdict import Allow, Deny, NeedKeys

KeySets = Mapping[str, KeySet]  # by issuer name; an issuer whose keys were never had is absent

Authenticate = Callable[[bytes, Policy, KeySets], SignedToken | Deny | NeedKeys]

# Few reasons for each route; routes of a former policy fall out by and by.
_REMEMBERED_REFUSALS = 4096

_quote = json.JSONEncoder().encode

_ISSUER_UNKNOWN = Deny(Reason.ISSUER_UNKNOWN, "the token's issuer is not configured")
_NO_ISSUER = Deny(Reason.CLAIM_MISSING, "the claim iss is missing")
_BAD_ISSUER = Deny(Reason.CLAIM_MALFORMED, "the claim iss is malformed")
_ALGORITHM = Deny(Reason.ALGORITHM_NOT_ALLOWED, "the issuer's tokens may not use this algorithm")
_NO_KEYS = Deny(Reason.KEYS_UNAVAILABLE, "the issuer's keys were never loaded")
_NO_ROUTE = Deny(Reason.ROUTE_NOT_FOUND, "no route matches host and path")


def authenticate(token: bytes, policy: Policy, keys: KeySets) -> SignedToken | Deny | NeedKeys:
    """Parse *token*, find its issuer and key, check the signature, read the claims.

    A pure function of its arguments, and so the one thing here that may be remembered.
    """
    compact = parse_compact(token)
    if isinstance(compact, Deny):
        return compact
    payload = parse_json_object(compact.payload)
    if isinstance(payload, JsonFault):
        return Deny(Reason.TOKEN_MALFORMED, f"the token's payload is unreadable: {payload.detail}")
    issuer = find_issuer(payload, policy)
    if isinstance(issuer, Deny):
        return issuer
    if compact.algorithm not in issuer.algorithms:
        return _ALGORITHM
    key_set = keys.get(issuer.name)
    if key_set is None:
        return NeedKeys(issuer.name, None, _NO_KEYS)
    fault = verify_signature(compact, key_set)
    if fault is not None:
        return _ask_for_key(compact, issuer, key_set, fault)
    claims = read_claims(payload, issuer, policy.scope_implies)
    if isinstance(claims, Deny):
        return claims
    # By position: naming so many fields costs more than a third of making it.
    return SignedToken(
        issuer,
        key_set,
        compact.kid,
        compact.token_type,
        claims,
        render_identity(policy.identity, claims),
        _quote(claims.subject).encode("ascii"),
        policy,
    )


def find_issuer(payload: Mapping[str, object], policy: Policy) -> Issuer | Deny:
    """Return the configured issuer that equals ``iss``, code point by code point."""
    if "iss" not in payload:
        return _NO_ISSUER
    iss = payload["iss"]
    if not isinstance(iss, str):
        return _BAD_ISSUER
    return policy.issuers.get(iss, _ISSUER_UNKNOWN)


def _ask_for_key(
    token: CompactToken, issuer: Issuer, key_set: KeySet, fault: Deny
) -> Deny | NeedKeys:
    # Only a key id never seen is worth a fetch; a bad signature by a known key is not.
    known = token.kid is None or any(key.kid == token.kid for key in key_set.keys)
    return fault if known else NeedKeys(issuer.name, token.kid, fault)


def decide(
    head: RequestHead,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate = authenticate,
) -> Allow | Deny | NeedKeys:
    """Answer one request from what is in hand; ask for keys rather than fetch them."""
    match = find_route(head, policy)
    if isinstance(match, Deny):
        return match
    route = match.route
    if route.public or (route.optional and not head.authorization):
        return Allow(route, head.target, None, b"")
    token = head.known
    if token is None or token.policy is not policy or not is_current(token, keys):
        credential = bearer_token(head.authorization, policy.max_token_bytes)
        if isinstance(credential, Deny):
            return _refuse_unheard(credential, route)
        answer = authenticate(credential, policy, keys)
        if isinstance(answer, Deny):
            return _refuse_unheard(answer, route)
        if isinstance(answer, NeedKeys):
            return NeedKeys(answer.issuer_name, answer.kid, _refuse(answer.deny, route))
        token = answer
    deny = (
        (check_issuer(token, route) if route.issuers is not None else None)
        or check_claims(token, token.issuer, now)
        or check_scopes(token, route)
        or (check_rules(token, match) if route.claims else None)
    )
    if deny is not None:
        return _refuse(deny, route, token)
    return Allow(route, head.target, token, token.identity_fields)


def is_current(token: SignedToken, keys: KeySets) -> bool:
    """Return whether *token* was verified with the keys that its issuer has now."""
    return keys.get(token.issuer.name) is token.key_set


def find_route(head: RequestHead, policy: Policy) -> Match | Deny:
    """Return the route that owns the request; the query has no say in it."""
    path = split_path(head.target)
    routes = policy.routes
    recall = routes.recall  # by way of a local: half the price of `routes.recall(…)`
    question = (path, head.host, head.method)
    known = recall(question)
    if known is not None:
        return known
    segments = path_segments(path)
    if isinstance(segments, Deny):
        return find_odd(routes, question, segments) if routes.allows_odd_paths else segments
    match = routes.find(head.host, segments, head.method)
    if isinstance(match, Match):
        routes.remember(question, match)
        return match
    return _refuse_method(match.methods) if match.methods else _NO_ROUTE


@lru_cache(maxsize=_REMEMBERED_REFUSALS)
def _refuse_method(methods: tuple[str, ...]) -> Deny:
    return Deny(Reason.METHOD_NOT_ALLOWED, "the path has no route for this method", methods=methods)


def check_issuer(token: SignedToken, route: Route) -> Deny | None:
    """Return None if *route* takes tokens of the token's issuer."""
    if route.issuers is None or token.issuer.name in route.issuers:
        return None
    return Deny(Reason.ISSUER_NOT_ACCEPTED, f"the route does not accept {token.issuer.name}")


def check_scopes(token: SignedToken, route: Route) -> Deny | None:
    """Return None if the granted scopes satisfy *route*."""
    if route.scopes is None or route.scopes.holds(token.claims.granted):
        return None
    return Deny(Reason.SCOPE_MISSING, f"the route asks for {route.scopes.text}")


def check_rules(token: SignedToken, match: Match) -> Deny | None:
    """Return None if every claim test of the route holds, in all readings of the path."""
    for test in match.route.claims:
        if not test.holds(token.claims.all, match.variables):
            return Deny(Reason.CLAIM_RULE_FAILED, f"the rule does not hold: {test.text}")
    others = match.other_variables
    return check_rules(token, Match(match.route, others[0], others[1:])) if others else None


@lru_cache(maxsize=_REMEMBERED_REFUSALS)
def _refuse_unheard(deny: Deny, route: Route) -> Deny:
    # Whoever floods a route without a token that holds makes no object by it.
    return _refuse(deny, route)


def _refuse(deny: Deny, route: Route, token: SignedToken | None = None) -> Deny:
    wanted = () if route.scopes is None else route.scopes.wanted
    return Deny(deny.reason, deny.detail, route, token, wanted)
