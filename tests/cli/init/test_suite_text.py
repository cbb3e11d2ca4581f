"""A suite has callers that each route allows, and callers that it refuses."""

from typing import Any

import pytest
import yaml

from gateway.cli.init.planned_routes import Plan, PlannedRoute, plan_api, plan_everything
from gateway.cli.init.suite_text import format_suite
from gateway.decision.policy import Issuer, Profile, ScopeSource
from gateway.openapi.api import Access, Security
from tests.openapi.apis import SHOP, read

ISSUER = Issuer(
    "main", "https://login.example.com", frozenset({"api"}), frozenset({"ES256"}), Profile.ANY, 30
)


def suite(issuer: Issuer = ISSUER) -> dict[str, Any]:
    made = format_suite(plan_api(read(SHOP)), issuer, "api.example.com", "gateway.yaml")
    found: dict[str, Any] = yaml.safe_load(made)
    return found


def expected(method: str, path: str) -> dict[str, str]:
    tests = {one["name"]: one["expect"] for one in suite()["tests"]}
    found: dict[str, str] = tests[f"{method} {path}"]
    return found


def test_a_guarded_route_allows_who_has_an_alternative_and_refuses_all_others() -> None:
    assert expected("POST", "/v1/orders") == {
        "nobody": "token_missing",
        "late": "token_expired",
        "forger": "signature_invalid",
        "with-orders-admin": "allow",
        "with-orders-write": "allow",
        "with-orders-read-orders-write": "allow",
        "others": "scope_missing",
    }


def test_a_public_route_allows_everyone_and_an_optional_one_nobody_too() -> None:
    assert expected("GET", "/v1/health") == {"others": "allow"}
    assert expected("GET", "/v1/prices") == {
        "nobody": "allow",
        "late": "token_expired",
        "forger": "signature_invalid",
        "others": "allow",
    }


@pytest.mark.parametrize(
    ("source", "claims"),
    [
        (ScopeSource(("scp",)), {"scp": "orders:read orders:write"}),
        (ScopeSource(("roles",)), {"roles": ["orders:read", "orders:write"]}),
        (ScopeSource(("a", "b"), "orders:"), {"a": {"b": ["read", "write"]}}),
    ],
)
def test_scopes_are_in_the_claim_that_the_issuer_reads(
    source: ScopeSource, claims: dict[str, object]
) -> None:
    issuer = Issuer(
        "main", "x", frozenset({"a"}), frozenset({"ES256"}), Profile.ANY, 30, scopes_from=(source,)
    )

    personas = suite(issuer)["personas"]

    assert personas["with-orders-read-orders-write"] == {"extends": "stranger", "claims": claims}


def many(number: int) -> dict[str, Any]:
    """Return the suite for *number* operations, each with a scope of its own."""
    security = {at: Security(Access.TOKEN, (frozenset({f"s{at}"}),)) for at in range(number)}
    routes = [
        PlannedRoute(f"r{at}", f"/r{at}", False, ("GET",), one, ()) for at, one in security.items()
    ]
    made = format_suite(Plan(tuple(routes)), ISSUER, "h.example", "gateway.yaml")
    found: dict[str, Any] = yaml.load(made, yaml.CSafeLoader)
    return found


def test_with_many_scopes_a_test_tries_those_of_its_route_and_another() -> None:
    tests = {one["name"]: one["expect"] for one in many(21)["tests"]}

    refused = {"nobody": "token_missing", "late": "token_expired", "forger": "signature_invalid"}
    refused["stranger"] = "scope_missing"
    rest = {"others": "skip"}
    assert tests["GET /r7"] == {**refused, "with-s7": "allow", "with-s0": "scope_missing", **rest}
    assert tests["GET /r0"] == {**refused, "with-s0": "allow", "with-s1": "scope_missing", **rest}


def test_a_suite_grows_as_the_number_of_operations_does() -> None:
    small, large = many(100)["tests"], many(200)["tests"]

    assert sum(len(one["expect"]) for one in large) == 2 * sum(len(one["expect"]) for one in small)


def test_a_prefix_is_tested_below_it() -> None:
    made = format_suite(plan_everything(["a"]), ISSUER, "h.example", "gateway.yaml")

    (test,) = yaml.safe_load(made)["tests"]
    assert test["request"] == "GET https://h.example/anything"
