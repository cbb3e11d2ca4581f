"""Explain rules over claims, with the part of a group that decided."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gateway.decision.explaining.steps import Check, Setting, Step
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, ClaimTest, all_tests

Claims = Mapping[str, object]
Variables = Mapping[str, str]


def rule_steps(
    rules: Iterable[ClaimRule],
    claims: Claims,
    readings: Sequence[Variables],
    check: Check,
    setting_of: Callable[[ClaimRule], Setting],
) -> Iterator[Step]:
    """Yield a step for each of *rules*, up to the first that fails in one of *readings*.

    *readings* are the variables of each reading of the path.
    """
    for rule in rules:
        failed = [one for one in readings if not rule.holds(claims, one)]
        reason = Reason.CLAIM_RULE_FAILED if failed else None
        found = _found(rule, claims, (*failed, *readings)[0])
        yield Step(check, rule.text, found, reason, setting_of(rule))
        if failed:
            return


def _found(rule: ClaimRule, claims: Claims, variables: Variables) -> str:
    """Return what *claims* have of what *rule* tests."""
    if isinstance(rule, ClaimTest):
        value = find_claim(claims, rule.path)
        return f"{rule.claim} is not there" if value is ABSENT else f"{rule.claim} is {value!r}"
    if rule.kind == "all":
        return _found_all(rule, claims, variables)
    for number, part in enumerate(rule.parts, 1):
        if all(one.holds(claims, variables) for one in part):
            return f"part {number} holds: {_tested(part, claims, variables)}"
    return f"no part holds: {_tested([rule], claims, variables)}"


def _found_all(rule: ClaimGroup, claims: Claims, variables: Variables) -> str:
    for number, part in enumerate(rule.parts, 1):
        for one in part:
            if not one.holds(claims, variables):
                return f"part {number} does not hold: {_found(one, claims, variables)}"
    return f"every part holds: {_tested([rule], claims, variables)}"


def _tested(rules: Sequence[ClaimRule], claims: Claims, variables: Variables) -> str:
    # A claim that several tests are about is shown once.
    found = dict.fromkeys(_found(test, claims, variables) for test in all_tests(rules))
    return ", ".join(found)
