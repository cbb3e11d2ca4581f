"""An explanation says what the decision says, step by step, and where it went wrong."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session
from gateway.decision.explaining.explanation import Browsing, Explanation, explain
from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.keys import KeySet
from gateway.decision.policy import DEFAULT_SCOPES_FROM, Policy, ScopeSource
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import RouteTable
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AnyOf, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.decision.verdict import Allow, Deny, LogIn, NeedKeys, NeedSession, Publish, Verdict
from tests.decision.policies import NOW, claims, head, issuer, policy, route
from tests.decision.test_laws import AUTHORIZATIONS, HEADS, KEY_SETS, TIMES, TRUSTED, outline
from tests.decision.test_laws import KEYS as LAW_KEYS
from tests.decision.test_laws import POLICY as LAW_POLICY
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
LISTS = {
    "blocked": RevocationList([Revocation((("jti", "gone"),), float("inf"), float("inf"))]),
    "logouts": RevocationList([]),
}
RULES = {
    "main": (
        RevocationRule("blocked", frozenset({"main"}), refuses_without=True),
        RevocationRule("logouts", frozenset({"main"}), refuses_without=False),
    )
}


def explained_policy() -> Policy:
    everything = policy(
        route("/public", public=True),
        route("/optional", optional=True),
        route("/any"),
        route("/partner", issuers=frozenset({"partner"})),
        route("/get", methods=frozenset({"GET"})),
        route(
            "/tenants/{tenant}",
            issuers=frozenset({"main"}),
            audiences=frozenset({"orders-api", "other-api"}),
            scopes=compile_scopes(AnyOf(("orders:read", "orders:write"))),
            claims=(
                compile_claim_test(("tenant",), "equals", "{path.tenant}"),
                compile_claim_test(("level",), "at_least", 2),
            ),
            step_up=StepUp(("gold", "silver"), 900),
        ),
        route("/elsewhere", audiences=frozenset({"other-api"})),
        route("/acr", step_up=StepUp(("gold",), None)),
        route("/age", step_up=StepUp((), 900)),
        route("/report", scopes=compile_scopes("admin"), reports=True),
        issuers=(
            issuer(
                claims=(compile_claim_test(("sub",), "exists", True),),
                scopes_from=(*DEFAULT_SCOPES_FROM, ScopeSource(("roles",))),
            ),
        ),
        documents={("h", b"/document"): b"{}"},
        implies={"admin": frozenset({"orders:read"})},
    )
    return replace(everything, revocations=RULES)


POLICY = explained_policy()
GOOD = {"tenant": "a", "level": 2, "acr": "gold", "auth_time": NOW - 60}


def ask(target: bytes, *authorization: bytes, method: str = "GET", **lists: Any) -> Explanation:
    request = head(target, *authorization, method=method)
    return explain(request, POLICY, {"main": KEYS}, NOW, lists or LISTS)


# What is checked of a request before and after the decision.
NOT_DECIDED = {
    *(Check.REQUEST, Check.CORS, Check.BODY, Check.UPGRADE, Check.RATE_LIMITS),
    *(Check.SERVICE_TOKEN, Check.INTROSPECTION, Check.TENANT),
}
OF_SESSIONS = {Check.LOGIN, Check.SESSION, Check.CSRF}


def bearer(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))


def last(explanation: Explanation) -> Step:
    assert all(step.holds for step in explanation.steps[:-1])
    return explanation.steps[-1]


def test_a_request_that_is_allowed_passes_every_step_in_order() -> None:
    explanation = ask(b"/tenants/a", bearer(**GOOD, scope="admin"))

    assert isinstance(explanation.verdict, Allow)
    assert explanation.verdict.token is not None
    assert explanation.token is not None
    assert explanation.token.claims.all == explanation.verdict.token.claims.all
    assert explanation.route is explanation.verdict.route
    assert {step.check for step in explanation.steps} == set(Check) - NOT_DECIDED - OF_SESSIONS - {
        Check.INTROSPECTION
    }
    assert all(step.holds for step in explanation.steps)
    assert [(step.check.value, step.expected, step.found) for step in explanation.steps[15:]] == [
        ("audience of the route", "aud contains one of: orders-api, other-api", "orders-api"),
        ("revocation", "on none of the lists: blocked, logouts", "on none"),
        (
            "scopes",
            "any of orders:read, orders:write",
            "admin, and by scope_implies: orders:read",
        ),
        ("claim rules", "tenant equals {path.tenant}", "tenant is 'a'"),
        ("claim rules", "level at_least 2", "level is 2"),
        (
            "authentication",
            "acr is one of: gold, silver; auth_time within 900 s",
            "acr 'gold', auth_time 2027-01-15T07:59:00Z",
        ),
    ]


@pytest.mark.parametrize(
    ("target", "authorization", "check", "reason", "found", "setting"),
    [
        (
            b"/a//b", (), Check.PATH, Reason.PATH_REJECTED, "the path has an empty segment", None,
        ),
        (
            b"/nowhere", (), Check.ROUTE, Reason.ROUTE_NOT_FOUND,
            "no route matches host and path", None,
        ),
        (b"/any", (), Check.CREDENTIAL, Reason.TOKEN_MISSING, "no bearer token was sent",
            Setting(Owner.ROUTE, "/any", ("require",)),
        ),
        (
            b"/any", (b"Bearer x.y",), Check.FORM, Reason.TOKEN_MALFORMED,
            "the token does not have three parts", None,
        ),
        (
            b"/partner", (bearer(),), Check.ACCEPTED_ISSUER, Reason.ISSUER_NOT_ACCEPTED, "main",
            Setting(Owner.ROUTE, "/partner", ("require", "issuers")),
        ),
        (
            b"/any", (bearer(aud="x"),), Check.AUDIENCE, Reason.AUDIENCE_MISMATCH,
            "the token names no audience of this API: aud is 'x'",
            Setting(Owner.ISSUER, "main", ("audiences",)),
        ),
        (
            b"/elsewhere", (bearer(),), Check.ROUTE_AUDIENCE, Reason.AUDIENCE_MISMATCH,
            "orders-api", Setting(Owner.ROUTE, "/elsewhere", ("require", "audiences")),
        ),
        (
            b"/any", (bearer(jti="gone"),), Check.REVOCATION, Reason.TOKEN_REVOKED,
            "the token is on the revocation list blocked",
            Setting(Owner.FILE, "", ("revocations",)),
        ),
        (
            b"/tenants/a", (bearer(scope=""),), Check.SCOPES, Reason.SCOPE_MISSING, "none",
            Setting(Owner.ROUTE, "/tenants/{tenant}", ("require", "scopes")),
        ),
        (
            b"/tenants/b", (bearer(**GOOD),), Check.CLAIM_RULES, Reason.CLAIM_RULE_FAILED,
            "tenant is 'a'",
            Setting(Owner.ROUTE, "/tenants/{tenant}", ("require", "claims", "tenant")),
        ),
        (
            b"/tenants/a", (bearer(tenant="a"),), Check.CLAIM_RULES, Reason.CLAIM_RULE_FAILED,
            "level is not there",
            Setting(Owner.ROUTE, "/tenants/{tenant}", ("require", "claims", "level")),
        ),
        (
            b"/acr", (bearer(acr="bronze"),), Check.AUTHENTICATION, Reason.AUTHENTICATION_TOO_WEAK,
            "acr 'bronze', auth_time None", Setting(Owner.ROUTE, "/acr", ("require", "acr")),
        ),
        (
            b"/age", (bearer(auth_time=NOW - 901),), Check.AUTHENTICATION,
            Reason.AUTHENTICATION_TOO_OLD, "acr None, auth_time 2027-01-15T07:44:59Z",
            Setting(Owner.ROUTE, "/age", ("require", "max_age")),
        ),
    ],
)  # fmt: skip
def test_the_first_step_that_fails_is_the_last_and_says_what_was_found(
    target: bytes,
    authorization: tuple[bytes, ...],
    check: Check,
    reason: Reason,
    found: str,
    setting: Setting | None,
) -> None:
    explanation = ask(target, *authorization)
    step = last(explanation)

    assert isinstance(explanation.verdict, Deny)
    assert explanation.verdict.reason is reason
    assert (step.check, step.reason, step.found, step.setting) == (check, reason, found, setting)


def test_a_method_that_is_not_known_is_told_those_that_are() -> None:
    step = last(ask(b"/get", method="PUT"))

    assert step.found == "the path has no route for this method: it knows GET"
    assert step.expected == "a route for PUT on host 'h'"


def test_what_is_published_has_no_route() -> None:
    explanation = ask(b"/document")

    assert explanation.verdict == Publish(b"{}")
    assert explanation.route is None
    assert last(explanation).found == "a document that is published to everybody"


@pytest.mark.parametrize(
    ("target", "authorization", "found"),
    [
        (b"/public", (), "no credential"),
        (b"/public", (b"Bearer x",), "a credential, which is ignored"),
        (b"/optional", (), "none"),
    ],
)
def test_where_no_token_is_needed_there_is_nothing_to_check(
    target: bytes, authorization: tuple[bytes, ...], found: str
) -> None:
    explanation = ask(target, *authorization)

    assert isinstance(explanation.verdict, Allow)
    assert explanation.token is None
    assert last(explanation).check is Check.CREDENTIAL
    assert last(explanation).found == found
    assert last(explanation).holds


def test_a_list_that_is_not_at_hand_is_said() -> None:
    step = last(ask(b"/any", bearer(), logouts=RevocationList([])))

    assert step.reason is Reason.REVOCATIONS_UNAVAILABLE
    assert step.found == "the revocation list blocked is not loaded"


def test_without_lists_nobody_is_looked_for_on_them() -> None:
    request = head(b"/any", bearer())
    explanation = explain(request, replace(POLICY, revocations={}), {"main": KEYS}, NOW, {})

    assert isinstance(explanation.verdict, Allow)
    assert Check.REVOCATION not in {step.check for step in explanation.steps}


def test_a_failure_that_is_only_reported_is_shown_as_one() -> None:
    explanation = ask(b"/report", bearer())

    assert isinstance(explanation.verdict, Allow)
    assert explanation.verdict.would_deny is not None
    assert last(explanation).reason is explanation.verdict.would_deny.reason is Reason.SCOPE_MISSING


LAWFUL = replace(
    LAW_POLICY,
    routes=RouteTable(
        [
            replace(
                one,
                audiences=frozenset({"orders-api"}) if one.index % 2 else None,
                step_up=StepUp(("gold",), None) if one.index == 3 else None,
                reports=one.name == "/any",
            )
            for one in LAW_POLICY.routes.routes
        ]
    ),
    issuers={one.issuer: replace(one, reports=True) for one in (TRUSTED,)},
    revocations=RULES,
)


def assert_agreed(explanation: Explanation, verdict: Verdict) -> None:
    """Hold that the steps of *explanation* lead to *verdict*, in their order."""
    assert not isinstance(explanation.verdict, LogIn)  # that is for the data port to say
    assert outline(explanation.verdict) == outline(verdict)
    checks = [list(Check).index(step.check) for step in explanation.steps]
    assert checks == sorted(checks)
    match verdict:
        case Allow(would_deny=None) | Publish():
            assert all(step.holds for step in explanation.steps)
        case Allow(would_deny=Deny(reason=reason)) | Deny(reason=reason):
            assert last(explanation).reason is reason
        case NeedKeys(deny=deny):
            assert last(explanation).reason is deny.reason


@pytest.mark.parametrize("rules", [LAW_POLICY, LAWFUL])
@given(request_head=HEADS, keys=KEY_SETS, now=TIMES)
def test_an_explanation_and_the_decision_are_of_one_mind(
    rules: Policy, request_head: RequestHead, keys: dict[str, KeySet], now: float
) -> None:
    """Law 9: and no part of a token is in what it says."""
    verdict = decide(request_head, rules, keys, now, revocations=LISTS)
    explanation = explain(request_head, rules, keys, now, LISTS)

    assert_agreed(explanation, verdict)
    said = repr(explanation.steps)
    for part in b".".join(request_head.authorization).split(b"."):
        assert len(part) < 20 or part.decode("latin-1") not in said


# --- by session

ORIGIN = b"https://app.example.com"
WEB = LoginRule("web", frozenset((ORIGIN,)), frozenset((b"app.example.com",)))
STAFF = LoginRule("staff", frozenset((ORIGIN,)), frozenset((b"app.example.com",)))


def with_logins(rules: Policy, *logins: LoginRule) -> Policy:
    routes = [replace(one, login=logins) for one in rules.routes.routes]
    return replace(rules, routes=RouteTable(routes))


WITH_LOGINS = with_logins(POLICY, WEB, STAFF)
SITE = BrowserFields(b"app.example.com")
WRITE = BrowserFields(b"app.example.com", ORIGIN, csrf=b"1")


def browse(
    target: bytes, session: SessionCredential, browser: BrowserFields = SITE, method: str = "GET"
) -> Explanation:
    request = head(target, method=method)
    browsing = Browsing(browser, session)
    return explain(request, WITH_LOGINS, {"main": KEYS}, NOW, LISTS, browsing)


def of_web(**changes: Any) -> SessionCredential:
    return SessionCredential("web", (bearer(**changes),))


def test_a_request_by_session_passes_the_steps_of_its_token_too() -> None:
    explanation = browse(b"/tenants/a", of_web(**GOOD, scope="admin"), WRITE, "POST")

    assert isinstance(explanation.verdict, Allow)
    assert {step.check for step in explanation.steps} == set(Check) - NOT_DECIDED
    steps = [step for step in explanation.steps if step.check in OF_SESSIONS]
    assert [(step.check.value, step.found) for step in steps] == [
        ("login", "app.example.com"),
        ("session", "a session of web"),
        ("csrf", "such a request"),
    ]
    assert {step.setting for step in steps} == {
        Setting(Owner.ROUTE, "/tenants/{tenant}", ("login",))
    }


@pytest.mark.parametrize(
    ("session", "browser", "method", "check", "reason", "found"),
    [
        (
            of_web(), BrowserFields(b"evil.example"), "GET",
            Check.LOGIN, Reason.LOGIN_MISDIRECTED, "evil.example",
        ),
        (NO_SESSION, SITE, "GET", Check.SESSION, Reason.LOGIN_REQUIRED, "neither"),
        (
            SessionCredential("other", (bearer(),)), SITE, "GET",
            Check.SESSION, Reason.LOGIN_REQUIRED, "a session of other",
        ),
        (
            of_web(), SITE, "POST",
            Check.CSRF, Reason.CSRF_REFUSED, "the field X-CSRF: 1 is missing",
        ),
        (
            SessionCredential("web", ()), SITE, "GET",
            Check.CREDENTIAL, Reason.LOGIN_REQUIRED, "no bearer token was sent",
        ),
        (
            of_web(jti="gone"), SITE, "GET", Check.REVOCATION, Reason.TOKEN_REVOKED,
            "the token is on the revocation list blocked",
        ),
    ],
)  # fmt: skip
def test_by_session_the_first_step_that_fails_is_the_last_too(
    session: SessionCredential,
    browser: BrowserFields,
    method: str,
    check: Check,
    reason: Reason,
    found: str,
) -> None:
    explanation = browse(b"/any", session, browser, method)
    step = last(explanation)

    assert isinstance(explanation.verdict, Deny)
    assert explanation.verdict.reason is reason
    assert (step.check, step.reason, step.found) == (check, reason, found)


@pytest.mark.parametrize("session", [NO_SESSION, SessionCredential("web", ())])
def test_an_optional_route_needs_neither_token_nor_session(session: SessionCredential) -> None:
    explanation = browse(b"/optional", session)

    assert isinstance(explanation.verdict, Allow)
    assert explanation.token is None
    assert all(step.holds for step in explanation.steps)


SESSIONS = st.builds(
    SessionCredential,
    st.sampled_from(["web", "staff", "other", ""]),
    AUTHORIZATIONS,
    known=st.none(),
)
BROWSERS = st.builds(
    BrowserFields,
    st.sampled_from([b"app.example.com", b"evil.example", b""]),
    st.sampled_from([ORIGIN, b"https://evil.example", b""]),
    st.sampled_from([b"same-origin", b"cross-site", b""]),
    csrf=st.sampled_from([b"1", b"0", b""]),
    wants_websocket=st.booleans(),
)


@pytest.mark.parametrize("rules", [LAW_POLICY, LAWFUL])
@given(
    request_head=HEADS, keys=KEY_SETS, now=TIMES, session=SESSIONS, browser=BROWSERS, data=st.data()
)
def test_so_they_are_by_session(
    rules: Policy,
    request_head: RequestHead,
    keys: dict[str, KeySet],
    now: float,
    session: SessionCredential,
    browser: BrowserFields,
    data: st.DataObject,
) -> None:
    """Law 9: and no part of a token is in what it says."""
    rules = with_logins(rules, *data.draw(st.sampled_from([(WEB,), (WEB, STAFF)])))
    verdict = decide(request_head, rules, keys, now, revocations=LISTS)
    if isinstance(verdict, NeedSession):
        verdict = decide_by_session(
            request_head, browser, session, rules, keys, now, revocations=LISTS
        )

    explanation = explain(request_head, rules, keys, now, LISTS, Browsing(browser, session))

    assert_agreed(explanation, verdict)
    said = repr(explanation.steps)
    for part in b".".join((*request_head.authorization, *session.authorization)).split(b"."):
        assert len(part) < 20 or part.decode("latin-1") not in said


def test_the_law_sees_each_kind_of_verdict() -> None:
    """Else it would say little."""
    token = mint(make_key("EdDSA")[0], "EdDSA", claims())
    request = head(b"/any", b"Bearer " + token)

    assert isinstance(explain(request, LAWFUL, {"main": LAW_KEYS}, NOW, LISTS).verdict, Allow)
    assert isinstance(explain(request, LAWFUL, {}, NOW, LISTS).verdict, NeedKeys)
