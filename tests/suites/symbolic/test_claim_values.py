"""A value of a claim that passes and fails tests is found, or proved not to exist."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.glob import split_glob
from gateway.suites.symbolic.claim_values import NO_VALUE, find_value, holds
from gateway.suites.symbolic.formula import Literal, negate, passes
from gateway.suites.symbolic.text_values import UNDECIDED, Pattern
from tests.suites.symbolic.pairs import VALUES

P = ("a",)


def says(operator: str, operand: object = None) -> Literal:
    return passes(P, operator, operand)


def unless(operator: str, operand: object = None) -> Literal:
    return Literal(says(operator, operand).atom, False)


def like(glob: str) -> Literal:
    return says("matches", Pattern(split_glob(glob), glob.count("@") or None))


@pytest.mark.parametrize(
    ("literals", "expected"),
    [
        ([says("equals", "x"), says("exists")], "x"),
        ([says("equals", "x"), says("equals", "y")], NO_VALUE),
        ([says("equals", 1), unless("equals", 1.0)], NO_VALUE),
        ([says("at_least", 2), unless("at_least", 3)], 2),
        ([says("at_least", 2), unless("at_least", 3), unless("equals", 2)], 2.5),
        ([says("at_least", 3), unless("at_least", 3)], NO_VALUE),
        ([says("above", 3), unless("above", 4), unless("equals", 4)], 3.5),
        ([says("above", 3), unless("above", 3)], NO_VALUE),
        ([unless("at_least", 3), says("type", "time"), says("exists")], 0),
        ([unless("at_least", 0), says("type", "time"), says("exists")], NO_VALUE),
        ([says("contains", "x"), says("contains", 1)], ["x", 1]),
        ([says("contains", "x"), unless("equals", ["x"])], ["x", "other"]),
        ([says("contains", "x"), says("at_least", 1)], NO_VALUE),
        ([says("contains", 1), says("type", "texts")], NO_VALUE),
        ([says("member", "x"), says("member", "y"), says("type", "texts")], ["x", "y"]),
        ([says("member", "x"), unless("equals", "x")], ["x"]),
        ([says("item", "r"), says("item", "w"), like("w*")], "w r"),
        ([says("item", "r w"), says("type", "scopes")], NO_VALUE),
        ([unless("type", "scopes")], 7),
        ([like("a*"), unless("equals", "a"), unless("equals", "ax")], "asome"),
        ([unless("exists"), says("named")], None),
        ([unless("exists")], ABSENT),
        ([unless("exists"), says("equals", 1)], NO_VALUE),
        ([says("tenant"), unless("equals", "other")], "another"),
        ([says("workload", "d.example"), says("type", "subject")], "spiffe://d.example/other"),
        ([says("workload", "d.example"), like("other*")], NO_VALUE),
        ([says("in_any_case", ("bearer",))], "bearer"),
        ([says("any_item"), like(" ")], UNDECIDED),
        ([says("equals", True), unless("equals", 1)], True),
        ([says("exists"), *(unless("equals", one) for one in ("other", "another", ""))], "other-1"),
    ],
)
def test_a_value_is_as_the_tests_say(literals: Sequence[Literal], expected: object) -> None:
    found = find_value(literals)

    assert found == expected
    assert type(found) is type(expected)


def test_the_preferred_value_is_taken_if_it_can_be() -> None:
    assert find_value([says("exists")], "mine") == "mine"
    assert find_value([unless("equals", "mine")], "mine") is ABSENT


@pytest.mark.parametrize(
    ("literals", "expected"),
    [
        ([passes(("a", "b"), "equals", 1), says("exists")], {"b": 1}),
        ([passes(("a", "b"), "equals", 1), unless("equals", {"b": 1})], {"b": 1, "other": 0}),
        ([passes(("a", "b"), "equals", 1), like("x*")], NO_VALUE),
        ([passes(("a", "b"), "equals", 1), says("equals", {"b": 2})], NO_VALUE),
        ([negate(passes(("a", "b"), "exists")), says("contains", "x")], ["x"]),
        ([passes(("a", "b", "c"), "exists"), passes(("a", "d"), "equals", 1)],
         {"b": {"c": "other"}, "d": 1}),
        ([passes(("a", "b"), "exists"), negate(passes(("a", "b"), "exists"))], NO_VALUE),
    ],
)  # fmt: skip
def test_claims_in_claims_are_found_together(literals: Sequence[Literal], expected: object) -> None:
    assert find_value(literals) == expected


OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    "equals": st.sampled_from(VALUES),
    "contains": st.sampled_from(VALUES),
    "at_least": st.sampled_from([0, 1, 2.5, 3]),
    "matches": st.sampled_from(["*", "a*", "*e", "acm?", "u-*", "*@a"]),
    "exists": st.just(True),
}
TESTS = st.sampled_from(sorted(OPERANDS)).flatmap(
    lambda operator: st.tuples(
        st.just(operator), OPERANDS[operator], st.sampled_from([("a",), ("a", "id")]), st.booleans()
    )
)
ANY_VALUE = st.sampled_from([ABSENT, None, *VALUES, "axe", "u-", {"id": 1}, {"id": ["acme"]}, 0])


def meaning(path: tuple[str, ...], operator: str, operand: Any) -> Literal:
    if operator != "matches":
        return passes(path, operator, operand)
    return passes(path, operator, Pattern(split_glob(operand), operand.count("@") or None))


@given(st.lists(TESTS, max_size=5), ANY_VALUE)
def test_no_value_passes_if_none_is_found(tests: list[Any], value: object) -> None:
    literals, wanted = [], []
    for operator, operand, path, positive in tests:
        literals.append(Literal(meaning(path, operator, operand).atom, positive))
        wanted.append((compile_claim_test(path, operator, operand), positive))

    def fits(one: object) -> bool:
        claims = {} if one is ABSENT else {"a": one}
        return all(test.holds(claims, {}) is positive for test, positive in wanted)

    found = find_value(literals) if literals else ABSENT
    if found is NO_VALUE:
        assert not fits(value)
    else:
        assert found is not UNDECIDED
        assert fits(found)


@given(TESTS, ANY_VALUE)
def test_a_test_means_what_the_decision_makes_of_it(test: Any, value: object) -> None:
    operator, operand, path, _ = test
    atom = meaning(path, operator, operand).atom
    claims = {} if value is ABSENT else {"a": value}

    expected = compile_claim_test(path, operator, operand).holds(claims, {})
    assert holds(atom, find_claim(claims, path)) is expected
