"""Patterns with `*` and `?`."""

import re
import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.glob import glob_matches, split_glob


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("", "", True),
        ("*", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("a*a", "a", False),
        ("*@example.com", "bob@example.com", True),
        ("*@example.com", "bob@example.com.evil", False),
        ("*.example.com", "xexample.com", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*b?d*", "aabcdd", True),
        ("*b?d*", "aabd", False),
        ("*b?d*", "bbcd", True),
        ("*??*", "a", False),
        ("*a?a*a?a*", "aaaaa", False),
        ("*a?a*a?a*", "aaaaaa", True),
        ("*?b*", "ab", True),
        ("*\U0001f600?*", "x\U0001f600\u00e9", True),
        ("a*b*c", "acb", False),
        ("[a]", "a", False),
        ("*", "a\nb", True),
    ],
)
def test_a_star_is_anything_and_a_question_mark_one_character(
    pattern: str, text: str, matches: bool
) -> None:
    assert glob_matches(split_glob(pattern), text) is matches


@given(st.text("ab?*", max_size=8), st.text("ab\n", max_size=12))
def test_a_pattern_means_what_its_regular_expression_means(pattern: str, text: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")

    expected = re.fullmatch(expression, text, re.DOTALL) is not None

    assert glob_matches(split_glob(pattern), text) is expected


@pytest.mark.parametrize("pattern", ["*a" * 60 + "*b*a", "*a?" * 60 + "*b?*a", "*?" * 60 + "*b*a"])
def test_a_pattern_that_kills_backtracking_is_answered(pattern: str) -> None:
    """A regular expression would need more steps here than there are atoms."""
    assert glob_matches(split_glob(pattern), "a" * 8_000) is False


@pytest.mark.parametrize("piece", ["?" * 80 + "b", "a?" * 40 + "b", "?a" * 40 + "b"])
def test_a_piece_with_question_marks_is_looked_for_in_one_pass(piece: str) -> None:
    """To compare at each place anew took 18 ms for a claim of 6,000 characters."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"  # a function, or a generator that goes on

    sys.setprofile(count)
    try:
        found = glob_matches(split_glob(f"*{piece}*"), "a" * 6_000)
    finally:
        sys.setprofile(None)

    assert not found
    assert calls < 500


def test_a_pattern_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        split_glob("a\0b")
