"""Requests of browsers: by session if they sent no token, judged like a bearer token."""

from dataclasses import replace

import pytest

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import RouteTable
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    Needed,
    NeedSession,
    Publish,
    Settled,
)
from tests.decision.policies import NOW
from tests.decision.test_decide import ALL_KEYS, POLICY, bearer
from tests.decision.test_laws import outline

RULE = LoginRule("web", frozenset((b"https://app.example.com",)), frozenset((b"app.example.com",)))
BROWSER = BrowserFields(b"app.example.com")


def with_login(policy: Policy, rule: LoginRule = RULE) -> Policy:
    routes = [replace(route, login=(rule,)) for route in policy.routes.routes]
    return replace(policy, routes=RouteTable(routes))


WITH_LOGIN = with_login(POLICY)


def head(target: bytes, *authorization: bytes, method: str = "GET") -> RequestHead:
    return RequestHead(method, "app.example.com", target, authorization)


def by_session(
    target: bytes,
    session: SessionCredential,
    browser: BrowserFields = BROWSER,
    method: str = "GET",
    policy: Policy = WITH_LOGIN,
) -> Settled | Needed | NeedCredentials:
    request = head(target, method=method)
    return decide_by_session(request, browser, session, policy, ALL_KEYS, NOW)


def reason(verdict: object) -> Reason | None:
    return verdict.reason if isinstance(verdict, Deny) else None


def test_a_request_without_a_token_asks_for_a_session() -> None:
    verdict = decide(head(b"/orders"), WITH_LOGIN, ALL_KEYS, NOW)

    assert isinstance(verdict, NeedSession)
    assert verdict.route.name == "/orders"


@pytest.mark.parametrize("value", [b"Bearer x", b"Basic eDp5", b"Bearer", b""])
def test_an_authorization_field_decides_alone(value: bytes) -> None:
    assert reason(decide(head(b"/orders", value), WITH_LOGIN, ALL_KEYS, NOW)) is not None


def test_a_public_route_asks_for_none() -> None:
    assert isinstance(decide(head(b"/public"), WITH_LOGIN, ALL_KEYS, NOW), Allow)


@pytest.mark.parametrize(
    ("target", "changes"),
    [
        (b"/orders", {}),
        (b"/orders", {"scope": "other"}),
        (b"/orders", {"exp": NOW - 3600}),
        (b"/orders", {"aud": "other"}),
        (b"/orders", {"iss": "https://other.example"}),
    ],
)
def test_the_token_of_a_session_is_judged_as_if_it_were_sent(
    target: bytes, changes: dict[str, object]
) -> None:
    token = bearer(**changes)
    sent = decide(head(target, token), WITH_LOGIN, ALL_KEYS, NOW)

    assert outline(by_session(target, SessionCredential("web", (token,)))) == outline(sent)


def test_a_token_that_was_verified_before_need_not_be_sent_again() -> None:
    first = by_session(b"/orders", SessionCredential("web", (bearer(),)))
    assert isinstance(first, Allow)

    again = by_session(b"/orders", SessionCredential("web", (b"Bearer x",), first.token))

    assert isinstance(again, Allow)


def test_without_a_session_a_login_is_required() -> None:
    assert reason(by_session(b"/orders", NO_SESSION)) is Reason.LOGIN_REQUIRED


def test_the_session_of_another_login_is_none() -> None:
    session = SessionCredential("partner", (bearer(),))

    assert reason(by_session(b"/orders", session)) is Reason.LOGIN_REQUIRED


def test_an_optional_route_lets_nobody_pass_as_nobody() -> None:
    verdict = by_session(b"/optional", NO_SESSION)

    assert isinstance(decide(head(b"/optional"), WITH_LOGIN, ALL_KEYS, NOW), NeedSession)
    assert isinstance(verdict, Allow)
    assert verdict.token is None


def test_an_optional_route_lets_nobody_pass_on_any_host() -> None:
    elsewhere = BrowserFields(b"10.0.0.7")
    session = SessionCredential("web", (bearer(),))

    assert isinstance(by_session(b"/optional", NO_SESSION, elsewhere), Allow)
    assert reason(by_session(b"/optional", session, elsewhere)) is Reason.LOGIN_MISDIRECTED


def test_on_another_host_nobody_logs_in() -> None:
    session = SessionCredential("web", (bearer(),))
    verdict = by_session(b"/orders", session, BrowserFields(b"evil.example"))

    assert reason(verdict) is Reason.LOGIN_MISDIRECTED


def test_a_request_that_another_site_may_have_caused_is_refused() -> None:
    session = SessionCredential("web", (bearer(),))

    assert reason(by_session(b"/orders", session, method="POST")) is Reason.CSRF_REFUSED


def test_a_path_without_a_route_is_refused_as_ever() -> None:
    assert reason(by_session(b"/nowhere", NO_SESSION)) is Reason.ROUTE_NOT_FOUND


def test_a_published_document_needs_no_session() -> None:
    policy = replace(WITH_LOGIN, documents={("", b"/document"): b"{}"})

    assert isinstance(by_session(b"/document", NO_SESSION, policy=policy), Publish)


@pytest.mark.parametrize("target", [b"/orders", b"/public", b"/optional", b"/nowhere", b"/a//b"])
@pytest.mark.parametrize("keys", [ALL_KEYS, {}])
def test_on_a_route_without_a_login_a_session_counts_for_nothing(
    target: bytes, keys: KeySets
) -> None:
    session = SessionCredential("web", (bearer(),))
    for method in ("GET", "POST"):
        request = head(target, method=method)
        verdict = decide_by_session(request, BROWSER, session, POLICY, keys, NOW)

        assert outline(verdict) == outline(decide(request, POLICY, keys, NOW))
