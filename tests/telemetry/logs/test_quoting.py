import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.logs.quoting import NULL, QuotedNames, quote, quote_common


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("read-order", b'"read-order"'),
        (b"read-order", b'"read-order"'),
        ("", b"null"),
        (b"", b"null"),
        (None, b"null"),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("a\r\nb", b'"a\\r\\nb"'),
        ("a\x1b[31mb", b'"a\\u001b[31mb"'),
        ("a\x7fb", b'"a\\u007fb"'),
        ("é", b'"\\u00e9"'),
        ("é".encode(), b'"\\u00e9"'),
        (b"a\xffb", b'"a\\\\xffb"'),
        ("a\udc80b", b'"a\\\\udc80b"'),
    ],
)
def test_text_becomes_a_json_string_or_null(text: str | bytes | None, quoted: bytes) -> None:
    assert quote(text) == quoted


@given(st.one_of(st.binary(min_size=1), st.text(st.characters(), min_size=1)))
def test_anything_becomes_one_json_string_in_printable_ascii(text: str | bytes) -> None:
    quoted = quote(text)

    assert isinstance(json.loads(quoted), str)
    assert all(0x20 <= byte < 0x7F for byte in quoted)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_text_is_read_back_as_it_was(text: str) -> None:
    assert json.loads(quote(text)) == text


@given(st.none() | st.text(st.characters()))
def test_what_is_said_again_is_quoted_the_same(text: str | None) -> None:
    assert [quote_common(text), quote_common(text)] == [quote(text)] * 2


def test_null_is_json() -> None:
    assert json.loads(NULL) is None


def test_a_name_that_was_not_expected_is_quoted_as_well() -> None:
    names = QuotedNames(["main"])

    assert names["main"] == b'"main"'
    assert names['n"w'] == quote('n"w')
    assert len(names) == 1
