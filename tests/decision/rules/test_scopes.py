"""Scope expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression, compile_scopes

READ_OR_ADMIN = AnyOf(("admin", AllOf(("read", "write"))))


@pytest.mark.parametrize(
    ("expression", "granted", "holds"),
    [
        ("read", "read", True),
        ("read", "reader", False),
        ("read", "READ", False),
        ("read", "", False),
        (AllOf(("read", "write")), "read write more", True),
        (AllOf(("read", "write")), "read", False),
        (AnyOf(("read", "write")), "write", True),
        (AnyOf(("read", "write")), "other", False),
        (NoneOf(("read", "write")), "other", True),
        (NoneOf(("read", "write")), "", True),
        (NoneOf(("read", "write")), "read", False),
        (READ_OR_ADMIN, "admin", True),
        (READ_OR_ADMIN, "read write", True),
        (READ_OR_ADMIN, "read", False),
        (AllOf(("a", AnyOf(("b", "c")), NoneOf(("d",)))), "a c", True),
        (AllOf(("a", AnyOf(("b", "c")), NoneOf(("d",)))), "a c d", False),
        (AllOf(("a", AnyOf(("b", "c")), NoneOf(("d",)))), "c", False),
        (NoneOf((AllOf(("a", "b")),)), "a", True),
        (NoneOf((AllOf(("a", "b")),)), "a b", False),
    ],
)
def test_an_expression_holds_as_it_reads(
    expression: ScopeExpression, granted: str, holds: bool
) -> None:
    assert compile_scopes(expression).holds(frozenset(granted.split())) is holds


def test_all_scopes_that_can_help_are_wanted_in_order_and_once() -> None:
    """6750.6."""
    rule = compile_scopes(AllOf(("b", AnyOf(("a", "b")), NoneOf(("x", NoneOf(("y",)))))))

    assert rule.wanted == ("b", "a", "y")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a", "a"),
        (AllOf(("a",)), "a"),
        (AllOf(("a", "b")), "all of a, b"),
        (READ_OR_ADMIN, "any of admin, (all of read, write)"),
        (NoneOf(("a",)), "none of a"),
    ],
)
def test_a_rule_reads_well(expression: ScopeExpression, text: str) -> None:
    assert compile_scopes(expression).text == text


@pytest.mark.parametrize(
    "expression", [AllOf(()), AnyOf(()), NoneOf(()), AllOf(("a", AnyOf(()))), NoneOf((AllOf(()),))]
)
def test_an_empty_list_is_refused(expression: ScopeExpression) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        compile_scopes(expression)


@pytest.mark.parametrize("scope", ["", "a b", 'a"b', "a\\b", "caf\u00e9", "a\n", "a\x7f"])
def test_what_could_never_be_granted_is_refused(scope: str) -> None:
    """6750.7: nor could it stand in a challenge."""
    with pytest.raises(ValueError, match="is not a scope"):
        compile_scopes(AnyOf(("a", scope)))


NAMES = st.sampled_from("abcd")
EXPRESSIONS: st.SearchStrategy[ScopeExpression] = st.recursive(
    NAMES,
    lambda inner: st.builds(
        lambda kind, parts: kind(tuple(parts)),
        st.sampled_from([AllOf, AnyOf, NoneOf]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def means(expression: ScopeExpression, granted: frozenset[str]) -> bool:
    if isinstance(expression, str):
        return expression in granted
    parts = [means(part, granted) for part in expression.parts]
    if isinstance(expression, AllOf):
        return all(parts)
    return any(parts) if isinstance(expression, AnyOf) else not any(parts)


@given(EXPRESSIONS, st.frozensets(NAMES))
def test_the_compiled_rule_means_what_the_expression_means(
    expression: ScopeExpression, granted: frozenset[str]
) -> None:
    assert compile_scopes(expression).holds(granted) is means(expression, granted)


def test_a_rule_still_says_what_it_was_compiled_from() -> None:
    assert compile_scopes(READ_OR_ADMIN).expression == READ_OR_ADMIN
