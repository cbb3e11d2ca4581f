"""JSON objects: read in one way or not at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.tokens.json_text import MAX_NESTING, JsonFault, parse_json_object

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('ab\u00e9\\"[{'), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES), st.booleans())
def test_every_object_comes_back(value: dict[str, object], ascii_only: bool) -> None:
    assert parse_json_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b'{"a":1,"a":1}', "a name occurs twice in one object"),
        (b'{"a":1,"\\u0061":1}', "a name occurs twice in one object"),
        (b'{"x":[{"a":1,"a":2}]}', "a name occurs twice in one object"),
        (b'{"a":NaN}', "NaN or Infinity"),
        (b'{"a":-Infinity}', "NaN or Infinity"),
        (b'{"a":1e400}', "a number out of range"),
        (b'{"a":-1e400}', "a number out of range"),
        (b'{"a":"\\ud800"}', "a lone surrogate in a string"),
        (b'{"\\udfff":1}', "a lone surrogate in a string"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "not valid JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "not valid JSON"),
        ('{"a":1}'.encode("utf-32-be"), "not valid JSON"),
        (b'{"a":1} x', "not valid JSON"),
        (b'{"a":1}{}', "not valid JSON"),
        (b'{"a":"\n"}', "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b'{"a":1,}', "not valid JSON"),
        (b'{"a":01}', "not valid JSON"),
        (b"", "not valid JSON"),
        (b" \n", "not valid JSON"),
        (b'\x0b{"a":1}', "not valid JSON"),
        (b'{"a":1}\x0c', "not valid JSON"),
        (b'{"a":1}\xc2\xa0', "not valid JSON"),
        (b'{"a":1}\0', "not valid JSON"),
        (b'{"a":' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'"a"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, f"nested deeper than {MAX_NESTING}"),
        (b'{"a":' + b"[" * 100_000, f"nested deeper than {MAX_NESTING}"),
        (b'{"\\"":' + b"[" * 40, f"nested deeper than {MAX_NESTING}"),
    ],
)
def test_what_two_parsers_may_read_in_two_ways_is_refused(text: bytes, detail: str) -> None:
    """7515.2, 7519.5, 7519.6, GHSA-8wjv-2p76-3863."""
    assert parse_json_object(text) == JsonFault(detail)


def test_white_space_around_an_object_is_no_part_of_it() -> None:
    """RFC 8259 §2."""
    assert parse_json_object(b' \t\r\n{"a": 1}\n\r\t ') == {"a": 1}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize(
    "value",
    [
        {"a": "[" * 100},
        {"a": '\\"' + "{" * 100},
        {str(index): [] for index in range(100)},
        {"a": [[index] for index in range(100)]},
    ],
)
def test_only_brackets_outside_of_strings_nest(value: dict[str, object]) -> None:
    assert parse_json_object(json.dumps(value).encode()) == value


def test_the_deepest_nesting_allowed_is_read() -> None:
    text = b'{"a":' * MAX_NESTING + b"1" + b"}" * MAX_NESTING

    assert isinstance(parse_json_object(text), dict)


@given(st.binary(max_size=50) | st.text('{}[]":,\\u0d8 1eN', max_size=50).map(str.encode))
def test_any_bytes_are_an_object_or_a_fault(text: bytes) -> None:
    assert isinstance(parse_json_object(text), dict | JsonFault)
