"""Explain a decision step by step, with the same functions that make it."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from gateway.decision.browser import BrowserFields, is_forged
from gateway.decision.decide import (
    check_audiences,
    check_issuer,
    check_revocation,
    check_rules,
    check_scopes,
    check_step_up,
    decide,
    decide_by_session,
    find_login,
    find_route,
    is_same_token,
    without_credentials,
)
from gateway.decision.explaining.rule_steps import rule_steps
from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.explaining.token_steps import (
    Known,
    authentication_steps,
    claim_steps,
    show_time,
)
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.routes.routing import Match, Place, Route, SecondToken
from gateway.decision.rules.step_up import StepUp
from gateway.decision.token import Claims, SignedToken
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.bearer import bearer_token
from gateway.decision.tokens.introspected import FindAnswer, find_nothing
from gateway.decision.verdict import (
    Deny,
    LogIn,
    NeedCredentials,
    Needed,
    NeedSession,
    Publish,
    Settled,
)

Steps = Generator[Step, None, SignedToken | None]

_CANONICAL = "a path in canonical form"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A *verdict*, and the *steps* that led to it, up to the first that failed.

    *route* owns the request, *token* has a valid signature. If a step failed and the verdict is
    an Allow, the failure is only reported; if it is a LogIn, a login follows instead of a refusal.
    *session* is the one that was at hand.
    """

    verdict: Settled | Needed | LogIn
    route: Route | None
    token: SignedToken | None
    steps: tuple[Step, ...]
    session: SessionCredential = NO_SESSION


@dataclass(frozen=True, slots=True)
class Browsing:
    """What a *browser* says about a request, and the *session* that its cookies stand for."""

    browser: BrowserFields
    session: SessionCredential = NO_SESSION


_NO_BROWSER = Browsing(BrowserFields(b""))


def explain(  # noqa: PLR0913, PLR0917 - everything a decision depends on
    head: RequestHead,
    policy: Policy,
    keys: KeySets,
    now: float,
    revocations: RevocationLists,
    browsing: Browsing = _NO_BROWSER,
    find_answer: FindAnswer = find_nothing,
) -> Explanation:
    """Return the verdict of ``decide`` about the same request, with its steps.

    If that asks for a session, it is the verdict of ``decide_by_session``. The tokens of *head*
    were gathered, if its route asks for that.
    """
    verdict = decide(head, policy, keys, now, revocations=revocations, find_answer=find_answer)
    if isinstance(verdict, NeedSession):
        browser, session = browsing.browser, browsing.session
        verdict = decide_by_session(
            head,
            browser,
            session,
            policy,
            keys,
            now,
            revocations=revocations,
            find_answer=find_answer,
        )
    if isinstance(verdict, NeedCredentials):
        verdict = without_credentials(verdict.route, head.target)
    match = find_route(head, policy)
    if isinstance(match, Match):
        walk = _token_steps(head, match, policy, keys, now, revocations, browsing, find_answer)
    else:
        walk = _unrouted_steps(head, match)
    steps: list[Step] = []
    token: SignedToken | None = None
    while True:
        try:
            steps.append(next(walk))
        except StopIteration as end:
            token = end.value
            break
    route = match.route if isinstance(match, Match) else None
    return Explanation(verdict, route, token, tuple(steps))


def _unrouted_steps(head: RequestHead, answer: Deny | Publish) -> Steps:
    if isinstance(answer, Deny) and answer.reason is Reason.PATH_REJECTED:
        yield Step(Check.PATH, _CANONICAL, answer.detail, answer.reason)
        return None
    yield Step(Check.PATH, _CANONICAL, head.target.partition(b"?")[0].decode("latin-1"))
    wanted = f"a route for {head.method} on host {head.host!r}"
    if isinstance(answer, Publish):
        yield Step(Check.ROUTE, wanted, "a document that is published to everybody")
    else:
        allowed = f": it knows {', '.join(answer.methods)}" if answer.methods else ""
        yield Step(Check.ROUTE, wanted, answer.detail + allowed, answer.reason)
    return None


def _token_steps(  # noqa: PLR0913, PLR0917 - everything a decision depends on
    head: RequestHead,
    match: Match,
    policy: Policy,
    keys: KeySets,
    now: float,
    revocations: RevocationLists,
    browsing: Browsing,
    find_answer: FindAnswer,
) -> Steps:
    """Yield the steps about the first token, and if all hold, those about the second one."""
    sources = match.route.sources
    known = Known(keys, now, find_answer)
    walk = _route_steps(head, match, policy, known, revocations, browsing)
    if sources is None or sources.second is None:
        return (yield from walk)
    token, holds = yield from _watched(walk)
    if token is not None and holds:
        second = _second_steps(head, match, sources.second, policy, known, revocations)
        yield from _in_field(sources.second, second)
    return token


