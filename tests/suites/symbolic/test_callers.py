"""Callers are made with the claims that matter, and described by them."""

from typing import Any

import pytest

from gateway.decision.policy import Profile
from gateway.decision.tenants import Tenants
from gateway.suites.simulation.sandbox import revoked_id
from gateway.suites.symbolic.callers import CALLER, Sample, keys_of, make_sample
from gateway.suites.symbolic.formula import Formula, Literal, all_of, negate, passes
from gateway.suites.symbolic.requirements import ALGORITHM, LISTED, OF_CLIENT, TYP, Origin
from gateway.suites.symbolic.satisfy import Model, satisfy
from tests.decision.policies import AUDIENCE, ISSUER, NOW, issuer


def sample(origin: Origin | None = None, **changes: Any) -> Sample:
    return make_sample(issuer(**changes), None, origin or Origin(ISSUER), CALLER, NOW)


def solve(one: Sample, *formulas: Formula) -> Model:
    found = satisfy(formulas, one.preferred)
    assert isinstance(found, Model)
    return found


def item(scope: str) -> Literal:
    return passes(("scope",), "item", scope)


@pytest.mark.parametrize(
    ("formulas", "text"),
    [
        ([item("read"), item("write")], "main, with read write"),
        ([passes(("department",), "equals", "marketing")], "main, department marketing"),
        ([passes(("org", "id"), "equals", 7)], "main, org id 7"),
        ([negate(passes(("sub",), "exists"))], "main, without sub"),
        ([passes(("aud",), "member", "shop")], "main, for shop"),
        ([negate(passes(("aud",), "exists"))], "main, without an audience"),
        ([passes((TYP,), "equals", "at+jwt")], "main, of the type at+jwt"),
        ([negate(passes((ALGORITHM,), "equals", "ES256"))], "main, by EdDSA"),
        ([passes((LISTED + "blocked",), "equals", True)], "main, on the list blocked"),
        ([passes((OF_CLIENT,), "equals", True)], "main, for its own client, like an ID token"),
    ],
)
def test_a_caller_is_described_by_what_is_unusual(formulas: list[Formula], text: str) -> None:
    one = sample()

    assert one.changed(solve(one, *formulas)).text == text


def test_a_token_is_as_usual_but_for_what_matters() -> None:
    one = sample()
    made = one.changed(solve(one, passes(("tenant",), "equals", "acme"), item("read")))

    assert made.claims == {**one.claims, "tenant": "acme", "scope": "read"}
    assert (made.iss, made.typ, made.algorithm) == (ISSUER, "JWT", "ES256")


def test_a_token_on_a_list_has_the_identifier_of_the_list() -> None:
    one = sample()
    made = one.changed(solve(one, passes((LISTED + "blocked",), "equals", True)))

    assert made.claims["jti"] == revoked_id("blocked")


def test_a_token_of_its_own_client_names_it() -> None:
    one = sample()

    assert one.changed(solve(one, passes((OF_CLIENT,), "equals", True))).claims["azp"] == AUDIENCE


def test_a_forged_token_says_so() -> None:
    one = sample()
    made = one.forged(solve(one))

    assert made.attack == "signature"
    assert made.text == "anybody who forges a token of main"


def test_a_token_is_one_of_both_configurations_if_possible() -> None:
    one = make_sample(
        issuer(audiences=frozenset({"a", "b"}), algorithms=frozenset({"ES256", "RS256"})),
        issuer(
            audiences=frozenset({"b"}), algorithms=frozenset({"RS256"}), profile=Profile.RFC9068
        ),
        Origin(ISSUER),
        CALLER,
        NOW,
    )

    assert (one.claims["aud"], one.algorithm, one.typ) == ("b", "RS256", "at+jwt")


def test_a_token_names_its_issuer_as_its_origin_says() -> None:
    tenants = Tenants(("tid",), None, ("https://c.example/{tenantid}",))
    cloud: dict[str, Any] = {"issuer": "https://c.example/{tenantid}", "tenants": tenants}

    assert sample(Origin("https://alias.example")).claims["iss"] == "https://alias.example"
    named = sample(Origin("https://c.example/acme"), **cloud)
    assert (named.claims["iss"], named.claims["tid"]) == ("https://c.example/acme", "acme")
    of_any = sample(Origin(pattern="https://c.example/{tenantid}"), **cloud)
    made = of_any.changed(solve(of_any, passes(("tid",), "equals", "globex")))
    assert made.claims["iss"] == "https://c.example/globex"
    workload = sample(Origin(domain="d.example"), trust_domain="d.example")
    assert "iss" not in workload.claims
    assert workload.claims["sub"] == "spiffe://d.example/some-caller"


@pytest.mark.parametrize(
    ("formula", "keys"),
    [
        (item("read"), ("require", "scopes")),
        (passes(("org", "id"), "equals", 1), ("require", "claims", "org.id")),
        (passes((TYP,), "equals", "jwt"), ("require",)),
        (all_of((passes((TYP,), "equals", "jwt"), item("a"))), ("require", "scopes")),
    ],
)
def test_a_rule_is_found_by_its_keys(formula: Formula, keys: tuple[str, ...]) -> None:
    assert keys_of(formula) == keys
