"""A text that fits patterns is found, or proved not to exist."""

from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.glob import ANY_CHARACTER, glob_matches, split_glob
from gateway.suites.symbolic.text_values import UNDECIDED, Pattern, find_texts


def glob(text: str) -> Pattern:
    return Pattern(split_glob(text), text.count("@") or None)


@pytest.mark.parametrize(
    ("wanted", "unwanted", "expected"),
    [
        (["acme-*"], ["acme-"], "acme-x"),
        (["a*b", "*ab*"], ["ab"], "aab"),
        (["*a*", "*b*"], ["*a*b*"], "ba"),
        (["a?"], ["ax", "a"], "ay"),
        (["??"], ["*"], None),
        (["a*"], ["a*"], None),
        (["a*"], ["a", "a?*"], None),
        (["?"], ["a*", "b*"], "x"),
        # An address has one `@`, whatever the stars stand for (CVE-2026-40574).
        (["*@a"], ["?*@a"], "@a"),
        (["*@a", "*@*@*"], [], None),
    ],
)
def test_the_shortest_text_that_fits_is_found(
    wanted: list[str], unwanted: list[str], expected: str | None
) -> None:
    found = find_texts([glob(one) for one in wanted], [glob(one) for one in unwanted])

    assert next(found, None) == expected


def test_a_word_is_found_between_spaces() -> None:
    read, write = (Pattern(("", f" {one} ", ""), is_word=True) for one in ("read", "write"))

    assert next(find_texts([read, write, glob("w*")], [])) == "write read"
    assert next(find_texts([read, Pattern(("reader",))], []), None) is None


def test_a_search_that_takes_too_long_says_so() -> None:
    many = [glob(f"*{one}{'?' * 14}") for one in "abcdef"]

    assert list(find_texts(many, [glob("*")])) == [UNDECIDED]


PATTERNS = st.text("ab*?", max_size=4).map(split_glob)


@given(st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3))
def test_if_no_text_is_found_then_none_fits(
    wanted: list[tuple[str, ...]], unwanted: list[tuple[str, ...]]
) -> None:
    patterns = [Pattern(one) for one in wanted], [Pattern(one) for one in unwanted]
    found = next(find_texts(*patterns), None)

    def fits(text: str) -> bool:
        return all(glob_matches(one, text) for one in wanted) and not any(
            glob_matches(one, text) for one in unwanted
        )

    if found is None:
        words = ("".join(one) for size in range(6) for one in product("abx", repeat=size))
        assert not any(map(fits, words))
    else:
        assert isinstance(found, str)
        assert fits(found)


def test_a_pattern_may_name_every_usual_character() -> None:
    named = "xyzabcdefghijklmnopqrstuvwuXYZ0123456789"
    unwanted = [Pattern((one,)) for one in named]
    found = next(islice(find_texts([Pattern((ANY_CHARACTER,))], unwanted), 1))

    assert isinstance(found, str)
    assert found not in named
