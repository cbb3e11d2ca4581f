"""Compile what a route requires: scopes and claim tests."""

from collections.abc import Mapping

from gateway.decision.claim_names import parse_claim_name
from gateway.decision.operands import path_variables
from gateway.decision.rules import ClaimTest, compile_claim_test
from gateway.decision.scopes import (
    AllOf,
    AnyOf,
    NoneOf,
    ScopeExpression,
    ScopeRule,
    compile_scopes,
)
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.route_models import RequireModel, ScopeGroup
from gateway.settings.suggest import did_you_mean

_GROUPS: Mapping[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "all": AllOf,
    "any": AnyOf,
    "none": NoneOf,
}


def build_scope_rule(
    scopes: list[str | ScopeGroup] | ScopeGroup | None, part: Part, faults: list[Fault]
) -> ScopeRule | None:
    """Return the rule over scopes, or None where the route asks for none."""
    if scopes is None:
        return None
    if isinstance(scopes, ScopeGroup):
        expression = _group(scopes, part, faults)
    else:
        expression = AllOf(_terms(scopes, part, faults))
    return compile_scopes(expression) if expression is not None else None


def build_claim_tests(
    require: RequireModel, part: Part, variables: frozenset[str], faults: list[Fault]
) -> tuple[ClaimTest, ...]:
    """Return one test for each operator of each claim; *variables* are those of the path."""
    tests: list[ClaimTest] = []
    for name, model in (require.claims or {}).items():
        item = part.child(name)
        try:
            path = parse_claim_name(name)
        except ValueError as error:
            faults.append(item.key_fault(Code.BAD_VALUE, str(error)))
            continue
        operators = model.model_dump(by_alias=True, exclude_unset=True)
        if not item.raw:
            message = "no test: write one, e.g. exists: true"
            faults.append(item.key_fault(Code.MISSING_KEY, message))
        for operator, operand in operators.items():
            at = item.child(operator)
            try:
                tests.append(compile_claim_test(path, operator, operand))
            except ValueError as error:
                faults.append(at.fault(Code.BAD_VALUE, str(error)))
            _refuse_unknown_variables(operand, at, variables, faults)
    return tuple(tests)


def _refuse_unknown_variables(
    operand: object, part: Part, variables: frozenset[str], faults: list[Fault]
) -> None:
    for unknown in sorted(path_variables(operand) - variables):
        message = f"the path has no variable `{unknown}`{did_you_mean(unknown, variables)}"
        faults.append(part.fault(Code.UNKNOWN_REFERENCE, message))


def _group(group: ScopeGroup, part: Part, faults: list[Fault]) -> ScopeExpression | None:
    given = {"all": group.all_of, "any": group.any_of, "none": group.none_of}
    present = [key for key, terms in given.items() if terms is not None]
    if not present:
        if not part.raw:  # otherwise its keys are unknown, and that has been said
            faults.append(part.fault(Code.MISSING_KEY, "expected one of all, any and none"))
        return None
    for extra in present[1:]:
        message = f"`{present[0]}` and `{extra}`: nest one in the other to say how they combine"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
    key = present[0]
    return _GROUPS[key](_terms(given[key] or [], part.child(key), faults))


def _terms(
    terms: list[str | ScopeGroup], part: Part, faults: list[Fault]
) -> tuple[ScopeExpression, ...]:
    built = (
        term if isinstance(term, str) else _group(term, part.child(index), faults)
        for index, term in enumerate(terms)
    )
    return tuple(term for term in built if term is not None) or ("invalid",)