def _watched(walk: Steps) -> Generator[Step, None, tuple[SignedToken | None, bool]]:
    """Yield the steps of *walk*; return its token, and whether all of them hold."""
    holds = True
    while True:
        try:
            step = next(walk)
        except StopIteration as end:
            return end.value, holds
        holds = holds and step.holds
        yield step


def _second_steps(  # noqa: PLR0913, PLR0917 - everything a decision depends on
    head: RequestHead,
    match: Match,
    second: SecondToken,
    policy: Policy,
    known: Known,
    revocations: RevocationLists,
) -> Steps:
    own = match._replace(route=match.route.judged[1])
    sent = head.also or ()
    credential = bearer_token(sent, policy.max_token_bytes)
    if isinstance(credential, Deny):
        yield _step(Check.CREDENTIAL, "one bearer token", credential.detail, credential, own.route)
        return None
    found, reason = f"one of {len(credential)} bytes", None
    if is_same_token(head.authorization, sent):
        found, reason = "the same token as the first one", Reason.TOKEN_REPEATED
    yield Step(Check.CREDENTIAL, "one bearer token", found, reason, _of(own.route, "require"))
    if reason is not None:
        return None
    token = yield from authentication_steps(credential, policy, known, own.route)
    if token is None:
        return None
    if (yield from _accepted(token, own.route)) and (yield from claim_steps(token, known.now)):
        yield from _demands(token, own, policy, known.now, revocations)
    return token


def _in_field(second: SecondToken, walk: Steps) -> Generator[Step, None, None]:
    """Yield the steps of *walk*, which are about the token in the field of *second*."""
    for step in walk:
        setting = step.setting
        if setting is not None and setting.owner is Owner.ROUTE:
            keys = (setting.keys[0], "also", *setting.keys[1:])
            setting = Setting(setting.owner, setting.name, keys)
        yield replace(step, expected=f"{second.name}: {step.expected}", setting=setting)


def _route_steps(  # noqa: PLR0913, PLR0917 - everything a decision depends on
    head: RequestHead,
    match: Match,
    policy: Policy,
    known: Known,
    revocations: RevocationLists,
    browsing: Browsing,
) -> Steps:
    route = match.route
    yield Step(Check.PATH, _CANONICAL, head.target.partition(b"?")[0].decode("latin-1"))
    wanted = f"a route for {head.method} on host {head.host!r}"
    yield Step(Check.ROUTE, wanted, _found_route(match), None, _of(route, "match"))
    if route.public:
        expected, setting = "nothing: the route is public", _of(route, "public")
        yield Step(Check.CREDENTIAL, expected, _sent(head), None, setting)
        return None
    if route.login and not head.authorization:
        sent = yield from _session_steps(head, route, browsing)
        if sent is None:
            return None
        head = sent
    if route.optional and not head.authorization:
        expected, setting = "a bearer token that holds, or none", _of(route, "require", "optional")
        yield Step(Check.CREDENTIAL, expected, "none", None, setting)
        return None
    credential = bearer_token(head.authorization, policy.max_token_bytes)
    if isinstance(credential, Deny) and route.login and not head.authorization:
        credential = credential._replace(reason=Reason.LOGIN_REQUIRED)
    if isinstance(credential, Deny):
        yield _step(Check.CREDENTIAL, _wanted(route), credential.detail, credential, route)
        return None
    found = f"one of {len(credential)} bytes"
    yield _step(Check.CREDENTIAL, _wanted(route), found, None, route)
    token = yield from authentication_steps(credential, policy, known, route)
    if token is None:
        return None
    if (yield from _accepted(token, route)) and (yield from claim_steps(token, known.now)):
        yield from _demands(token, match, policy, known.now, revocations)
    return token


def _wanted(route: Route) -> str:
    if route.sources is None:
        return "one bearer token"
    places = (place.value for place in Place if place in route.sources.places)
    return f"one bearer token, by {' or '.join(places)}"


def _session_steps(
    head: RequestHead, route: Route, browsing: Browsing
) -> Generator[Step, None, RequestHead | None]:
    """Yield the steps before the token of a session is judged; return the head with that token."""
    browser, session, setting = browsing.browser, browsing.session, _of(route, "login")
    names = ", ".join(rule.name for rule in route.login)
    rule = find_login(route.login, browser.authority)
    is_nobody = route.optional and not session.login
    reason = None if rule is not None or is_nobody else Reason.LOGIN_MISDIRECTED
    host = browser.authority.decode("latin-1")
    yield Step(Check.LOGIN, f"a host of an origin of: {names}", host, reason, setting)
    if reason is not None:
        return None
    is_known = any(session.login == one.name for one in route.login)
    yield _session_step(session, route, names, is_known)
    if rule is None or not is_known:
        return None
    forgery = is_forged(head.method, browser, rule.origins)
    expected = "a request that no page of another origin can cause"
    reason = None if forgery is None else Reason.CSRF_REFUSED
    yield Step(Check.CSRF, expected, forgery or "such a request", reason, setting)
    if forgery is not None:
        return None
    return head._replace(authorization=session.authorization, known=session.known)


