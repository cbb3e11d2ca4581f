"""Sets of scopes that are enough, and such as just fail to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.suites.samples.meaning import grant, scopes_hold
from gateway.suites.samples.scope_sets import enough, reduce, too_few, too_many
from tests.suites.samples.test_meaning import EXPRESSIONS, SCOPES

IMPLIES = {"admin": frozenset({"read", "write"})}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("read", [{"read"}, {"admin"}]),
        (AllOf(("read", "write")), [{"read", "write"}, {"admin"}]),
        (AnyOf(("read", "write")), [{"read"}, {"write"}, {"admin"}]),
        (AnyOf(("admin", AllOf(("read", "write")))), [{"admin"}, {"read", "write"}]),
        (AllOf(("read", NoneOf(("write",)))), [{"read"}]),
        (NoneOf(("read",)), [set()]),
        (NoneOf((NoneOf(("read",)),)), [{"read"}, {"admin"}]),
        (NoneOf((AllOf(("read", "write")),)), [set()]),
        (AllOf(("admin", NoneOf(("read",)))), []),
        (AllOf(("read", NoneOf(("read",)))), []),
    ],
)
def test_each_way_is_found_with_nothing_to_spare(
    expression: ScopeExpression, expected: list[set[str]]
) -> None:
    assert list(enough(expression, IMPLIES)) == [frozenset(one) for one in expected]


@given(EXPRESSIONS)
def test_what_is_enough_holds_and_no_scope_of_it_can_be_missed(
    expression: ScopeExpression,
) -> None:
    for scopes in enough(expression, {}):
        assert scopes_hold(expression, scopes)
        for scope in scopes:
            assert not scopes_hold(expression, scopes - {scope})


@given(EXPRESSIONS)
def test_where_there_is_a_way_one_is_found(expression: ScopeExpression) -> None:
    subsets = [
        frozenset(name for bit, name in enumerate("abcd") if number >> bit & 1)
        for number in range(16)
    ]
    possible = any(scopes_hold(expression, scopes) for scopes in subsets)

    assert (next(enough(expression, {}), None) is not None) is possible


@given(EXPRESSIONS, st.frozensets(SCOPES), st.sampled_from([{}, {"a": frozenset({"b"})}]))
def test_what_is_too_little_or_too_much_fails(
    expression: ScopeExpression, scopes: frozenset[str], implies: dict[str, frozenset[str]]
) -> None:
    if not scopes_hold(expression, grant(scopes, implies)):
        return
    for scope, rest in too_few(expression, scopes, implies):
        assert scope not in grant(rest, implies)
        assert rest < scopes
        assert not scopes_hold(expression, grant(rest, implies))
    for scope, more in too_many(expression, scopes, implies):
        assert more == scopes | {scope}
        assert not scopes_hold(expression, grant(more, implies))


def test_with_a_scope_goes_all_that_grants_it() -> None:
    found = dict(too_few("read", frozenset({"admin", "read", "other"}), IMPLIES))

    assert found == {"read": {"other"}}


def test_where_another_scope_would_do_it_goes_as_well() -> None:
    found = dict(too_few(AnyOf(("a", "b")), frozenset({"a", "b", "c"}), {}))

    assert found == {"a": {"c"}, "b": {"c"}}


def test_spare_scopes_are_taken_out() -> None:
    assert reduce("read", frozenset({"read", "x", "y"}), {}) == {"read"}


def test_an_expression_with_millions_of_ways_is_not_counted_out() -> None:
    names = tuple(AnyOf(tuple(f"{place}{letter}" for letter in "abcd")) for place in range(30))

    assert len(list(enough(AllOf(names), {}))) == 64
