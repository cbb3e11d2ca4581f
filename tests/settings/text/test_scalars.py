import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text import scalars
from gateway.settings.text.scalars import Surprise, parse_scalar, shorten


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


@given(st.text(min_size=1))
def test_what_begins_as_no_odd_text_does_is_plain_or_one_of_the_usual_words(text: str) -> None:
    """Whoever adds a surprise must say how it begins, else it is never looked for."""
    is_odd = any(pattern.fullmatch(text) for pattern, _ in scalars._SURPRISES)
    is_number = scalars._INTEGER.fullmatch(text) or scalars._FLOAT.fullmatch(text)

    assert not (is_odd or is_number) or text[0] in scalars._ODD_BEGINNINGS


@pytest.mark.parametrize("pattern", [pattern.pattern for pattern, _ in scalars._SURPRISES])
def test_texts_made_by_each_pattern_are_surprises(pattern: str) -> None:
    @given(st.from_regex(pattern, fullmatch=True))
    def hold(text: str) -> None:
        assert isinstance(parse_scalar(text), Surprise | int | float)

    hold()
