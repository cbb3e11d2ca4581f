"""Tokens that just miss what a route asks for beside scopes."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Guard
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.wrong_rules import (
    forge_authentications,
    forge_claims,
    forge_of_others,
    forge_revoked,
)
from tests.suites.hostile.sandboxes import (
    WORLD,
    codes,
    control_of,
    make_sandbox,
    refusals,
    variants,
)


def test_each_claim_test_is_missed_in_many_ways(order: Control) -> None:
    forged = list(forge_claims(order))
    tests = {variant.partition(":")[0] for variant in variants(forged, "claim-near-miss")}

    assert refusals(order, forged) == {"claim-near-miss": codes(Reason.CLAIM_RULE_FAILED)}
    assert tests == {test.text for test in order.route.claims}


GROUPS = (
    "require: {issuers: [ci], claims: {"
    "any: [{roles: {contains: reader}}, {scp: {equals: read}, tid: {exists: true}}],"
    " not: [{amr: {contains: pwd}}, {level: {at_least: 5}}]}}"
)


def test_each_group_is_missed_in_each_of_its_parts(tmp_path: Path) -> None:
    text = WORLD.replace("require: {issuers: [ci]}", GROUPS)
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")

    forged = list(forge_claims(control))
    found = refusals(control, forged)

    assert found == {"claim-near-miss": codes(Reason.CLAIM_RULE_FAILED)}
    missed = {variant.partition("): ")[0] for variant in variants(forged, "claim-near-miss")}
    assert missed == {rule.text.rstrip(")") for rule in control.route.claims}


def test_the_rules_of_the_issuer_are_missed_too_and_it_is_to_blame(tmp_path: Path) -> None:
    rules = "require: {claims: {hd: {equals: a.example}}}"
    issuer = 'issuer: "https://login.example/"\n'
    sandbox, _ = make_sandbox(tmp_path, WORLD.replace(issuer, f"{issuer}    {rules}\n"))
    control = control_of(sandbox, "read-order")

    forged = list(forge_claims(control))

    guards = {one.guard for one in forged if one.variant.startswith("hd equals a.example")}
    assert guards == {Guard("main", ("require", "claims", "hd", "equals"))}
    assert refusals(control, forged) == {"claim-near-miss": codes(Reason.CLAIM_RULE_FAILED)}


def test_a_claim_that_the_gateway_reads_itself_may_be_refused_by_another_check(
    tmp_path: Path,
) -> None:
    text = WORLD.replace("require: {issuers: [ci]}", "require: {claims: {sub: {equals: robot}}}")
    sandbox, _ = make_sandbox(tmp_path, text)
    control = control_of(sandbox, "machines")

    found = refusals(control, forge_claims(control))

    assert found == {
        "claim-near-miss": codes(
            Reason.CLAIM_RULE_FAILED, Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING
        )
    }


def test_an_authentication_is_strong_and_fresh(order: Control) -> None:
    """9470.3"""
    found = refusals(order, forge_authentications(order))

    assert found == {
        "step-up-weaker": codes(Reason.AUTHENTICATION_TOO_WEAK),
        "step-up-older": codes(Reason.AUTHENTICATION_TOO_OLD),
    }


def test_a_route_without_step_up_has_none_to_miss(machine: Control) -> None:
    assert list(forge_authentications(machine)) == []


def test_a_revoked_token_is_refused_by_each_list(order: Control, machine: Control) -> None:
    forged = list(forge_revoked(order))

    assert refusals(order, forged) == {"revoked": codes(Reason.TOKEN_REVOKED)}
    assert variants(forged, "revoked") == {"blocked"}
    assert list(forge_revoked(machine)) == []


def test_a_route_refuses_the_tokens_of_other_issuers(order: Control) -> None:
    forged = list(forge_of_others(order))

    assert refusals(order, forged) == {"issuer-not-accepted": codes(Reason.ISSUER_NOT_ACCEPTED)}
    assert variants(forged, "issuer-not-accepted") == {"partner", "ci"}


def test_a_route_for_all_issuers_has_no_others(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path)

    assert list(forge_of_others(control_of(sandbox, "any"))) == []