def _session_step(session: SessionCredential, route: Route, names: str, is_known: bool) -> Step:
    found = f"a session of {session.login}" if session.login else "neither"
    if not is_known and route.optional:
        setting = _of(route, "require", "optional")
        expected = f"a bearer token or a session of: {names}, or neither"
        return Step(Check.SESSION, expected, found, None, setting)
    reason = None if is_known else Reason.LOGIN_REQUIRED
    expected = f"a bearer token, or a session of: {names}"
    return Step(Check.SESSION, expected, found, reason, _of(route, "login"))


def _sent(head: RequestHead) -> str:
    return "a credential, which is ignored" if head.authorization else "no credential"


def _found_route(match: Match) -> str:
    variables = "".join(f", {name} = {value!r}" for name, value in match.variables.items())
    return f"{match.route.name}{variables}"


def _accepted(token: SignedToken, route: Route) -> Generator[Step, None, bool]:
    if route.issuers is None:
        return True
    deny = check_issuer(token, route)
    expected = f"one of: {', '.join(sorted(route.issuers))}"
    yield _step(Check.ACCEPTED_ISSUER, expected, token.issuer.name, deny, route, "issuers")
    return deny is None


def _demands(
    token: SignedToken, match: Match, policy: Policy, now: float, revocations: RevocationLists
) -> Generator[Step, None, None]:
    """Yield the steps beyond a valid token, up to the first that fails."""
    route, claims = match.route, token.claims
    if route.audiences is not None:
        deny = check_audiences(token, route)
        expected = f"aud contains one of: {', '.join(sorted(route.audiences))}"
        found = ", ".join(sorted(claims.audiences))
        yield _step(Check.ROUTE_AUDIENCE, expected, found, deny, route, "audiences")
        if deny is not None:
            return
    rules = policy.revocations.get(token.issuer.name, ())
    if rules:
        deny = check_revocation(token, policy, revocations, now)
        expected = f"on none of the lists: {', '.join(rule.name for rule in rules)}"
        found = "on none" if deny is None else deny.detail
        named = (rules[0].name,) if len(rules) == 1 else ()
        setting = Setting(Owner.FILE, "", ("revocations", *named))
        reason = None if deny is None else deny.reason
        yield Step(Check.REVOCATION, expected, found, reason, setting)
        if deny is not None:
            return
    if route.scopes is not None:
        deny = check_scopes(token, route)
        yield _step(Check.SCOPES, route.scopes.text, _scopes(claims), deny, route, "scopes")
        if deny is not None:
            return
    yield from rule_steps(
        route.claims,
        claims.all,
        (match.variables, *match.other_variables),
        Check.CLAIM_RULES,
        lambda rule: _of(route, "require", "claims", rule.key),
    )
    deny = check_rules(token, match)
    if deny is None and route.step_up is not None:
        deny = check_step_up(token, route.step_up, now)
        key = "acr" if deny and deny.reason is Reason.AUTHENTICATION_TOO_WEAK else "max_age"
        expected = _step_up(route.step_up)
        yield _step(Check.AUTHENTICATION, expected, _authentication(claims), deny, route, key)


def _step(
    check: Check, expected: str, found: str, deny: Deny | None, route: Route, *keys: str
) -> Step:
    """Return the step of a check that *route* requires, under *keys* of its ``require``."""
    reason = None if deny is None else deny.reason
    return Step(check, expected, found, reason, _of(route, "require", *keys))


def _of(route: Route, *keys: str) -> Setting:
    return Setting(Owner.ROUTE, route.name, keys)


def _scopes(claims: Claims) -> str:
    implied = sorted(claims.granted.difference(claims.scopes))
    beyond = f", and by scope_implies: {' '.join(implied)}" if implied else ""
    return f"{' '.join(claims.scopes) or 'none'}{beyond}"


def _step_up(wanted: StepUp) -> str:
    acr = f"acr is one of: {', '.join(wanted.acr_values)}" if wanted.acr_values else ""
    age = "" if wanted.max_age_seconds is None else f"auth_time within {wanted.max_age_seconds} s"
    return "; ".join(part for part in (acr, age) if part)


def _authentication(claims: Claims) -> str:
    acr, at = claims.all.get("acr"), claims.all.get("auth_time")
    known = isinstance(at, int | float)
    return f"acr {acr!r}, auth_time {show_time(at) if known else repr(at)}"  # type: ignore[arg-type]
