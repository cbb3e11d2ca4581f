"""Decide about one request."""

from dataclasses import replace
from functools import lru_cache, partial
from types import MappingProxyType
from typing import cast

from gateway.decision.browser import BrowserFields, LoginRule, is_forged
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.path import path_segments, split_path
from gateway.decision.policy import ANY_HOST, Issuer, Policy
from gateway.decision.readings import find_odd
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationList, RevocationLists
from gateway.decision.routes.routing import Match, Route, SecondToken
from gateway.decision.rules.step_up import StepUp, find_shortfall
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import (
    Authenticate,
    Authenticated,
    KeySets,
    ask_about,
    authenticate,
    with_reporter,
)
from gateway.decision.tokens.bearer import bearer_token
from gateway.decision.tokens.claims import check_claims
from gateway.decision.tokens.identity_fields import route_identity
from gateway.decision.tokens.introspected import FindAnswer, find_nothing, is_opaque
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    Needed,
    NeedIntrospection,
    NeedSession,
    Publish,
    Settled,
    Verdict,
)

# Few reasons for each route; routes of a former policy fall out by and by.
_REMEMBERED_REFUSALS = 4096

_READING = ("GET", "HEAD")

_OTHER_AUDIENCE = Deny(Reason.AUDIENCE_MISMATCH, "the token names no audience of the route")
_SHORTFALLS = {
    Reason.AUTHENTICATION_TOO_WEAK: Deny(
        Reason.AUTHENTICATION_TOO_WEAK, "acr is not one that the route requires"
    ),
    Reason.AUTHENTICATION_TOO_OLD: Deny(
        Reason.AUTHENTICATION_TOO_OLD, "auth_time is longer ago than the route allows"
    ),
}
_SAME_TOKEN = Deny(Reason.TOKEN_REPEATED, "it is the same token as the first one")
_NOT_GATHERED = Deny(Reason.TOKEN_MISSING, "the tokens of the request were not gathered")
_NO_LOGIN = Deny(Reason.LOGIN_REQUIRED, "no token was sent, and no session")
_NO_LISTS: RevocationLists = MappingProxyType({})
_NO_ROUTE = Deny(Reason.ROUTE_NOT_FOUND, "no route matches host and path")


def decide(  # noqa: PLR0913, PLR0917 - each is a part of what is in hand
    head: RequestHead,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate = authenticate,
    revocations: RevocationLists = _NO_LISTS,
    match: Match | Deny | Publish | None = None,
    find_answer: FindAnswer = find_nothing,
) -> Verdict:
    """Return the verdict about one request; ask for what is missing instead of fetching it.

    *match* is the result of ``find_route``, if it is known. *find_answer* knows what issuers said
    about tokens.
    """
    match = match or find_route(head, policy)
    if not isinstance(match, Match):
        return match
    route = match.route
    if route.is_irregular and (
        verdict := _decide_irregular(
            head, match, policy, keys, now, authenticate, revocations, find_answer
        )
    ):
        return verdict
    token = head.known
    if token is None or token.policy is not policy or not is_current(token, keys):
        credential = bearer_token(head.authorization, policy.max_token_bytes)
        if isinstance(credential, Deny):
            if route.login and not head.authorization:
                return NeedSession(route)
            return settle(_refuse_unverified(credential, route), head.target)
        answer = authenticate(credential, policy, keys)
        if not isinstance(answer, SignedToken):
            known = _introspect(answer, credential, route, policy, now, find_answer)
            if not isinstance(known, SignedToken):
                return _conclude(known, route, head.target)
            answer = known
        token = answer
    deny = (
        (check_issuer(token, route) if route.issuers is not None else None)
        or _check_token(token, now)
        or (check_audiences(token, route) if route.audiences is not None else None)
        or (check_revocation(token, policy, revocations, now) if policy.revocations else None)
        or check_scopes(token, route)
        or (check_rules(token, match) if route.claims else None)
        # Last: nobody should log in again, only to be refused for another reason.
        or (check_step_up(token, route.step_up, now) if route.step_up is not None else None)
    )
    if deny is not None:
        return settle(_refuse(deny, route, token), head.target)
    if route.identities is not None:
        return Allow(route, head.target, token, route_identity(token, route.identities))
    return Allow(route, head.target, token, token.identity_fields)


