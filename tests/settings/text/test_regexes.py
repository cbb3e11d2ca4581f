"""Regular expressions are told from globs, and become globs where there is one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.glob import glob_matches, split_glob
from gateway.settings.text.regexes import find_choices, find_glob, is_anchored, looks_like_regex


@pytest.mark.parametrize(
    "text",
    [
        *("^a", "a$", "^a$", ".*@example.com", ".+", r"\d+", r"\w", r"a\.b", "[a-z]+", "[^0-9]"),
        *("[abc]+", "(a|b)", "x{3}", "x{1,3}", "^.*$", r".*@example\.com$"),
    ],
)
def test_a_regular_expression_is_recognised(text: str) -> None:
    assert looks_like_regex(text)


@pytest.mark.parametrize(
    "text",
    [
        *("*", "*@example.com", "com.example.*", "auth0|*", "team-*", "{path.tenant}-*", "a.b"),
        *(
            r"CORP\dev-*",
            "[team] *",
            "price (net)",
            "urn:a:*",
            "https://a.example/*?x=*",
            "",
            "x" * 9999,
        ),
        *("[" * 5000, "(" * 5000 + "|", ".*" * 2500),
    ],
)
def test_a_glob_is_none(text: str) -> None:
    assert not looks_like_regex(text)


def test_only_both_anchors_are_beyond_doubt() -> None:
    assert [is_anchored(text) for text in ("^a$", "^a", "a$", "^", "$", "^$", "a")] == [
        *(True, False, False, False, False, True, False)
    ]


@pytest.mark.parametrize(
    ("regex", "glob"),
    [
        (r"^.*@example\.com$", "*@example.com"),
        (".*@example.com", "*@example.com"),
        ("^team-.+$", "team-*"),
        ("^a$", "a"),
        (r"^\d+$", None),
        ("^[a-z]*$", None),
        ("^(a|b)$", None),
        ("^a?$", None),
        ("^a{3}$", None),
    ],
)
def test_a_regular_expression_has_a_glob_or_none(regex: str, glob: str | None) -> None:
    assert find_glob(regex) == glob


def test_a_choice_is_a_list() -> None:
    assert find_choices("^(finance|board)$") == ["finance", "board"]
    assert find_choices("(?:a|b|c)") == ["a", "b", "c"]
    assert find_choices("^(a)$") is None
    assert find_choices("^(a.*|b)$") is None


@given(
    pieces=st.lists(st.sampled_from(["a", "b@c", r"\.", ".*", "-", "{x}"]), max_size=5),
    text=st.text("ab@c.-", max_size=8),
)
def test_a_glob_matches_nothing_that_the_regular_expression_does_not(
    pieces: list[str], text: str
) -> None:
    regex = f"^{''.join(pieces)}$"
    glob = find_glob(regex)

    if glob is not None and glob_matches(split_glob(glob), text):
        assert re.fullmatch(regex.replace("{x}", re.escape("{x}")), text)
