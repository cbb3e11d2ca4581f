"""Tokens elsewhere than in Authorization, and a second one: each is judged, and both are needed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session
from gateway.decision.explaining.explanation import explain
from gateway.decision.explaining.steps import Check, Owner, Setting
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.identity import Identity
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import Place, Route, SecondToken, TokenSources
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AllOf, compile_scopes
from gateway.decision.tokens.base64url import decode_base64url
from gateway.decision.verdict import Allow, Deny, NeedCredentials, NeedKeys, NeedSession, Verdict
from tests.decision.policies import NOW, claims, issuer, policy, route
from tests.tokens import b64, make_key, mint

MESH_ISS = "https://mesh.example.com/"
PRIVATE, KEYS = make_key("ES256")
MESH_PRIVATE, MESH_KEYS = make_key("ES256", which=1)
ALL_KEYS = {"main": KEYS, "mesh": MESH_KEYS}
MESH = replace(issuer(name="mesh"), issuer=MESH_ISS)

SECOND = SecondToken(
    "X-Workload-Token",
    frozenset(("mesh",)),
    None,
    None,
    (),
    Identity(((b"X-Gateway-Workload", ("sub",)),), forward_token=False),
)
EVERYWHERE = frozenset(Place)

# FIPS 186-4 §D.1.2.3.
_ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def user(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))


def workload(**changes: Any) -> bytes:
    own = {"iss": MESH_ISS, "sub": "spiffe://example.com/cart", **changes}
    return b"Bearer " + mint(MESH_PRIVATE, "ES256", claims(**own))


def with_second(second: SecondToken | None = SECOND, **changes: Any) -> Route:
    return route(sources=TokenSources(EVERYWHERE, None, second), issuers={"main"}, **changes)


def both(made: Route | None = None, *issuers: Issuer, **more: Any) -> Policy:
    return policy(made or with_second(), issuers=issuers or (issuer(), MESH), **more)


def ask(first: bytes | None, *also: bytes, under: Policy | None = None, **more: Any) -> Verdict:
    sent = () if first is None else (first,)
    head = RequestHead("GET", "h", b"/orders", sent, None, also)
    return decide(head, under or both(), ALL_KEYS, NOW, **more)


def refusal(verdict: object) -> tuple[Reason, str]:
    assert isinstance(verdict, Deny)
    return verdict.reason, verdict.field


def test_tokens_are_asked_for_before_any_is_judged() -> None:
    head = RequestHead("GET", "h", b"/orders", (user(),))

    verdict = decide(head, both(), ALL_KEYS, NOW)

    assert isinstance(verdict, NeedCredentials)
    assert verdict.route.name == "/orders"


def test_a_token_from_elsewhere_is_judged_like_one_in_authorization() -> None:
    under = both(with_second(None))

    allowed, expired = ask(user(), under=under), ask(user(exp=1), under=under)

    assert isinstance(allowed, Allow)
    assert allowed.route is under.routes.routes[0]
    assert refusal(expired) == (Reason.TOKEN_EXPIRED, "")
    assert refusal(ask(None, under=under)) == (Reason.TOKEN_MISSING, "")


def test_both_tokens_are_required_and_name_both_callers() -> None:
    verdict = ask(user(), workload())

    assert isinstance(verdict, Allow)
    assert verdict.route is not None
    assert verdict.also is not None
    assert verdict.token is not None
    assert verdict.token.claims.subject == "alice"
    assert verdict.also.claims.subject == "spiffe://example.com/cart"
    assert b"X-Gateway-Subject: alice\r\n" in verdict.identity_fields
    assert verdict.identity_fields.endswith(b"X-Gateway-Workload: spiffe://example.com/cart\r\n")


REFUSALS = {
    "the second is missing": (user(), (), Reason.TOKEN_MISSING, "X-Workload-Token"),
    "the first is missing": (None, (workload(),), Reason.TOKEN_MISSING, ""),
    "both are missing": (None, (), Reason.TOKEN_MISSING, ""),
    "they are swapped": (workload(), (user(),), Reason.ISSUER_NOT_ACCEPTED, ""),
    "the second is a user's": (
        user(),
        (user(sub="else"),),
        Reason.ISSUER_NOT_ACCEPTED,
        "X-Workload-Token",
    ),
    "the second is expired": (user(), (workload(exp=1),), Reason.TOKEN_EXPIRED, "X-Workload-Token"),
    "the first is expired": (user(exp=1), (workload(),), Reason.TOKEN_EXPIRED, ""),
    "the second is for others": (
        user(),
        (workload(aud="else"),),
        Reason.AUDIENCE_MISMATCH,
        "X-Workload-Token",
    ),
    "the second is repeated": (
        user(),
        (workload(), workload()),
        Reason.TOKEN_REPEATED,
        "X-Workload-Token",
    ),
    "two in one value": (
        user(),
        (workload() + b", " + workload(),),
        Reason.TOKEN_REPEATED,
        "X-Workload-Token",
    ),
    "the second is none": (user(), (b"Bearer x",), Reason.TOKEN_MALFORMED, "X-Workload-Token"),
    "the second is of another scheme": (
        user(),
        (b"Basic eDp5",),
        Reason.TOKEN_MISSING,
        "X-Workload-Token",
    ),
}


@pytest.mark.parametrize(
    ("first", "also", "reason", "field"), REFUSALS.values(), ids=REFUSALS.keys()
)
def test_each_token_is_refused_for_itself(
    first: bytes | None, also: tuple[bytes, ...], reason: Reason, field: str
) -> None:
    verdict = ask(first, *also)

    assert refusal(verdict) == (reason, field)
    assert isinstance(verdict, Deny)
    assert verdict.route is not None
    assert verdict.route.name == "/orders"
    assert verdict.detail.startswith(f"{field}: ") is bool(field)


ONE = user()
SAME = {"the same in both": (ONE, (ONE,), Reason.TOKEN_REPEATED, "X-Workload-Token")}


@pytest.mark.parametrize(
    ("first", "also", "reason", "field"),
    (REFUSALS | SAME).values(),
    ids=(REFUSALS | SAME).keys(),
)
def test_the_explanation_stops_at_the_check_that_refuses(
    first: bytes | None, also: tuple[bytes, ...], reason: Reason, field: str
) -> None:
    sent = () if first is None else (first,)
    under = both(with_second(SECOND))
    told = explain(RequestHead("GET", "h", b"/orders", sent, None, also), under, ALL_KEYS, NOW, {})

    last = told.steps[-1]
    assert (last.reason, refusal(told.verdict)) == (reason, (reason, field))
    assert all(step.holds for step in told.steps[:-1])
    assert last.expected.startswith(f"{field}: ") is bool(field)
    if field and last.setting is not None and last.setting.owner is Owner.ROUTE:
        assert last.setting.keys[:2] == ("require", "also")


def test_the_explanation_of_what_is_allowed_has_the_checks_of_both_tokens() -> None:
    rules = replace(SECOND, scopes=compile_scopes(AllOf(("mesh:call",))))
    head = RequestHead("GET", "h", b"/orders", (user(),), None, (workload(scope="mesh:call"),))

    told = explain(head, both(with_second(rules)), ALL_KEYS, NOW, {})
    loose = explain(head._replace(also=None), both(with_second(rules)), ALL_KEYS, NOW, {})
    alone = explain(head, both(with_second(None)), ALL_KEYS, NOW, {})

    assert isinstance(told.verdict, Allow)
    checks = [step.check for step in told.steps if step.expected.startswith("X-Workload-Token: ")]
    assert checks[0] is Check.CREDENTIAL
    assert Check.SIGNATURE in checks
    assert checks[-1] is Check.SCOPES
    assert told.steps[-1].setting == Setting(Owner.ROUTE, "/orders", ("require", "also", "scopes"))
    assert refusal(loose.verdict) == (Reason.TOKEN_MISSING, "")
    places = "authorization or header or subprotocol or query or ticket"
    assert f"one bearer token, by {places}" in [step.expected for step in alone.steps]


def test_one_token_in_both_places_is_none_of_a_workload() -> None:
    """Even where one issuer has tokens for both."""
    second = replace(SECOND, issuers=frozenset(("main",)))
    token = user(scope="mesh")

    verdict = ask(token, token, under=both(with_second(second)))
    loosely = ask(token, token.replace(b"Bearer ", b"bearer  "), under=both(with_second(second)))

    assert refusal(verdict) == refusal(loosely) == (Reason.TOKEN_REPEATED, "X-Workload-Token")
    assert isinstance(ask(token, user(jti="2"), under=both(with_second(second))), Allow)


def test_another_signature_makes_no_other_token_of_one() -> None:
    """ECDSA has a second signature for each, which anyone can calculate (SEC 1 §4.1.4)."""
    second = replace(SECOND, issuers=frozenset(("main",)))
    token = user()
    signed, _, signature = token.rpartition(b".")
    octets = decode_base64url(signature) or b""
    negative = _ORDER_OF_P256 - int.from_bytes(octets[32:])
    same = signed + b"." + b64(octets[:32] + negative.to_bytes(32))

    verdict = ask(token, same, under=both(with_second(second)))

    assert isinstance(ask(same, workload()), Allow)
    assert refusal(verdict) == (Reason.TOKEN_REPEATED, "X-Workload-Token")


def test_the_rules_of_the_second_token_are_its_own() -> None:
    path = ("env",)
    second = replace(
        SECOND,
        audiences=frozenset(("carts",)),
        scopes=compile_scopes(AllOf(("mesh:call",))),
        claims=(compile_claim_test(path, "equals", "live"),),
    )
    under = both(with_second(second))
    right = {"aud": ["orders-api", "carts"], "scope": "mesh:call", "env": "live"}

    assert isinstance(ask(user(), workload(**right), under=under), Allow)
    for changed, reason in (
        ({"aud": "orders-api"}, Reason.AUDIENCE_MISMATCH),
        ({"scope": "else"}, Reason.SCOPE_MISSING),
        ({"env": "test"}, Reason.CLAIM_RULE_FAILED),
    ):
        verdict = ask(user(), workload(**{**right, **changed}), under=under)
        assert refusal(verdict) == (reason, "X-Workload-Token")
    denied = ask(user(), workload(**{**right, "scope": "else"}), under=under)
    assert isinstance(denied, Deny)
    assert denied.scopes == ("mesh:call",)
    assert denied.token is not None
    assert denied.token.claims.subject == "alice"


def test_a_revoked_second_token_is_refused() -> None:
    rule = RevocationRule("leavers", frozenset(("mesh",)), refuses_without=True)
    lists = {"leavers": RevocationList([Revocation((("jti", "gone"),), NOW + 60, NOW + 60)])}
    under = both(revocations=(rule,))

    verdict = ask(user(), workload(jti="gone"), under=under, revocations=lists)

    assert refusal(verdict) == (Reason.TOKEN_REVOKED, "X-Workload-Token")
    assert isinstance(ask(user(), workload(), under=under, revocations=lists), Allow)


def test_keys_of_either_issuer_are_asked_for() -> None:
    head = RequestHead("GET", "h", b"/orders", (user(),), None, (workload(),))

    under = both()
    first = decide(head, under, {"mesh": MESH_KEYS}, NOW)
    second = decide(head, under, {"main": KEYS}, NOW)

    assert isinstance(first, NeedKeys)
    assert isinstance(second, NeedKeys)
    assert (first.issuer_name, first.deny.field) == ("main", "")
    assert (second.issuer_name, second.deny.field) == ("mesh", "X-Workload-Token")
    assert first.deny.route is second.deny.route


def test_report_mode_lets_either_pass_without_any_name() -> None:
    under = both(with_second(reports=True))

    for verdict in (ask(user(exp=1), workload(), under=under), ask(user(), under=under)):
        assert isinstance(verdict, Allow)
        assert verdict.would_deny is not None
        assert (verdict.token, verdict.also, verdict.identity_fields) == (None, None, b"")


def test_an_issuer_that_only_reports_does_so_for_the_token_that_it_may_issue() -> None:
    reporting = replace(MESH, reports=True)
    under = both(None, issuer(), reporting)
    foreign = both(with_second(replace(SECOND, issuers=frozenset(("main",)))), issuer(), reporting)
    head = RequestHead("GET", "h", b"/orders", (user(),), None, (workload(),))

    expired = ask(user(), workload(exp=1), under=under)
    unknown = decide(head, under, {"main": KEYS}, NOW)
    elsewhere = decide(head, foreign, {"main": KEYS}, NOW)

    assert isinstance(expired, Allow)
    assert expired.would_deny is not None
    assert expired.would_deny.field == "X-Workload-Token"
    assert isinstance(unknown, NeedKeys)
    assert unknown.deny.reporter is reporting
    assert isinstance(elsewhere, NeedKeys)
    assert elsewhere.deny.reporter is None


RULE = LoginRule("web", frozenset((b"https://app.example.com",)), frozenset((b"app.example.com",)))
BROWSER = BrowserFields(b"app.example.com")


def by_session(session: SessionCredential, also: tuple[bytes, ...] | None) -> object:
    under = both(with_second(login=(RULE,)))
    head = RequestHead("GET", "h", b"/orders", (), None, also)
    return decide_by_session(head, BROWSER, session, under, ALL_KEYS, NOW)


def test_the_first_token_may_come_from_a_session() -> None:
    session = SessionCredential("web", (user(),))
    none = ask(None, workload(), under=both(with_second(login=(RULE,))))

    assert isinstance(none, NeedSession)
    assert isinstance(by_session(session, (workload(),)), Allow)
    assert refusal(by_session(session, ())) == (Reason.TOKEN_MISSING, "X-Workload-Token")
    assert isinstance(by_session(session, None), NeedCredentials)


def test_a_session_that_does_not_count_hides_no_token_elsewhere() -> None:
    """Where there is a token, it decides alone, so it is looked for first."""
    session = SessionCredential("other", (user(),))

    assert isinstance(by_session(session, None), NeedCredentials)
    assert refusal(by_session(session, (workload(),))) == (Reason.LOGIN_REQUIRED, "")


def test_the_fields_of_tokens_are_those_of_all_places() -> None:
    everywhere = TokenSources(EVERYWHERE, b"x-token", SECOND)

    assert everywhere.fields == {b"sec-websocket-protocol", b"x-token", b"x-workload-token"}
    assert TokenSources(frozenset((Place.QUERY,))).fields == frozenset()


def test_a_published_document_needs_no_token() -> None:
    under = both(documents={("h", b"/orders"): b"{}"})

    assert not isinstance(ask(None, under=under), Deny | Allow)


TOKENS = st.sampled_from(
    [
        user(),
        user(exp=1),
        user(iss="https://x/"),
        workload(),
        workload(exp=1),
        b"Bearer x",
        b"",
        b"Basic x",
    ]
)


@given(first=st.lists(TOKENS, max_size=2), also=st.lists(TOKENS, max_size=2))
def test_nothing_is_allowed_without_both(first: list[bytes], also: list[bytes]) -> None:
    head = RequestHead("GET", "h", b"/orders", tuple(first), None, tuple(also))

    verdict = decide(head, both(), ALL_KEYS, NOW)

    is_right = first == [user()] and also == [workload()]
    assert isinstance(verdict, Allow) is is_right
