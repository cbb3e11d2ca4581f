"""What spans are made of: text that any collector takes."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.tracing.spans import span_text


@given(st.binary(max_size=3000))
def test_any_bytes_become_a_bounded_text_of_ascii(value: bytes) -> None:
    text = span_text(value)

    assert text.isascii()
    assert len(text) <= 4 * 1024
    assert value[:1024].isascii() == (text == value[:1024].decode("latin-1"))
