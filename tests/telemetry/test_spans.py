"""What spans are made of: few methods, and text that any collector takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.spans import known_method, span_text


@pytest.mark.parametrize(
    ("method", "known"),
    [("GET", "GET"), ("PATCH", "PATCH"), ("PURGE", "_OTHER"), ("get", "_OTHER"), ("", "_OTHER")],
)
def test_methods_are_those_of_the_conventions(method: str, known: str) -> None:
    assert known_method(method) == known


@given(st.binary(max_size=3000))
def test_any_bytes_become_a_bounded_text_of_ascii(value: bytes) -> None:
    text = span_text(value)

    assert text.isascii()
    assert len(text) <= 4 * 1024
    assert value[:1024].isascii() == (text == value[:1024].decode("latin-1"))
