from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.form import add_query, encode_form

TEXT = st.text(st.characters(codec="utf-8"))
FORMS = st.lists(st.tuples(TEXT, TEXT), max_size=5)


@given(FORMS)
def test_what_is_written_is_what_is_read(form: list[tuple[str, str]]) -> None:
    """6749.1."""
    text = encode_form(form).decode("ascii")

    pairs = parse_qsl(text, keep_blank_values=True, errors="strict") if text else []
    assert pairs == form


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://a.example/authorize", "https://a.example/authorize?x=a+b&x=%C3%A9"),
        ("https://a.example/authorize?", "https://a.example/authorize?x=a+b&x=%C3%A9"),
        ("https://a.example/?t=a%20b", "https://a.example/?t=a%20b&x=a+b&x=%C3%A9"),
        ("https://a.example/?t=1&", "https://a.example/?t=1&x=a+b&x=%C3%A9"),
    ],
)
def test_the_query_of_an_endpoint_stays(endpoint: str, url: str) -> None:
    """6749.1: byte for byte."""
    assert add_query(endpoint, (("x", "a b"), ("x", "é"))) == url


@given(FORMS)
def test_no_parameter_escapes_from_the_query(form: list[tuple[str, str]]) -> None:
    parts = urlsplit(add_query("https://a.example/authorize?t=1", form))

    assert parts._replace(query="").geturl() == "https://a.example/authorize"
    assert parse_qsl(parts.query, keep_blank_values=True)[1:] == form
