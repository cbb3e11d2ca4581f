import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.scalars import Surprise, parse_scalar, shorten


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("0", 0),
        ("-17", -17),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("a:b", "a:b"),
        ("30s", "30s"),
        ("yess", "yess"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_what_all_yaml_versions_read_alike_is_read(text: str, value: object) -> None:
    parsed = parse_scalar(text)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "N",
        "yes",
        "No",
        "ON",
        "off",
        "12:30",
        "1:2:3",
        "-1:30.5",
        "010",
        "0o10",
        "0x1F",
        "0b1",
        "1_000",
        "1e3",
        "1.e5",
        ".inf",
        "-.Inf",
        ".nan",
        "2026-01-01",
        "2026-1-1 10:00:00",
        "<<",
        "=",
        "9" * 19,
        "1" + "0" * 400 + ".0",
    ],
)
def test_what_yaml_versions_dispute_is_a_surprise(text: str) -> None:
    assert isinstance(parse_scalar(text), Surprise)


@given(st.text())
def test_any_text_is_a_value_or_a_surprise(text: str) -> None:
    value = parse_scalar(text)

    assert value is None or isinstance(value, str | int | float | bool | Surprise)


@given(st.text())
def test_a_shortened_text_is_one_printable_line(text: str) -> None:
    assert len(shorten(text)) <= 61
    assert shorten(text).isprintable()
