"""The meaning of a route's rules, implemented a second time and as plainly as possible.

The decision has its own implementation, compiled for speed. Attacks are chosen by this one, so
that an error in the other shows instead of hiding the attack.
"""

import re
from collections.abc import Mapping
from typing import assert_never

from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, ClaimTest
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression

Implies = Mapping[str, frozenset[str]]
Variables = Mapping[str, str]

_VARIABLE = re.compile(r"\{path\.(\w+)\}")


def grant(scopes: frozenset[str], implies: Implies) -> frozenset[str]:
    """Return *scopes* with all that they imply; *implies* is transitively closed."""
    return scopes.union(*(implies.get(scope, ()) for scope in scopes))


def scopes_hold(expression: ScopeExpression, granted: frozenset[str]) -> bool:
    """Return whether *granted* scopes satisfy *expression*."""
    match expression:
        case str():
            return expression in granted
        case AllOf():
            return all(scopes_hold(part, granted) for part in expression.parts)
        case AnyOf():
            return any(scopes_hold(part, granted) for part in expression.parts)
        case NoneOf():
            return not any(scopes_hold(part, granted) for part in expression.parts)
        case _:
            assert_never(expression)


def named_scopes(expression: ScopeExpression) -> frozenset[str]:
    """Return every scope in *expression*, forbidden ones too."""
    if isinstance(expression, str):
        return frozenset({expression})
    return frozenset[str]().union(*map(named_scopes, expression.parts))


def forbidden_scopes(expression: ScopeExpression, positive: bool = True) -> frozenset[str]:
    """Return the scopes that are forbidden, at least without certain others."""
    if isinstance(expression, str):
        return frozenset() if positive else frozenset({expression})
    inner = positive != isinstance(expression, NoneOf)
    return frozenset[str]().union(*(forbidden_scopes(part, inner) for part in expression.parts))


def claim_holds(rule: ClaimRule, claims: Mapping[str, object], variables: Variables) -> bool:
    """Return whether *claims* satisfy *rule* on a path with *variables*."""
    if isinstance(rule, ClaimTest):
        return _test_holds(rule, claims, variables)
    return _group_holds(rule, claims, variables)


def _group_holds(group: ClaimGroup, claims: Mapping[str, object], variables: Variables) -> bool:
    holding = [
        part for part in group.parts if all(claim_holds(rule, claims, variables) for rule in part)
    ]
    match group.kind:
        case "any":
            return len(holding) > 0
        case "all":
            return len(holding) == len(group.parts)
        case _:  # not
            return len(holding) == 0


def _test_holds(test: ClaimTest, claims: Mapping[str, object], variables: Variables) -> bool:
    claim = find_claim(claims, test.path)
    if test.operator == "exists":
        return (claim is not ABSENT) is test.operand
    if claim is ABSENT:
        return False
    operand = fill(test.operand, variables)
    match test.operator:
        case "equals":
            return same(claim, operand)
        case "not_equals":
            return not same(claim, operand)
        case "in":
            return isinstance(operand, list) and any(same(claim, one) for one in operand)
        case "contains":
            return isinstance(claim, list) and any(same(one, operand) for one in claim)
        case "matches":
            return isinstance(claim, str) and _is_like(claim, test, variables)
        case _:  # at_least
            return _is_number(claim) and claim >= operand  # type: ignore[operator]


def fill(operand: object, variables: Variables) -> object:
    """Return *operand* with path variables replaced by their values."""
    if isinstance(operand, str):
        return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), operand)
    if isinstance(operand, list | tuple):
        return [fill(one, variables) for one in operand]
    return operand


def same(left: object, right: object) -> bool:
    """Compare two JSON values; 1 is 1.0, and neither is true nor "1", at any depth."""
    return _canonical(left) == _canonical(right)


def _canonical(value: object) -> object:
    """Return *value* with the name of its type, so that values of different types never match."""
    if isinstance(value, list):
        return "list", [_canonical(item) for item in value]
    if isinstance(value, dict):
        return "table", {name: _canonical(item) for name, item in value.items()}
    return "number" if _is_number(value) else type(value).__name__, value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_like(claim: str, test: ClaimTest, variables: Variables) -> bool:
    at_signs = str(fill(test.operand, variables)).count("@")
    if at_signs and claim.count("@") != at_signs:
        return False  # an address with two of them is none
    return _glob(test, variables).fullmatch(claim) is not None


def _glob(test: ClaimTest, variables: Variables) -> re.Pattern[str]:
    # Only stars and question marks of the pattern itself are wildcards, not those of a variable.
    pieces = _VARIABLE.split(str(test.operand))
    pattern = ""
    for place, piece in enumerate(pieces):
        if place % 2:
            pattern += re.escape(variables.get(piece, ""))
        else:
            pattern += re.escape(piece).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(pattern, re.DOTALL)
