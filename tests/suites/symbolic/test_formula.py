"""Formulas stay small, and are equal if they say the same literally."""

from gateway.suites.symbolic.formula import (
    FALSE,
    TRUE,
    All,
    Any,
    all_of,
    any_of,
    atoms_of,
    conjuncts,
    hashable,
    negate,
    passes,
)

A = passes(("a",), "equals", 1)
B = passes(("b",), "equals", "x")


def test_constants_vanish() -> None:
    assert all_of((A, TRUE, B)) == All((A, B))
    assert all_of((A, FALSE)) == FALSE
    assert any_of((A, FALSE, B)) == Any((A, B))
    assert any_of((A, TRUE)) == TRUE


def test_groups_of_one_are_their_part_and_equal_parts_count_once() -> None:
    assert all_of((A, A)) == A
    assert any_of((any_of((A, B)), A)) == Any((A, B))


def test_the_negation_of_a_group_is_the_other_group_of_negations() -> None:
    assert negate(all_of((A, any_of((A, B))))) == any_of(
        (negate(A), all_of((negate(A), negate(B))))
    )
    assert negate(negate(A)) == A
    assert negate(TRUE) == FALSE


def test_operands_are_equal_as_json_has_it() -> None:
    assert passes(("a",), "equals", 1) == passes(("a",), "equals", 1.0)
    assert passes(("a",), "equals", 1) != passes(("a",), "equals", True)
    assert passes(("a",), "equals", 1) != passes(("a",), "equals", "1")
    assert hashable([{"a": [True]}]) != hashable([{"a": [1]}])
    assert hashable({"a": 1, "b": 2}) == hashable({"b": 2, "a": 1})


def test_a_formula_is_read_by_its_parts() -> None:
    whole = all_of((A, any_of((B, negate(A)))))

    assert conjuncts(whole) == (A, any_of((B, negate(A))))
    assert conjuncts(A) == (A,)
    assert [atom.path for atom in atoms_of(whole)] == [("a",), ("b",), ("a",)]