def _decide_irregular(  # noqa: PLR0913, PLR0917 - each is a part of what is in hand
    head: RequestHead,
    match: Match,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate,
    revocations: RevocationLists,
    find_answer: FindAnswer,
) -> Verdict | None:
    """Return the verdict if the route requires no token, or not just one in Authorization."""
    route = match.route
    if route.sources is not None:
        if head.also is None:
            return NeedCredentials(route)
        return _decide_each(head, match, policy, keys, now, authenticate, revocations, find_answer)
    if route.public or (route.optional and not head.authorization and not route.login):
        return Allow(route, head.target, None, b"")
    return None


# --- tokens elsewhere than in Authorization


def _decide_each(  # noqa: PLR0913, PLR0917 - each is a part of what is in hand
    head: RequestHead,
    match: Match,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate,
    revocations: RevocationLists,
    find_answer: FindAnswer,
) -> Verdict:
    """Return the verdict about a request whose tokens were gathered: each is judged alone."""
    route = match.route
    own = match._replace(route=route.judged[0])
    judge = partial(
        decide,
        policy=policy,
        keys=keys,
        now=now,
        authenticate=authenticate,
        revocations=revocations,
        find_answer=find_answer,
    )
    first = _about(route, judge(head, match=own))
    second = None if route.sources is None else route.sources.second
    if second is None or not isinstance(first, Allow) or first.would_deny is not None:
        return first
    own = match._replace(route=route.judged[1])
    credential = head.also or ()
    also: Verdict
    if is_same_token(head.authorization, credential):
        also = settle(_refuse(_SAME_TOKEN, own.route), head.target)
    else:
        other = RequestHead(head.method, head.host, head.target, credential)
        also = judge(other, match=own)
    return _combine(first, also, second)


def _combine(first: Allow, also: Verdict, second: SecondToken) -> Verdict:
    """Return the verdict about both tokens; the refusal of the second one names its field."""

    def name(deny: Deny) -> Deny:
        reporter = deny.reporter
        return deny._replace(
            detail=f"{second.name}: {deny.detail}",
            route=first.route,
            token=first.token,
            field=second.name,
            # Not in `settle`, where the route's own issuers would count.
            reporter=reporter if reporter and reporter.name in second.issuers else None,
        )

    if isinstance(also, Deny):
        return name(also)
    if isinstance(also, Needed):
        return replace(also, deny=name(also.deny))
    if isinstance(also, Allow) and also.token is not None:
        fields = first.identity_fields + also.identity_fields
        return first._replace(identity_fields=fields, also=also.token)
    reported = cast(Deny, cast(Allow, also).would_deny)  # nothing else is left
    return first._replace(token=None, identity_fields=b"", would_deny=name(reported))


