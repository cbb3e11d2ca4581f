"""When a route lets requests pass, by how they show who they are."""

from typing import Any

from gateway.decision.browser import LoginRule
from gateway.suites.symbolic.formula import FALSE, TRUE
from gateway.suites.symbolic.gates import OPEN, SHUT, Side
from gateway.suites.symbolic.requirements import Origin
from tests.decision.policies import ISSUER, issuer, policy, route
from tests.suites.symbolic.pairs import PATH, make_settings
from tests.suites.worlds import AT

MAIN = Origin(ISSUER)
LOGIN = LoginRule("web", frozenset({b"https://h"}), frozenset({b"h"}))


def side(reports: bool = False, **changes: Any) -> Side:
    settings = make_settings(policy(route(PATH, **changes), issuers=(issuer(reports=reports),)))
    return Side(settings, settings.policy.routes.routes[0], ({},), AT, {})


def test_a_public_route_lets_everyone_pass() -> None:
    one = side(public=True)

    assert one.without_token() == one.with_token(MAIN) == one.with_forged(MAIN) == OPEN


def test_a_route_that_reports_lets_everyone_pass() -> None:
    assert side(reports=False).without_token() == SHUT
    settings = side().settings
    one = Side(settings, route(PATH, reports=True), ({},), AT, {})

    assert one.without_token() == one.with_token(MAIN) == one.with_forged(MAIN) == OPEN


def test_an_optional_token_is_still_checked() -> None:
    one = side(optional=True)

    assert one.without_token() == OPEN
    assert one.with_token(MAIN) not in {OPEN, SHUT}
    assert one.with_forged(MAIN) == SHUT


def test_an_issuer_that_reports_lets_forged_tokens_pass_where_it_is_accepted() -> None:
    assert side(reports=True).with_forged(MAIN).reported == TRUE
    assert side(reports=True, issuers=frozenset()).with_forged(MAIN) == SHUT
    assert side(reports=True).without_token() == SHUT
    assert side().with_token(MAIN).reported == FALSE


def test_issuers_that_are_unknown_or_not_accepted_are_refused() -> None:
    assert side().with_token(Origin("https://other.example")) == SHUT
    assert side(issuers=frozenset({"other"})).with_token(MAIN) == SHUT


def test_a_session_counts_on_a_route_with_its_login_and_on_its_host() -> None:
    one = side(login=(LOGIN,))

    assert one.with_session("web", b"h", MAIN) == one.with_token(MAIN)
    assert one.with_session("web", None, MAIN) == one.with_token(MAIN)
    assert one.with_session("other", b"h", MAIN) == SHUT
    assert one.with_session("web", b"elsewhere", MAIN) == SHUT
    assert side().with_session("web", b"h", MAIN) == SHUT
    assert side(login=(LOGIN,), optional=True).with_session("other", b"h", MAIN) == OPEN


def test_a_token_that_is_no_jwt_is_for_the_issuer_that_is_asked() -> None:
    settings = make_settings(policy(route(PATH), issuers=(issuer(introspects=True),)))
    opaque = Origin(ISSUER, is_opaque=True)
    asking = Side(settings, route(PATH, introspector="main"), ({},), AT, {})

    assert asking.with_token(opaque) != SHUT
    assert asking.with_token(Origin("https://other.example", is_opaque=True)) == SHUT
    assert Side(settings, route(PATH), ({},), AT, {}).with_token(opaque) == SHUT
    elsewhere = route(PATH, introspector="main", issuers=frozenset({"other"}))
    assert Side(settings, elsewhere, ({},), AT, {}).with_token(opaque) == SHUT
