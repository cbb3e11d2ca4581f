"""Steps of rules over claims say which part of a group decided."""

from typing import Any

import pytest

from gateway.decision.explaining.rule_steps import rule_steps
from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_tests import ClaimRule, compile_claim_group, compile_claim_test

READER = compile_claim_test(("roles",), "contains", "reader")
WRITER = compile_claim_test(("scp",), "equals", "write")
TENANT = compile_claim_test(("tenant",), "equals", "{path.t}")


def steps(rules: list[ClaimRule], claims: dict[str, Any], *readings: dict[str, str]) -> list[Step]:
    return list(
        rule_steps(
            rules,
            claims,
            readings or ({},),
            Check.CLAIM_RULES,
            lambda rule: Setting(Owner.ROUTE, "r", ("require", "claims", rule.key)),
        )
    )


@pytest.mark.parametrize(
    ("kind", "claims", "holds", "found"),
    [
        ("any", {"scp": "write"}, True, "part 2 holds: scp is 'write'"),
        ("any", {"scp": "x"}, False, "no part holds: roles is not there, scp is 'x'"),
        ("all", {"scp": "write"}, False, "part 1 does not hold: roles is not there"),
        (
            "all",
            {"scp": "write", "roles": ["reader"]},
            True,
            "every part holds: roles is ['reader'], scp is 'write'",
        ),
        ("not", {"roles": ["reader"]}, False, "part 1 holds: roles is ['reader']"),
        ("not", {}, True, "no part holds: roles is not there, scp is not there"),
    ],
)
def test_a_group_says_which_part_decided(
    kind: str, claims: dict[str, Any], holds: bool, found: str
) -> None:
    group = compile_claim_group(kind, [[READER], [WRITER]])

    [step] = steps([group], claims)

    assert (step.holds, step.found, step.expected) == (holds, found, group.text)
    assert step.reason is (None if holds else Reason.CLAIM_RULE_FAILED)
    assert step.setting == Setting(Owner.ROUTE, "r", ("require", "claims", kind))


def test_a_group_in_a_group_is_shown_by_its_claims() -> None:
    inner = compile_claim_group("not", [[WRITER]])
    group = compile_claim_group("all", [[READER], [inner]])

    [step] = steps([group], {"roles": ["reader"], "scp": "write"})

    assert step.found == "part 2 does not hold: part 1 holds: scp is 'write'"


def test_the_first_rule_that_fails_in_some_reading_is_the_last_step() -> None:
    found = steps([TENANT, READER], {"tenant": "a"}, {"t": "a"}, {"t": "b"})

    assert [(step.holds, step.found) for step in found] == [(False, "tenant is 'a'")]


def test_rules_that_hold_are_all_shown() -> None:
    found = steps([TENANT, READER], {"tenant": "a", "roles": ["reader"]}, {"t": "a"})

    assert [step.holds for step in found] == [True, True]