def is_same_token(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> bool:
    """Return whether a caller passes for its own workload, whatever their issuers are."""
    return [_content(one) for one in first] == [_content(one) for one in second]


def _content(value: bytes) -> bytes:
    """Return the token in *value* without its signature.

    Whoever has a signature of ECDSA can make another one of it: the negative of its second number
    is valid, too.
    """
    token = value[7:].strip(b" ")
    return token if is_opaque(token) else token.rpartition(b".")[0]


def _about(route: Route, verdict: Verdict) -> Verdict:
    """Return the *verdict* about one token as one about *route*."""
    if isinstance(verdict, Needed):
        return replace(verdict, deny=verdict.deny._replace(route=route))
    return verdict if isinstance(verdict, Publish) else verdict._replace(route=route)


def _introspect(  # noqa: PLR0913, PLR0917 - each is a part of what is in hand
    answer: Authenticated,
    credential: bytes,
    route: Route,
    policy: Policy,
    now: float,
    find_answer: FindAnswer,
) -> Authenticated:
    """Return *answer*, or what an issuer that *route* accepts says about *credential*.

    A token is shown to one issuer only: the one that it names itself, or the only one that the
    route has for tokens which name none.
    """
    if isinstance(answer, Deny):
        if route.introspector is None or not is_opaque(credential):
            return answer
        answer = ask_about(credential, policy.introspecting[route.introspector])
    if not isinstance(answer, NeedIntrospection):
        return answer
    issuer = answer.issuer
    if not _accepts(route, issuer):
        return _refuse_issuer(issuer)
    return find_answer(credential, issuer, policy, now) or answer


def _conclude(answer: Deny | Needed, route: Route, target: bytes) -> Allow | Deny | Needed:
    if isinstance(answer, Deny):
        return settle(_refuse_unverified(answer, route), target)
    return replace(answer, deny=_refuse(answer.deny, route))


def decide_by_session(  # noqa: PLR0913, PLR0917 - each is a part of what is in hand
    head: RequestHead,
    browser: BrowserFields,
    session: SessionCredential,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate = authenticate,
    revocations: RevocationLists = _NO_LISTS,
    match: Match | None = None,
    find_answer: FindAnswer = find_nothing,
) -> Settled | Needed | NeedCredentials:
    """Return the verdict about a request without a token, for which there is this *session*.

    Its token is judged as if the request had sent it. On a route without a login it counts for
    nothing.
    """
    authorization = session.authorization
    known = RequestHead(
        head.method, head.host, head.target, authorization, session.known, head.also
    )
    # First, so that the route is looked up once: most sessions are in order.
    judge = partial(
        decide,
        policy=policy,
        keys=keys,
        now=now,
        authenticate=authenticate,
        revocations=revocations,
        match=match,
        find_answer=find_answer,
    )
    verdict = judge(known)
    route = _route_of(verdict)
    if route is not None and not route.login:
        verdict = judge(head)
    elif route is not None:
        refusal = _check_session(head, browser, session, route)
        # A token may be sent elsewhere: it decides alone.
        if refusal is not None and not isinstance(verdict, NeedCredentials):
            return refusal
    return (
        without_session(verdict.route, head.target) if isinstance(verdict, NeedSession) else verdict
    )


def _route_of(verdict: Verdict) -> Route | None:
    if isinstance(verdict, Publish):
        return None
    return verdict.deny.route if isinstance(verdict, Needed) else verdict.route


def _check_session(
    head: RequestHead, browser: BrowserFields, session: SessionCredential, route: Route
) -> Allow | Deny | None:
    """Return the verdict if the session does not count for this request, whatever its token."""
    rule = find_login(route.login, browser.authority)
    if rule is None:
        if route.optional and not session.login:  # nobody asks to be logged in
            return without_session(route, head.target)
        deny = Deny(Reason.LOGIN_MISDIRECTED, "the host is no origin of a login of the route")
        return settle(_refuse(deny, route), head.target)
    if session.login != rule.name and all(session.login != one.name for one in route.login):
        return without_session(route, head.target)
    forgery = is_forged(head.method, browser, rule.origins)
    if forgery is not None:
        return settle(_refuse(Deny(Reason.CSRF_REFUSED, forgery), route), head.target)
    return None


def without_session(route: Route, target: bytes) -> Allow | Deny:
    """Return the verdict about a request with neither a token nor a session for *route*."""
    if route.optional:
        return Allow(route, target, None, b"")
    return settle(_refuse(_NO_LOGIN, route), target)


def without_credentials(route: Route, target: bytes) -> Allow | Deny:
    """Return the verdict about a request to *route* whose tokens nobody gathers."""
    return settle(_refuse(_NOT_GATHERED, route), target)


def find_login(rules: tuple[LoginRule, ...], authority: bytes) -> LoginRule | None:
    """Return the first of *rules* with an origin of this *authority*."""
    for rule in rules:  # a loop: each request by session comes here
        if authority in rule.authorities:
            return rule
    return None


def settle(deny: Deny, target: bytes) -> Allow | Deny:
    """Return *deny*, or an Allow that reports it, if the route or the issuer only reports.

    An issuer's setting counts only if the route accepts its tokens at all: anyone can write its
    name into a token.
    """
    route, reporter = deny.route, deny.reporter
    if route is None:
        return deny
    if not route.reports and (reporter is None or not (deny.field or _accepts(route, reporter))):
        return deny
    return Allow(route, target, None, b"", deny)


def _accepts(route: Route, issuer: Issuer) -> bool:
    return route.issuers is None or issuer.name in route.issuers


def _check_token(token: SignedToken, now: float) -> Deny | None:
    deny = check_claims(token, token.issuer, now)
    return None if deny is None else with_reporter(deny, token.issuer)


def is_current(token: SignedToken, keys: KeySets) -> bool:
    """Return whether *token* was verified with the current keys of its issuer."""
    return keys.get(token.issuer.name) is token.key_set


def find_route(head: RequestHead, policy: Policy) -> Match | Deny | Publish:
    """Return the route that owns the request; the query never matters.

    Published documents come before all routes, and are never cached as one.
    """
    path = split_path(head.target)
    routes = policy.routes
    recall = routes.recall  # a local: half the cost of `routes.recall(…)`
    question = (path, head.host, head.method)
    known = recall(question) or routes.recall_older(question)
    if known is not None:
        return known
    documents = policy.documents
    if documents:
        document = documents.get((head.host, path)) or documents.get((ANY_HOST, path))
        if document is not None:
            return Publish(document) if head.method in _READING else _refuse_method(_READING)
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
    """Return None if *route* accepts tokens of the token's issuer."""
    if _accepts(route, token.issuer):
        return None
    return _refuse_issuer(token.issuer)


def _refuse_issuer(issuer: Issuer) -> Deny:
    return Deny(Reason.ISSUER_NOT_ACCEPTED, f"the route does not accept {issuer.name}")


def check_audiences(token: SignedToken, route: Route) -> Deny | None:
    """Return None if the token has one of the audiences that *route* itself requires."""
    if route.audiences is None or not route.audiences.isdisjoint(token.claims.audiences):
        return None
    return _OTHER_AUDIENCE


def check_revocation(
    token: SignedToken, policy: Policy, lists: RevocationLists, now: float
) -> Deny | None:
    """Return None if no list that covers the token's issuer revokes it at *now*.

    A missing list refuses or is skipped, as its rule says; a token on another list is revoked in
    any case.
    """
    issuer = token.issuer
    missing: Deny | None = None
    for rule in policy.revocations.get(issuer.name, ()):
        listed = lists.get(rule.name)
        if listed is None:
            if rule.refuses_without:
                detail = f"the revocation list {rule.name} is not loaded"
                missing = Deny(Reason.REVOCATIONS_UNAVAILABLE, detail)
        elif _is_revoked(token, listed, now):
            detail = f"the token is on the revocation list {rule.name}"
            return with_reporter(Deny(Reason.TOKEN_REVOKED, detail), issuer)
    return missing if missing is None else with_reporter(missing, issuer)


def _is_revoked(token: SignedToken, listed: RevocationList, now: float) -> bool:
    claims, issuer = token.claims, token.issuer
    issued_at, leeway = claims.issued_at, issuer.leeway_seconds
    if listed.revokes(claims.all, issued_at, now, leeway):
        return True
    # An entry has one `iss`, but a subject may have tokens with each name of its issuer.
    return any(
        listed.revokes({**claims.all, "iss": name}, issued_at, now, leeway)
        for name in issuer.names_beside(claims.all.get("iss"))
    )


def check_step_up(token: SignedToken, wanted: StepUp, now: float) -> Deny | None:
    """Return None if the authentication behind the token is what is *wanted*."""
    shortfall = find_shortfall(token.claims.all, wanted, now, token.issuer.leeway_seconds)
    return None if shortfall is None else _SHORTFALLS[shortfall]


def check_scopes(token: SignedToken, route: Route) -> Deny | None:
    """Return None if the granted scopes satisfy *route*."""
    if route.scopes is None or route.scopes.holds(token.claims.granted):
        return None
    return Deny(Reason.SCOPE_MISSING, f"the route requires {route.scopes.text}")


def check_rules(token: SignedToken, match: Match) -> Deny | None:
    """Return None if every claim test of the route holds, in all readings of the path."""
    for test in match.route.claims:
        if not test.holds(token.claims.all, match.variables):
            return Deny(Reason.CLAIM_RULE_FAILED, f"the rule does not hold: {test.text}")
    others = match.other_variables
    return check_rules(token, Match(match.route, others[0], others[1:])) if others else None


def _refuse_unverified(deny: Deny, route: Route) -> Deny:
    # Unknown key ids and issuers are as good as random: caching their refusals is useless.
    return _refuse(deny, route) if deny.is_made_up else _recall_refusal(deny, route)


@lru_cache(maxsize=_REMEMBERED_REFUSALS)
def _recall_refusal(deny: Deny, route: Route) -> Deny:
    # A flood of requests without a valid token allocates no new refusals.
    return _refuse(deny, route)


def _refuse(deny: Deny, route: Route, token: SignedToken | None = None) -> Deny:
    wanted = () if route.scopes is None else route.scopes.wanted
    # By position: naming so many fields costs more than a third of making it.
    return Deny(deny.reason, deny.detail, route, token, wanted, (), deny.reporter, deny.wanted_key)
