"""Scope rules are equal where the same tokens satisfy them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.suites.differences.scope_meaning import ScopeMeaning
from tests.suites.samples.test_meaning import EXPRESSIONS, SCOPES

NONE: dict[str, frozenset[str]] = {}
ADMIN = {"admin": frozenset({"a", "b"})}
MANY = tuple(f"s{number}" for number in range(20))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("a", AllOf(("a",)), True),
        (AllOf(("a", "b")), AllOf(("b", "a")), True),
        (AllOf(("a", AllOf(("b", "c")))), AllOf(("a", "b", "c")), True),
        (AnyOf(("a", AllOf(("a", "b")))), "a", True),
        (NoneOf((NoneOf(("a",)),)), "a", True),
        (AllOf(("a", "b")), AnyOf(("a", "b")), False),
        ("a", NoneOf(("a",)), False),
        ("a", "b", False),
        (None, NoneOf((AllOf(("a", NoneOf(("a",)))),)), True),
        (None, "a", False),
        (AllOf(MANY), AllOf(MANY[::-1]), True),
        (AllOf(MANY), AllOf(MANY[1:]), False),
    ],
)
def test_writing_makes_no_difference_and_meaning_does(
    one: ScopeExpression | None, other: ScopeExpression | None, equal: bool
) -> None:
    assert (ScopeMeaning(one, NONE) == ScopeMeaning(other, NONE)) is equal
    assert (ScopeMeaning(other, NONE) == ScopeMeaning(one, NONE)) is equal


def test_what_scopes_imply_is_part_of_the_meaning() -> None:
    assert ScopeMeaning("a", NONE) != ScopeMeaning("a", ADMIN)
    assert ScopeMeaning(AnyOf(("a", "admin")), NONE) == ScopeMeaning("a", {"admin": frozenset("a")})
    assert ScopeMeaning("c", NONE) == ScopeMeaning("c", ADMIN)
    assert ScopeMeaning("a", ADMIN).mentioned() == {"a", "admin"}
    assert ScopeMeaning(None, ADMIN).mentioned() == set()


def test_a_meaning_is_no_other_thing() -> None:
    assert ScopeMeaning("a", NONE) != "a"


@given(EXPRESSIONS, EXPRESSIONS, st.frozensets(SCOPES))
def test_equal_rules_hold_for_the_same_tokens(
    one: ScopeExpression, other: ScopeExpression, scopes: frozenset[str]
) -> None:
    first, second = ScopeMeaning(one, NONE), ScopeMeaning(other, NONE)

    if first == second:
        assert first.holds(scopes) is second.holds(scopes)
        assert hash(first) == hash(second)


@given(EXPRESSIONS, EXPRESSIONS)
def test_unequal_rules_differ_for_some_token(one: ScopeExpression, other: ScopeExpression) -> None:
    first, second = ScopeMeaning(one, NONE), ScopeMeaning(other, NONE)
    subsets = [
        frozenset(name for bit, name in enumerate("abcd") if number >> bit & 1)
        for number in range(16)
    ]

    differ = any(first.holds(scopes) is not second.holds(scopes) for scopes in subsets)
    assert (first == second) is not differ
