"""Tokens whose scopes are almost those that a route asks for."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.wrong_rules import forge_scopes
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import (
    WORLD,
    codes,
    control_of,
    make_sandbox,
    refusals,
    variants,
)

MISSING = codes(Reason.SCOPE_MISSING)


def test_each_scope_is_missing_in_its_turn(order: Control) -> None:
    forged = list(forge_scopes(order))

    found = refusals(order, forged)

    assert variants(forged, "scope-missing") == {"orders:read", "staff"}
    assert variants(forged, "scope-forbidden") == {"suspended"}
    assert found["scope-missing"] == found["scope-forbidden"] == found["scope-near"] == MISSING
    assert found["scope-joined"] == found["scope-elsewhere"] == MISSING
    assert found["scope-odd"] == codes(Reason.CLAIM_MALFORMED) | MISSING


def test_whoever_has_more_loses_all_that_grants_a_scope(sandbox: Sandbox) -> None:
    """Where another scope implies the one that is missing, both are."""
    rich = Persona("rich", "main", {"scope": "orders:admin orders:read other"})
    request = parse_request("GET", "https://shop.example/maybe")
    control = control_of(sandbox, "maybe", "main", [(rich, request)])
    forged = list(forge_scopes(control))

    assert control.caller == "rich"
    assert variants(forged, "scope-missing") == {"orders:read"}
    assert refusals(control, forged)["scope-missing"] == MISSING


SOURCES = "scopes_from: [roles, {claim: realm.groups, prefix: 'group:'}]"


def test_scopes_are_missed_where_the_issuer_has_them(tmp_path: Path) -> None:
    rule = "scopes: [read, 'group:staff', {none: [suspended]}]"
    text = WORLD.replace("require: {issuers: [ci]}", f"require: {{issuers: [ci], {rule}}}")
    text = text.replace("secret_env: CI_SECRET,", f"secret_env: CI_SECRET, {SOURCES},")
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")
    forged = list(forge_scopes(control))

    found = refusals(control, forged)

    assert set().union(*found.values()) == MISSING
    assert variants(forged, "scope-missing") == {"read", "group:staff"}
    assert variants(forged, "scope-forbidden") == {"suspended"}
    assert {"'scope'", "'scp'"} <= variants(forged, "scope-elsewhere")
    assert "'roles'" not in variants(forged, "scope-elsewhere")


def test_a_token_of_its_own_client_without_scopes_may_be_refused_as_an_id_token(
    tmp_path: Path,
) -> None:
    text = WORLD.replace("require: {issuers: [ci]}", "require: {issuers: [ci], scopes: [read]}")
    sandbox, _ = make_sandbox(tmp_path, text)
    own = Persona("own", "ci", {"azp": "orders", "aud": "orders", "scope": "read"})
    request = parse_request("GET", "https://shop.example/machines")
    control = control_of(sandbox, "machines", "ci", [(own, request)])

    found = refusals(control, forge_scopes(control))

    assert found["scope-missing"] == codes(Reason.TOKEN_TYPE_MISMATCH)


def test_a_route_without_scopes_has_none_to_miss(machine: Control) -> None:
    assert list(forge_scopes(machine)) == []


@pytest.mark.parametrize("scopes", ["{none: [suspended]}", "{any: [a, {none: [b]}]}"])
def test_where_no_scope_is_needed_none_is_misspelt(scopes: str, tmp_path: Path) -> None:
    text = WORLD.replace("require: {issuers: [ci]}", f"require: {{scopes: {scopes}}}")
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")
    forged = list(forge_scopes(control))

    assert refusals(control, forged) == {"scope-forbidden": MISSING}


def test_a_route_that_tests_the_claim_itself_may_refuse_as_well(tmp_path: Path) -> None:
    text = WORLD.replace(
        "require: {issuers: [ci]}",
        "require: {scopes: [a], claims: {scope: {exists: true}}}",
    )
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")

    found = refusals(control, forge_scopes(control))

    assert found["scope-elsewhere"] <= MISSING | codes(Reason.CLAIM_RULE_FAILED)
