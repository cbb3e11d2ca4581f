"""Tests are chosen by words in their names."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.suites.selection import BadSelectionError, parse_selection, select_all

NAME = "Tenants read their own orders alice"


@pytest.mark.parametrize(
    ("expression", "is_chosen"),
    [
        ("alice", True),
        ("ALICE", True),
        ("ten", True),
        ("bob", False),
        ("not bob", True),
        ("not not alice", True),
        ("alice and tenants", True),
        ("alice and bob", False),
        ("bob or alice", True),
        ("bob or bob", False),
        ("not bob and alice", True),
        ("not (bob or alice)", False),
        ("bob and bob or alice", True),
        ("bob and (bob or alice)", False),
        ("'their own'", True),
        ('"own their"', False),
        ("'and'", False),
        ("(alice)", True),
        (" alice ", True),
    ],
)
def test_an_expression_chooses_by_words(expression: str, is_chosen: bool) -> None:
    assert parse_selection(expression)(NAME) is is_chosen


def test_without_an_expression_all_are_chosen() -> None:
    assert select_all("anything")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "a word is missing at the end"),
        ("not", "a word is missing at the end"),
        ("a and", "a word is missing at the end"),
        ("and a", "a word is missing before `and`"),
        ("a or or b", "a word is missing before `or`"),
        ("()", r"a word is missing before `\)`"),
        ("(a", r"a `\(` is not closed"),
        ("a)", r"unexpected `\)`"),
        ("a b", "unexpected `b`"),
        ("'a", "a quote is not closed"),
        ("not " * 60 + "a", "nested too deep"),
        ("(" * 60 + "a", "nested too deep"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(BadSelectionError, match=problem):
        parse_selection(expression)


WORDS = st.sampled_from(["a", "b", "' '", "and", "or", "not", "(", ")", "'"])


@given(st.lists(WORDS, max_size=8).map(" ".join), st.text("ab ", max_size=5))
def test_whatever_is_chosen_is_not_chosen_by_the_opposite(text: str, name: str) -> None:
    """Any text is an expression, or says why not, and nothing else."""
    with suppress(BadSelectionError):
        chosen = parse_selection(text)(name)
        assert parse_selection(f"not ({text})")(name) is not chosen
