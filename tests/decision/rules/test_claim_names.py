"""Names of claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_names import (
    ABSENT,
    find_claim,
    format_claim_name,
    parse_claim_name,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sub", ("sub",)),
        ("realm_access.roles", ("realm_access", "roles")),
        ("cognito:groups", ("cognito:groups",)),
        ("client-id", ("client-id",)),
        ('["https://example.com/roles"]', ("https://example.com/roles",)),
        ('resource_access["my.client"].roles', ("resource_access", "my.client", "roles")),
        ('["a\\"b"]', ('a"b',)),
    ],
)
def test_a_dot_leads_into_a_claim_and_odd_names_are_quoted(
    text: str, path: tuple[str, ...]
) -> None:
    assert parse_claim_name(text) == path
    assert format_claim_name(path) == text


def test_quotes_may_stand_where_none_are_needed() -> None:
    assert parse_claim_name('["a"]["b"].c') == ("a", "b", "c")


@pytest.mark.parametrize(
    "text",
    [
        "", ".", ".a", "a.", "a..b", "a b", " a", "a ", "https://x/y", "a/b", "[]", '[""]', '["a"',
        '["a"]b', 'a.["b"]', "a[b]", "a['b']", "['a']", '["a\\x"]', 'a"b', "{a}", "a\n", '["a\nb"]',
    ],
)  # fmt: skip
def test_a_name_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a claim"):
        parse_claim_name(text)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4).map(tuple))
def test_every_path_has_a_name(path: tuple[str, ...]) -> None:
    assert parse_claim_name(format_claim_name(path)) == path


@given(st.text('a.[]"\\ {/', max_size=12))
def test_any_text_is_a_path_of_names_or_refused(text: str) -> None:
    try:
        path = parse_claim_name(text)
    except ValueError:
        return
    assert path
    assert all(path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("a",), {"b": [1], "n": None, "z": 0}),
        (("a", "b"), [1]),
        (("a", "z"), 0),
        (("a", "n"), ABSENT),
        (("a", "x"), ABSENT),
        (("a", "b", "0"), ABSENT),
        (("x",), ABSENT),
        (("x", "y"), ABSENT),
        (("a.b",), False),
    ],
)
def test_null_is_as_good_as_absent(path: tuple[str, ...], value: object) -> None:
    claims = {"a": {"b": [1], "n": None, "z": 0}, "a.b": False}

    assert find_claim(claims, path) == value
