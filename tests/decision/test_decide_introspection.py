"""Tokens that only their issuer can judge: it is asked, nobody else is, and its word is checked."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session
from gateway.decision.explaining.explanation import explain
from gateway.decision.explaining.steps import Check
from gateway.decision.head import SessionCredential
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.rules.scopes import AllOf, compile_scopes
from gateway.decision.token import SignedToken
from gateway.decision.tokens.introspected import FindAnswer, TokenAnswer, read_answer
from gateway.decision.verdict import Allow, Deny, LogIn, NeedIntrospection, NeedKeys, Verdict
from tests.decision.policies import AUDIENCE, NOW, claims, head, issuer, policy, route
from tests.decision.test_laws import outline
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
OPAQUE = b"mF_9.B5f-4"
IDP = issuer(name="idp", issuer="https://idp.example/", introspects=True)
OTHER = issuer(name="other", issuer="https://other.example/", introspects=True)
MAIN = issuer()
RULE = LoginRule("web", frozenset((b"https://app.example",)), frozenset((b"app.example",)))

POLICY = policy(
    route("/orders", introspector="idp", scopes=compile_scopes(AllOf(("orders:read",)))),
    route("/optional", introspector="idp", optional=True),
    route("/public", public=True, introspector="idp"),
    route("/main", issuers=frozenset({"main"})),
    route("/other", issuers=frozenset({"other"}), introspector="other"),
    route("/reports", introspector="idp", reports=True),
    route("/app", introspector="idp", login=(RULE,)),
    issuers=(MAIN, IDP, OTHER),
    revocations=(RevocationRule("gone", frozenset({"idp"}), False),),
)
KEY_SETS = {"main": KEYS}
REVOKED = {"gone": RevocationList((Revocation((("jti", "revoked"),), NOW + 900, NOW + 900),))}


def bearer(token: bytes = OPAQUE) -> bytes:
    return b"Bearer " + token


def says(members: Mapping[str, Any] | None, of: Issuer = IDP) -> FindAnswer:
    """Return what is known once *of* has said *members* about the opaque token."""

    def find(token: bytes, asked: Issuer, rules: Policy, now: float) -> SignedToken | Deny | None:
        if token != OPAQUE or asked is not of:
            return None
        return read_answer(TokenAnswer(members, now, now + 60), of, rules)

    return find


def active(**changes: Any) -> dict[str, Any]:
    return {"active": True, **claims(iss=..., **changes)}


def ask(target: bytes, find_answer: FindAnswer | None = None, token: bytes = OPAQUE) -> Verdict:
    request = head(target, bearer(token))
    if find_answer is None:
        return decide(request, POLICY, KEY_SETS, NOW, revocations=REVOKED)
    return decide(request, POLICY, KEY_SETS, NOW, revocations=REVOKED, find_answer=find_answer)


def reason(verdict: Verdict) -> Reason:
    assert isinstance(verdict, Deny)
    return verdict.reason


def test_an_opaque_token_asks_the_issuer_of_the_route() -> None:
    for target, asked in ((b"/orders", IDP), (b"/other", OTHER), (b"/optional", IDP)):
        need = ask(target)
        assert isinstance(need, NeedIntrospection)
        assert (need.issuer, need.token) == (asked, OPAQUE)
        assert need.deny.reason is Reason.INTROSPECTION_UNAVAILABLE
        assert need.deny.route is not None
        assert OPAQUE.decode() not in repr(need)


def test_a_jwt_of_an_issuer_that_introspects_is_not_read_here() -> None:
    """Not even with a valid signature: only its issuer knows whether it was revoked."""
    token = mint(PRIVATE, "ES256", claims(iss=IDP.issuer))

    need = ask(b"/orders", token=token)

    assert isinstance(need, NeedIntrospection)
    assert (need.issuer, need.token) == (IDP, token)


def test_a_token_goes_to_no_issuer_that_the_route_does_not_accept() -> None:
    """7662.6."""
    token = mint(PRIVATE, "ES256", claims(iss=IDP.issuer))

    assert reason(ask(b"/main")) is Reason.TOKEN_MALFORMED
    assert reason(ask(b"/main", token=token)) is Reason.ISSUER_NOT_ACCEPTED
    assert reason(ask(b"/other", token=token)) is Reason.ISSUER_NOT_ACCEPTED


@pytest.mark.parametrize("token", [b"a.b.c", b"a=b", b"\xff", b"x" * 9000])
def test_what_is_no_opaque_token_is_asked_about_nowhere(token: bytes) -> None:
    assert reason(ask(b"/orders", token=token)) is Reason.TOKEN_MALFORMED


def test_a_jwt_of_another_issuer_is_checked_by_its_signature() -> None:
    token = mint(PRIVATE, "ES256", claims())

    assert isinstance(ask(b"/orders", token=token), Allow)
    assert isinstance(decide(head(b"/orders", bearer(token)), POLICY, {}, NOW), NeedKeys)


def test_a_public_route_asks_nobody_and_an_optional_one_only_about_a_token() -> None:
    assert isinstance(ask(b"/public"), Allow)
    assert isinstance(decide(head(b"/optional"), POLICY, KEY_SETS, NOW), Allow)
    assert reason(ask(b"/optional", says(None))) is Reason.TOKEN_INACTIVE


def test_an_active_token_is_allowed_with_its_identity() -> None:
    verdict = ask(b"/orders", says(active()))

    assert isinstance(verdict, Allow)
    assert b"X-Gateway-Subject: alice" in verdict.identity_fields
    assert verdict.token is not None
    assert verdict.token.issuer is IDP


def test_an_answer_counts_for_the_issuer_that_gave_it_alone() -> None:
    """7662.6: the word of one server is nothing about another one's tokens."""
    verdict = ask(b"/other", says(active()))

    assert isinstance(verdict, NeedIntrospection)
    assert verdict.issuer is OTHER


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        pytest.param(Reason.TOKEN_EXPIRED, {"exp": NOW - 31}, id="7662.5: expired"),
        pytest.param(Reason.TOKEN_NOT_YET_VALID, {"nbf": NOW + 31}, id="7662.5: not yet"),
        pytest.param(Reason.TOKEN_NOT_YET_VALID, {"iat": NOW + 31}, id="of the future"),
        pytest.param(Reason.AUDIENCE_MISMATCH, {"aud": "other-api"}, id="7662.5: for another"),
        pytest.param(Reason.CLAIM_MISSING, {"aud": ...}, id="7662.5: for nobody"),
        pytest.param(Reason.SCOPE_MISSING, {"scope": "orders:write"}, id="without the scope"),
        pytest.param(Reason.TOKEN_REVOKED, {"jti": "revoked"}, id="on a revocation list"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"events": {}}, id="another kind of token"),
    ],
)
def test_an_active_token_still_has_to_hold(wanted: Reason, changes: dict[str, Any]) -> None:
    assert reason(ask(b"/orders", says(active(**changes)))) is wanted


