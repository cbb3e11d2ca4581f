"""A suite has callers that each route allows, and callers that it refuses."""

from typing import Any

import pytest
import yaml

from gateway.cli.init.planned_routes import plan_api, plan_everything
from gateway.cli.init.suite_text import format_suite
from gateway.decision.policy import Issuer, Profile, ScopeSource
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


def test_a_prefix_is_tested_below_it() -> None:
    made = format_suite(plan_everything(["a"]), ISSUER, "h.example", "gateway.yaml")

    (test,) = yaml.safe_load(made)["tests"]
    assert test["request"] == "GET https://h.example/anything"
