"""The plain reading of rules agrees with the decision's compiled one."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_tests import (
    KINDS,
    OPERATORS,
    ClaimRule,
    compile_claim_group,
    compile_claim_test,
)
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression, compile_scopes
from gateway.suites.samples.meaning import (
    claim_holds,
    fill,
    forbidden_scopes,
    grant,
    named_scopes,
    same,
    scopes_hold,
)

SCOPES = st.sampled_from(["a", "b", "c", "d"])
EXPRESSIONS: st.SearchStrategy[ScopeExpression] = st.recursive(
    SCOPES,
    lambda inner: st.builds(
        lambda kind, parts: kind(tuple(parts)),
        st.sampled_from([AllOf, AnyOf, NoneOf]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [None, True, False, 0, 1, 1.0, 2, "", "a", "1", "a*b", "axb", "x{y", "a@b", "x@a@b"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("k"), inner, max_size=1),
    max_leaves=4,
)
OPERANDS: st.SearchStrategy[Any] = st.sampled_from(
    ["a", "{path.x}", "a{path.x}b", "a*b", "a?b", "*", "*@b", "{path.x}*", 1, 1.5, True, False]
) | st.lists(st.sampled_from(["a", "{path.x}", 1, True]), min_size=1, max_size=3)


def _compiled(path: tuple[str, ...], operator: str, operand: Any) -> ClaimRule:
    try:
        return compile_claim_test(path, operator, operand)
    except ValueError:
        return compile_claim_test(path, "exists", True)


RULES: st.SearchStrategy[ClaimRule] = st.recursive(
    st.builds(
        _compiled,
        st.sampled_from([("a",), ("b",), ("n", "x")]),
        st.sampled_from(OPERATORS),
        OPERANDS,
    ),
    lambda inner: st.builds(
        compile_claim_group,
        st.sampled_from(KINDS),
        st.lists(st.lists(inner, min_size=1, max_size=2), min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS, st.frozensets(SCOPES))
def test_scopes_hold_as_they_do_in_the_decision(
    expression: ScopeExpression, granted: frozenset[str]
) -> None:
    assert scopes_hold(expression, granted) is compile_scopes(expression).holds(granted)


@given(st.sampled_from(OPERATORS), OPERANDS, VALUES, st.sampled_from(["a", "*", "axb", "a@b", "1"]))
def test_claims_hold_as_they_do_in_the_decision(
    operator: str, operand: object, value: object, variable: str
) -> None:
    try:
        test = compile_claim_test(("c", "k"), operator, operand)
    except ValueError:
        return
    for claims in ({"c": {"k": value}}, {"c": value}, {}):
        variables = {"x": variable}
        assert claim_holds(test, claims, variables) is test.holds(claims, variables)


@given(RULES, st.dictionaries(st.sampled_from(["a", "b", "n"]), VALUES), st.sampled_from("a*1"))
def test_groups_hold_as_they_do_in_the_decision(
    rule: ClaimRule, claims: Mapping[str, Any], variable: str
) -> None:
    variables = {"x": variable}

    assert claim_holds(rule, claims, variables) is rule.holds(claims, variables)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(1, 1.0, True), (1, True, False), ("1", 1, False), ([1], [1], True), (None, None, True)],
)
def test_values_are_compared_as_json_has_them(left: object, right: object, equal: bool) -> None:
    assert same(left, right) is equal


def test_a_scope_grants_what_it_implies() -> None:
    implies: Mapping[str, frozenset[str]] = {"admin": frozenset({"read", "write"})}

    assert grant(frozenset({"admin", "x"}), implies) == {"admin", "read", "write", "x"}


def test_every_scope_is_named_the_forbidden_ones_too() -> None:
    expression = AllOf(("a", AnyOf(("b", "c")), NoneOf(("d",))))

    assert named_scopes(expression) == {"a", "b", "c", "d"}


def test_a_scope_is_forbidden_inside_of_an_odd_number_of_nones() -> None:
    expression = AllOf(("a", NoneOf(("b", AllOf(("c", NoneOf(("d",)))))), AnyOf(("e",))))

    assert forbidden_scopes(expression) == {"b", "c"}
    assert forbidden_scopes("a") == set()


def test_an_operand_is_filled_wherever_a_variable_stands_in_it() -> None:
    assert fill(["{path.x}", "a{path.x}", "{path.y}", 1], {"x": "1"}) == ["1", "a1", "{path.y}", 1]