def test_the_audience_is_not_needed_if_nobody_checks_it() -> None:
    free = issuer(name="idp", issuer="https://idp.example/", introspects=True, audiences=None)
    rules = policy(route(introspector="idp"), issuers=(free,))

    verdict = decide(
        head(b"/orders", bearer()), rules, {}, NOW, find_answer=says(active(aud=...), free)
    )

    assert isinstance(verdict, Allow)


def test_report_mode_reports() -> None:
    inactive = ask(b"/reports", says(None))

    assert isinstance(inactive, Allow)
    assert inactive.identity_fields == b""
    assert inactive.would_deny is not None
    assert inactive.would_deny.reason is Reason.TOKEN_INACTIVE


def test_an_issuer_reports_only_where_its_tokens_are_accepted() -> None:
    lenient = issuer(name="idp", issuer="https://idp.example/", introspects=True, reports=True)
    rules = policy(
        route("/a", introspector="idp"), route("/b", issuers=frozenset()), issuers=(lenient,)
    )
    token = mint(PRIVATE, "ES256", claims(iss=lenient.issuer))

    reported = decide(head(b"/a", bearer()), rules, {}, NOW, find_answer=says(None, lenient))
    refused = decide(head(b"/b", bearer(token)), rules, {}, NOW)

    assert isinstance(reported, Allow)
    assert reason(refused) is Reason.ISSUER_NOT_ACCEPTED


def test_the_token_of_an_answer_is_looked_for_with_each_request() -> None:
    """A request on the same connection must not outlast what the issuer said."""
    allowed = ask(b"/orders", says(active()))
    assert isinstance(allowed, Allow)
    known = head(b"/orders", bearer())._replace(known=allowed.token)

    assert isinstance(decide(known, POLICY, KEY_SETS, NOW), NeedIntrospection)


def test_a_session_may_have_such_a_token() -> None:
    session = SessionCredential("web", (bearer(),))
    browser = BrowserFields(b"app.example")
    request = head(b"/app")

    need = decide_by_session(request, browser, session, POLICY, KEY_SETS, NOW)
    allowed = decide_by_session(
        request, browser, session, POLICY, KEY_SETS, NOW, find_answer=says(active())
    )

    assert isinstance(need, NeedIntrospection)
    assert isinstance(allowed, Allow)


ANSWERS = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "active": st.just(True),
            "sub": st.sampled_from(["alice", "", 1]),
            "aud": st.sampled_from([AUDIENCE, "x", [AUDIENCE, "x"], 1]),
            "exp": st.sampled_from([NOW + 300, NOW - 300, "x"]),
            "iss": st.sampled_from([IDP.issuer, OTHER.issuer]),
            "scope": st.sampled_from(["orders:read", "x", 1]),
            "token_type": st.sampled_from(["Bearer", "DPoP"]),
            "cnf": st.just({}),
        },
    ),
)
TARGETS = st.sampled_from(
    [b"/orders", b"/optional", b"/public", b"/main", b"/other", b"/reports", b"/app"]
)
TOKENS = st.sampled_from(
    [
        OPAQUE,
        b"a=b",
        mint(PRIVATE, "ES256", claims()),
        mint(PRIVATE, "ES256", claims(iss=IDP.issuer)),
        mint(PRIVATE, "ES256", claims(iss=OTHER.issuer)),
    ]
)


@given(TARGETS, TOKENS, ANSWERS | st.just(...))
def test_an_explanation_is_of_the_decision_itself(
    target: bytes, token: bytes, members: Any
) -> None:
    """Law 6: its last failed step has the reason of the refusal."""
    known = says(None, OTHER) if members is ... else says(members)
    request = head(target, bearer(token))
    verdict = decide(request, POLICY, KEY_SETS, NOW, revocations=REVOKED, find_answer=known)

    told = explain(request, POLICY, KEY_SETS, NOW, REVOKED, find_answer=known)

    assert not isinstance(told.verdict, LogIn)
    assert outline(told.verdict) == outline(verdict)
    failed = [step.reason for step in told.steps if not step.holds]
    if isinstance(verdict, NeedIntrospection):
        assert failed == [Reason.INTROSPECTION_UNAVAILABLE]
        assert told.steps[-1].check is Check.INTROSPECTION
    elif isinstance(verdict, Deny):
        assert failed[-1] is verdict.reason
    elif isinstance(verdict, Allow) and verdict.would_deny is None:
        assert failed == []
