"""Claims that satisfy formulas are found, or proved not to exist."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.suites.symbolic.claim_values import holds
from gateway.suites.symbolic.formula import (
    TRUE,
    All,
    Any,
    Formula,
    Literal,
    all_of,
    any_of,
    negate,
    passes,
)
from gateway.suites.symbolic.satisfy import Model, satisfy
from gateway.suites.symbolic.text_values import UNDECIDED, Pattern


def equals(name: str, value: object) -> Literal:
    return passes((name,), "equals", value)


def test_claims_are_as_usual_where_nothing_else_is_needed() -> None:
    found = satisfy([any_of((equals("a", 1), equals("a", 2))), equals("b", 3)], {"a": 2, "c": 4})

    assert isinstance(found, Model)
    assert found.values == {"b": 3}


def test_what_leaves_no_choice_is_settled_first() -> None:
    many = any_of(equals("a", number) for number in range(40))
    others = [negate(equals("a", number)) for number in range(40) if number != 17]

    found = satisfy([many, *others], {})

    assert isinstance(found, Model)
    assert found.values == {"a": 17}


def test_products_of_claims_are_decided() -> None:
    """Seventeen values of each of six claims would be 24 million ways to try."""
    choices = [any_of(equals(name, one) for one in range(17)) for name in "abcdef"]
    refused = any_of(equals("f", one) for one in range(17))

    assert satisfy([*choices, negate(refused)], {}) is None
    assert isinstance(satisfy(choices, {}), Model)


def test_forty_scopes_are_decided() -> None:
    scopes = [passes(("scope",), "item", f"s{number}") for number in range(40)]

    assert satisfy([any_of(scopes), negate(any_of(reversed(scopes)))], {}) is None
    found = satisfy([any_of(scopes), negate(any_of(scopes[:-1]))], {})
    assert isinstance(found, Model)
    assert found.values == {"scope": "s39"}


def test_what_is_too_intricate_is_said_not_to_be_known() -> None:
    """Pigeons and holes: nobody knows a short proof that takes formulas apart."""
    holes, pigeons = range(9), range(10)

    def sits(pigeon: int, hole: int) -> Literal:
        return passes(("scope",), "item", f"{pigeon}-{hole}")

    each = [any_of(sits(pigeon, hole) for hole in holes) for pigeon in pigeons]
    alone = [
        negate(all_of((sits(one, hole), sits(two, hole))))
        for hole in holes
        for one in pigeons
        for two in range(one)
    ]

    assert satisfy([*each, *alone], {}) is UNDECIDED


def test_a_claim_whose_value_is_not_known_makes_it_unknown() -> None:
    """Whether a text has a scope is no pattern, so the search for a text may miss one."""
    blank = [passes(("a",), "any_item"), passes(("a",), "matches", Pattern((" ",)))]

    assert satisfy(blank, {}) is UNDECIDED
    assert satisfy([any_of((all_of(blank), equals("b", 1)))], {}) is not UNDECIDED


LEAVES = st.tuples(st.sampled_from("ab"), st.sampled_from([1, 2]), st.booleans()).map(
    lambda one: Literal(equals(one[0], one[1]).atom, one[2])
)
FORMULAS: st.SearchStrategy[Formula] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda of, parts: of(parts), st.sampled_from([all_of, any_of]), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


def is_true(formula: Formula, claims: dict[str, object]) -> bool:
    match formula:
        case Literal():
            return holds(formula.atom, claims[formula.atom.path[0]]) is formula.positive
        case All():
            return all(is_true(part, claims) for part in formula.parts)
        case Any():
            return any(is_true(part, claims) for part in formula.parts)


@given(st.lists(FORMULAS, max_size=4))
def test_claims_are_found_exactly_if_there_are_some(formulas: list[Formula]) -> None:
    found = satisfy(formulas, {})
    exists = any(
        all(is_true(one, {"a": a, "b": b}) for one in formulas)
        for a, b in product([1, 2, 3], repeat=2)
    )

    assert isinstance(found, Model) is exists
    if isinstance(found, Model):
        claims = {"a": 3, "b": 3, **found.values}
        assert all(is_true(one, claims) for one in formulas)


@pytest.mark.parametrize("formula", [TRUE, all_of(())])
def test_nothing_is_always_satisfied(formula: Formula) -> None:
    found = satisfy([formula], {})

    assert isinstance(found, Model)
    assert found.values == {}
