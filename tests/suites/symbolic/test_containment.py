"""Whom one side lets in and another does not, as the real decision has it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.decision.policy import Issuer, Policy, TenantIssuers
from gateway.decision.routes.routing import Place, RouteTable, SecondToken, TokenSources
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, compile_scopes
from gateway.decision.tenants import Tenants
from gateway.suites.symbolic.access import Access, Undecided, Witness
from gateway.suites.symbolic.containment import find_loosened, find_openings
from tests.decision.policies import IDENTITY, issuer, policy, route
from tests.suites.symbolic.pairs import (
    LOGIN,
    PATH,
    TOKENS,
    Sent,
    access,
    callers,
    like_those,
    make_settings,
    pairs,
)
from tests.suites.worlds import AT


def sent(one: Witness) -> Sent:
    """Return *one* on the path that it says."""
    segments = ["s", "t"]
    for at, text in one.segments.items():
        segments[at - 1] = text
    return Sent(one, segments)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(pairs(), st.data())
def test_whoever_is_let_in_by_the_new_rules_alone_is_found(
    pair: tuple[Policy, Policy], data: st.DataObject
) -> None:
    """A law: what is found is so, and nothing is found only if no token shows a difference."""
    old, new = map(make_settings, pair)
    found = list(find_openings(access(old), access(new), AT))
    for one in found:
        if isinstance(one, Witness):
            assert sent(one).is_let_in(new), one
            assert not sent(one).is_let_in(old), one
    if found:
        return
    like = like_those(find_openings(Access(old, None), access(new), AT))
    for _ in range(TOKENS):
        somebody = data.draw(callers(like))
        assert not somebody.is_let_in(new) or somebody.is_let_in(old), somebody


@st.composite
def reporting(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """A pair of policies, of which the old one only reports: its route, or its issuers."""
    old, new = draw(pairs())
    if draw(st.booleans()):
        one = replace(old.routes.routes[0], reports=True)
        return replace(old, routes=RouteTable([one])), new
    issuers = {name: replace(one, reports=True) for name, one in old.issuers.items()}
    return replace(old, issuers=issuers), new


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(reporting(), st.data())
def test_whoever_was_only_reported_and_is_accepted_now_is_found(
    pair: tuple[Policy, Policy], data: st.DataObject
) -> None:
    """A law, as above: what is found is so, and nothing is found only if no token shows it."""
    old, new = map(make_settings, pair)
    found = list(find_loosened(access(old), access(new), AT))
    for one in found:
        if isinstance(one, Witness):
            assert sent(one).is_accepted(new), one
            assert sent(one).is_only_reported(old), one
    if found:
        return
    like = like_those(find_openings(Access(old, None), access(new), AT))
    for _ in range(TOKENS):
        somebody = data.draw(callers(like))
        assert not somebody.is_accepted(new) or not somebody.is_only_reported(old), somebody


def both(old: dict[str, Any], new: dict[str, Any]) -> list[Witness | Undecided]:
    """Return what is found for routes with these members."""
    before, after = (access(make_settings(policy(route(PATH, **one)))) for one in (old, new))
    return list(find_openings(before, after, AT))


def texts(found: list[Witness | Undecided]) -> list[str]:
    return [one.text for one in found]


def claims(*tests: tuple[str, str, Any]) -> dict[str, Any]:
    return {"claims": tuple(compile_claim_test((name,), *rest) for name, *rest in tests)}


def scopes(expression: Any) -> dict[str, Any]:
    return {"scopes": compile_scopes(expression)}


MANY = [f"value-{number}" for number in range(40)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (scopes(AnyOf(tuple(MANY))), scopes(AnyOf((*MANY, "more"))), ["main, with more"]),
        (scopes(AnyOf((*MANY, "more"))), scopes(AnyOf(tuple(reversed(MANY)))), []),
        (scopes(AllOf(("a", "b"))), scopes("a"), ["main, with a"]),
        (scopes(NoneOf(("a", "b"))), scopes(NoneOf(("a",))), ["main, with b"]),
        (scopes(AllOf((AnyOf(("a", "b")), NoneOf(("c",))))), scopes(AnyOf(("a", "b"))),
         ["main, with a c"]),
        (claims(("d", "in", MANY)), claims(("d", "in", [*MANY, "more"])), ["main, d more"]),
        (claims(("d", "in", MANY)), claims(("d", "matches", "value-*")), ["main, d value-"]),
        (claims(("d", "matches", "value-*")), claims(("d", "in", MANY)), []),
        (claims(("d", "at_least", 3)), claims(("d", "at_least", 2)), ["main, d 2"]),
        (claims(("d", "at_least", 2)), claims(("d", "equals", 2)), []),
        (claims(("d", "exists", True)), claims(("d", "contains", "x")), []),
        (claims(("t", "equals", "{path.a}")), claims(("t", "equals", "{path.b}")), ["main, t t"]),
        (claims(("t", "equals", "{path.a}"), ("t", "not_equals", "acme")),
         claims(("t", "equals", "{path.a}")), ["main, t acme"]),
        (claims(("t", "equals", "{path.a}")),
         claims(("t", "equals", "{path.a}"), ("t", "not_equals", "acme")), []),
        ({}, {"optional": True}, ["nobody"]),
        ({"optional": True}, {"public": True}, ["main, by EdDSA", "anybody who forges"]),
        ({}, {"reports": True}, ["nobody"]),
        ({"public": True}, {"optional": True}, []),
        ({"reports": True}, {"public": True}, []),
        ({"audiences": frozenset({"shop"})}, {}, ["main"]),
        ({"issuers": frozenset()}, {"issuers": frozenset({"main"})}, ["main"]),
    ],
)  # fmt: skip
def test_an_opening_is_told_by_who_shows_it(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    found = texts(both(old, new))

    assert len(found) >= len(expected) > 0 or found == expected
    for text in expected:
        assert any(one.startswith(text) for one in found), found


def witnesses(old: Access, new: Access) -> list[Witness]:
    """Return the callers that are found; the real decision must treat them so."""
    found = [one for one in find_openings(old, new, AT) if isinstance(one, Witness)]
    for one in found:
        assert sent(one).is_let_in(new.settings), one
        assert not sent(one).is_let_in(old.settings), one
    return found


def of(**changes: Any) -> Access:
    return access(make_settings(policy(route(PATH, **changes))))


def loosened(old: Access, new: Access) -> list[str]:
    """Return the callers that were only reported; the real decision must treat them so."""
    found = list(find_loosened(old, new, AT))
    for one in found:
        assert isinstance(one, Witness)
        assert sent(one).is_accepted(new.settings), one
        assert sent(one).is_only_reported(old.settings), one
    return texts(found)


REPORTS: dict[str, Any] = {"reports": True}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (scopes("a") | REPORTS, scopes("b") | REPORTS, ["main, with b"]),
        (scopes("a") | REPORTS, scopes("b"), ["main, with b"]),
        (scopes("a") | REPORTS, scopes(AllOf(("a", "b"))), []),
        (scopes("a") | REPORTS, scopes("a"), []),
        (scopes("a"), scopes("b"), []),  # who was refused: that opens
        (REPORTS, {"optional": True}, ["nobody"]),
        (REPORTS, {"public": True}, ["nobody"]),
        ({"optional": True} | REPORTS, {"public": True}, ["main, by EdDSA"]),
        ({"public": True}, {}, []),
        (claims(("t", "equals", "{path.a}")) | REPORTS, claims(("t", "exists", True)), ["main, t"]),
        (claims(("t", "exists", True)) | REPORTS, claims(("t", "equals", "{path.a}")), []),
        ({"audiences": frozenset({"shop"})} | REPORTS, REPORTS, ["main"]),
        ({"issuers": frozenset()} | REPORTS, {"issuers": frozenset({"main"})}, ["main"]),
    ],
)
def test_who_was_only_reported_is_told_by_who_shows_it(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    found = loosened(of(**old), of(**new))

    assert len(found) >= len(expected) > 0 or found == expected
    for text in expected:
        assert any(one.startswith(text) for one in found), found


def test_a_token_that_is_not_read_any_more_was_reported() -> None:
    one = issuer(reports=True, algorithms=frozenset({"EdDSA"}))
    query = TokenSources(frozenset({Place.QUERY}), None, None)
    before, after = (
        access(make_settings(policy(route(PATH, **rules), issuers=(one,))))
        for rules in ({}, {"optional": True, "sources": query})
    )

    assert "main, by ES256" in loosened(before, after)
    assert not loosened(before, of(sources=query))


def test_an_issuer_that_reported_who_is_accepted_now_is_found() -> None:
    one = issuer(reports=True, algorithms=frozenset({"EdDSA"}))
    before, after = (
        access(make_settings(policy(route(PATH), issuers=(replace(one, audiences=audiences),))))
        for audiences in (frozenset({"shop"}), frozenset({"shop", "orders"}))
    )

    assert loosened(before, after) == ["main, for orders"]
    assert loosened(after, before) == []
    assert not list(find_openings(before, after, AT))


def second(name: str = "X-Workload", **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "issuers": frozenset({"main"}),
        "audiences": None,
        "scopes": None,
        "claims": (),
        "identity": IDENTITY,
    }
    asked = SecondToken(name, **{**fields, **changes})
    return {"sources": TokenSources(frozenset({Place.AUTHORIZATION}), None, asked)}


def test_a_second_token_that_is_not_required_any_more_opens_a_route() -> None:
    (found,) = witnesses(of(**second()), of())

    assert found.second is None
    assert witnesses(of(), of(**second())) == []


def test_a_second_token_may_be_a_weaker_one() -> None:
    strict = second(**claims(("env", "equals", "live")))
    (found,) = witnesses(of(**strict), of(**second()))

    assert found.second is not None
    assert found.text == "main; its second token: main"
    assert witnesses(of(**second()), of(**strict)) == []


def test_a_first_token_may_be_a_weaker_one_besides_the_second() -> None:
    (found,) = witnesses(of(**scopes("a"), **second()), of(**second()))

    assert found.second is not None


def test_a_second_token_in_another_field_was_no_second_token() -> None:
    found = list(find_openings(of(**second()), of(**second("X-Other")), AT))

    assert texts(found) == ["main; its second token: main"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (second(**scopes("a")) | REPORTS, second()),
        (second() | REPORTS, {}),
        (second() | scopes("a") | REPORTS, second()),
        (scopes("a") | REPORTS, second()),
    ],
)
def test_a_second_token_that_was_only_reported_is_found(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert loosened(of(**old), of(**new))
    assert not loosened(of(**new), of(**old))
    assert not loosened(of(**old), of(**old))


@pytest.mark.parametrize(("name", "number"), [("X-Workload", 1), ("X-Service", 0)])
def test_a_second_token_that_its_issuer_only_reported_is_found(name: str, number: int) -> None:
    """In another field it was no second token: that opens."""
    one = issuer(reports=True, algorithms=frozenset({"EdDSA"}))
    before, after = (
        access(make_settings(policy(route(PATH, **rules), issuers=(replace(one, audiences=for_),))))
        for rules, for_ in (
            (second(), frozenset({"shop"})),
            (second(name), frozenset({"shop", "orders"})),
        )
    )

    found = [one for one in find_loosened(before, after, AT) if isinstance(one, Witness)]
    assert len(found) >= number
    assert texts(list(find_loosened(of(**second(), **REPORTS), of(**second("X-Service")), AT)))


def test_a_token_in_another_place_was_no_token() -> None:
    both = TokenSources(frozenset({Place.AUTHORIZATION, Place.QUERY}))
    (found,) = witnesses(of(), of(sources=both))

    assert found.place is Place.QUERY
    assert witnesses(of(sources=both), of()) == []
    assert witnesses(of(sources=both), of(sources=both)) == []


def test_a_token_in_authorization_is_told_from_one_that_both_read() -> None:
    query = TokenSources(frozenset({Place.QUERY}))
    (found,) = witnesses(of(sources=query), of())

    assert found.place is Place.AUTHORIZATION
    assert witnesses(of(**scopes("a")), of())[0].place is None


def test_a_path_with_several_readings_is_not_decided_by_one_of_them() -> None:
    def odd(*tests: tuple[str, str, Any]) -> Access:
        one = of(**claims(("t", "equals", "{path.a}"), *tests))
        assert one.match is not None
        match = one.match._replace(other_variables=({"a": "y", "b": "t"},))
        return replace(one, match=match)

    old, new = odd(("t", "not_equals", "acme")), odd()

    assert list(find_openings(new, old, AT)) == []
    assert list(find_openings(new, new, AT)) == []
    assert [type(one) for one in find_openings(old, new, AT)] == [Undecided]


def test_whoever_needs_no_token_may_have_one_anywhere() -> None:
    both = TokenSources(frozenset({Place.AUTHORIZATION, Place.QUERY}))

    assert witnesses(of(optional=True), of(optional=True, sources=both)) == []


def test_a_ticket_is_for_those_who_have_sent_a_token() -> None:
    tickets = TokenSources(frozenset({Place.AUTHORIZATION, Place.TICKET}))

    assert list(find_openings(of(), of(sources=tickets), AT)) == []


def test_a_login_lets_sessions_in() -> None:
    (found,) = witnesses(of(), of(login=(LOGIN,)))

    assert found.login == "web"
    assert found.text == "main, by a session of web"
    assert witnesses(of(login=(LOGIN,)), of()) == []
    # Where a session does not count, its browser may come as nobody.
    by_session = of(login=(LOGIN,), optional=True, **scopes("a"))
    assert [one.login for one in witnesses(by_session, of(optional=True, **scopes("a")))] == ["web"]
    assert [one.login for one in witnesses(of(login=(LOGIN,), **scopes("a")), of(login=(LOGIN,)))]


def test_an_upgrade_is_opened_by_its_route() -> None:
    old, new = of(), of(upgrades=frozenset({"websocket"}))
    before, after = (replace(one, upgrade="websocket") for one in (old, new))

    assert texts(list(find_openings(before, after, AT))) == ["main"]
    assert list(find_openings(after, before, AT)) == []
    assert list(find_openings(old, new, AT)) == []


def test_a_route_where_there_was_none_is_open_to_whom_it_lets_in() -> None:
    new = of(**scopes("a"))

    assert texts(list(find_openings(Access(new.settings, None), new, AT))) == ["main, with a"]
    assert list(find_openings(new, Access(new.settings, None), AT)) == []


def issuers(*trusted: Issuer) -> Access:
    plain = [one for one in trusted if one.tenants is None]
    tenanted = [one for one in trusted if one.tenants is not None]
    made = policy(route(PATH), issuers=plain)
    tenants = TenantIssuers(tenanted) if tenanted else None
    return access(make_settings(replace(made, tenants=tenants)))


def cloud(*allowed: str) -> Issuer:
    name = "https://cloud.example/{tenantid}"
    tenants = Tenants(("tid",), frozenset(allowed) or None, (name,))
    return issuer(name="partner", issuer=name, tenants=tenants, algorithms=frozenset({"EdDSA"}))


def test_a_tenant_that_is_accepted_now_is_found() -> None:
    many = [f"t-{number}" for number in range(1000)]
    (found,) = witnesses(issuers(cloud(*many)), issuers(cloud(*many, "more")))

    assert found.text == "partner, tenant more"
    assert found.claims["iss"] == "https://cloud.example/more"
    assert witnesses(issuers(cloud(*many, "more")), issuers(cloud(*many))) == []


def test_any_tenant_is_more_than_some() -> None:
    (found,) = witnesses(issuers(cloud("acme")), issuers(cloud()))

    assert found.claims["tid"] != "acme"
    assert witnesses(issuers(cloud()), issuers(cloud("acme"))) == []


def test_rules_about_the_names_of_tenants_are_said_not_to_be_decided() -> None:
    rule = compile_claim_test(("iss",), "matches", "*/acme")
    before = issuers(replace(cloud(), claims=(rule,)))

    (found,) = find_openings(before, issuers(cloud()), AT)
    assert found == Undecided("a rule tests the `iss` of tenants", ("require", "claims", "iss"))


def test_a_reporting_issuer_whose_audiences_change_lets_others_in() -> None:
    """Who had an audience was refused for a scope; without it, that is only reported."""
    reporting = issuer(reports=True, algorithms=frozenset({"EdDSA"}))
    one = route(PATH, **scopes("a"))
    old, new = (
        access(make_settings(policy(one, issuers=(replace(reporting, audiences=audiences),))))
        for audiences in (frozenset({"orders", "shop"}), frozenset({"orders"}))
    )

    assert [found.claims["aud"] for found in witnesses(old, new)] == ["shop"]


def test_a_token_of_its_own_client_is_told_from_an_access_token() -> None:
    """RFC 8725 §3.12, by `azp`; a rule may want the client to be the audience all the same."""
    signs = [frozenset[str]({"azp"}), frozenset[str]()]
    rule = (compile_claim_test(("azp",), "equals", "orders-api"),)
    old, new = (
        access(
            make_settings(
                policy(
                    route(PATH, claims=rule),
                    issuers=(issuer(id_token_signals=one, algorithms=frozenset({"EdDSA"})),),
                )
            )
        )
        for one in signs
    )

    assert len(witnesses(old, new)) == 1
    assert witnesses(new, old) == []
    nothing = Access(old.settings, None)
    assert [
        sent(one).is_let_in(old.settings) for one in like_those(find_openings(nothing, old, AT))
    ]


def test_products_of_many_values_are_decided() -> None:
    """Three claims of 40 values each, and 40 scopes: 2,560,000 kinds of callers."""

    def rules(last: list[str]) -> dict[str, Any]:
        listed = claims(("a", "in", MANY), ("b", "in", MANY), ("c", "in", last))
        return {**listed, **scopes(AnyOf(tuple(MANY)))}

    assert both(rules(MANY), rules(MANY[::-1])) == []
    found = both(rules(MANY), rules([*MANY, "more"]))
    assert len(found) == 1
    assert isinstance(found[0], Witness)
    assert found[0].claims["c"] == "more"


GLOB = ("tenant", "matches", "{path.a}-*")
NO_ROOT = ("tenant", "not_equals", "root")


@pytest.mark.parametrize("rest", [(), (NO_ROOT,), (NO_ROOT, ("tenant", "matches", "*b"))])
def test_globs_with_segments_that_both_have_are_no_matter_of_the_segments(
    rest: tuple[tuple[str, str, Any], ...],
) -> None:
    lax, strict = (of(**claims(GLOB, *rest, ("level", "at_least", one))) for one in (1, 2))

    assert list(find_openings(lax, strict, AT)) == []
    assert [type(one) for one in find_openings(strict, lax, AT)] == [Witness]


def test_another_glob_with_a_segment_is_not_decided_beside_others() -> None:
    old = of(**claims(("tenant", "matches", "{path.a}-*"), NO_ROOT, ("tenant", "matches", "a*")))
    new = of(**claims(("tenant", "matches", "{path.a}-x*"), NO_ROOT, ("tenant", "matches", "a*")))

    assert all(isinstance(one, Undecided) for one in find_openings(old, new, AT))
    assert list(find_openings(old, new, AT))
