"""What only reports lets a request through, says why it would not, and vouches for nobody."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from gateway.decision.decide import decide, settle
from gateway.decision.head import RequestHead
from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import RouteTable
from gateway.decision.rules.scopes import compile_scopes
from gateway.decision.verdict import Allow, Deny, NeedKeys, Verdict
from tests.decision.policies import NOW, claims, head, issuer, policy, route
from tests.decision.test_laws import HEADS, KEY_SETS, POLICY, TIMES, outline
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
STRANGER, _ = make_key("ES256", which=1)
PARTNER = "https://partner.example.com/"
ALL_KEYS = {"main": KEYS, "partner": KEYS}
REPORTING = issuer(name="partner", issuer=PARTNER, reports=True)


def guarded(**changes: Any) -> Policy:
    """Return a policy with a route that asks for a scope, and takes tokens of both issuers."""
    one = route("/orders", scopes=compile_scopes("orders:read"), **changes)
    return policy(one, issuers=(issuer(), REPORTING))


def ask(rules: Policy, *authorization: bytes, keys: dict[str, KeySet] | None = None) -> Verdict:
    return decide(head(b"/orders", *authorization), rules, ALL_KEYS if keys is None else keys, NOW)


def bearer(signer: Any = PRIVATE, **changes: Any) -> bytes:
    return b"Bearer " + mint(signer, "ES256", claims(**changes))


def reported(verdict: Verdict) -> Reason:
    """Return what would have been the reason for a refusal, of a request that was let through."""
    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert verdict.token is None
    assert verdict.identity_fields == b""
    assert verdict.target == b"/orders"
    return verdict.would_deny.reason


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ((), Reason.TOKEN_MISSING),
        ((b"Bearer x", b"Bearer y"), Reason.TOKEN_REPEATED),
        ((b"Bearer x",), Reason.TOKEN_MALFORMED),
        ((bearer(STRANGER),), Reason.SIGNATURE_INVALID),
        ((bearer(exp=NOW - 300),), Reason.TOKEN_EXPIRED),
        ((bearer(aud="other"),), Reason.AUDIENCE_MISMATCH),
        ((bearer(scope=""),), Reason.SCOPE_MISSING),
    ],
)
def test_a_route_that_reports_lets_everything_through_that_its_token_would_be_refused_for(
    authorization: tuple[bytes, ...], reason: Reason
) -> None:
    assert reported(ask(guarded(reports=True), *authorization)) is reason


def test_where_nothing_is_wrong_a_route_that_reports_vouches_as_any_other() -> None:
    verdict = ask(guarded(reports=True), bearer())

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is None
    assert verdict.token is not None
    assert b"X-Gateway-Subject: alice\r\n" in verdict.identity_fields


def test_the_report_names_the_route_and_its_scopes() -> None:
    verdict = ask(guarded(reports=True), bearer(scope=""))

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert verdict.would_deny.route is verdict.route
    assert verdict.would_deny.scopes == ("orders:read",)


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (bearer(STRANGER, iss=PARTNER), Reason.SIGNATURE_INVALID),
        (bearer(iss=PARTNER, exp=NOW - 300), Reason.TOKEN_EXPIRED),
        (bearer(iss=PARTNER, aud="other"), Reason.AUDIENCE_MISMATCH),
        (bearer(iss=PARTNER, exp="soon"), Reason.CLAIM_MALFORMED),
        (
            b"Bearer " + mint(PRIVATE, "ES256", claims(iss=PARTNER), headers={"alg": "RS256"}),
            Reason.ALGORITHM_NOT_ALLOWED,
        ),
    ],
)
def test_an_issuer_that_reports_lets_through_what_fails_its_own_check(
    authorization: bytes, reason: Reason
) -> None:
    assert reported(ask(guarded(), authorization)) is reason


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (bearer(iss=PARTNER, scope=""), Reason.SCOPE_MISSING),
        (bearer(STRANGER), Reason.SIGNATURE_INVALID),
        (bearer(exp=NOW - 300), Reason.TOKEN_EXPIRED),
        (bearer(iss="https://nobody.example.com/"), Reason.ISSUER_UNKNOWN),
    ],
)
def test_an_issuer_that_reports_changes_nothing_else(authorization: bytes, reason: Reason) -> None:
    """What the route requires is the route's, and other issuers' tokens are theirs."""
    verdict = ask(guarded(), authorization)

    assert isinstance(verdict, Deny)
    assert verdict.reason is reason


@pytest.mark.parametrize("signer", [PRIVATE, STRANGER])
def test_the_name_of_an_issuer_that_reports_opens_no_route_that_does_not_take_it(
    signer: Any,
) -> None:
    """Anybody can write it into a token."""
    verdict = ask(guarded(issuers=frozenset({"main"})), bearer(signer, iss=PARTNER))

    assert isinstance(verdict, Deny)


@pytest.mark.parametrize(
    ("reporter", "is_allowed"), [(REPORTING, True), (replace(REPORTING, reports=False), False)]
)
def test_keys_that_cannot_be_had_are_reported_by_an_issuer_that_reports(
    reporter: Issuer, is_allowed: bool
) -> None:
    rules = policy(route("/orders"), issuers=(issuer(), reporter))
    verdict = ask(rules, bearer(iss=PARTNER), keys={})

    assert isinstance(verdict, NeedKeys)
    assert isinstance(settle(verdict.deny, b"/orders"), Allow) is is_allowed


def test_a_refusal_without_a_route_stays_one() -> None:
    deny = Deny(Reason.ROUTE_NOT_FOUND, "no route matches host and path")

    assert settle(deny, b"/nowhere") is deny


REPORTING_POLICY = replace(
    POLICY,
    routes=RouteTable([replace(one, reports=not one.public) for one in POLICY.routes.routes]),
)


@given(HEADS, KEY_SETS, TIMES)
def test_reporting_lets_through_what_a_route_refuses_and_changes_nothing_else(
    request: RequestHead, keys: dict[str, KeySet], now: float
) -> None:
    enforced = decide(request, POLICY, keys, now)
    verdict = decide(request, REPORTING_POLICY, keys, now)

    if isinstance(enforced, Deny) and enforced.route is not None:
        assert isinstance(verdict, Allow)
        assert verdict.would_deny is not None
        assert outline(verdict.would_deny) == outline(enforced)
        assert (verdict.token, verdict.identity_fields) == (None, b"")
        assert verdict.target == request.target
    else:
        assert outline(verdict) == outline(enforced)
