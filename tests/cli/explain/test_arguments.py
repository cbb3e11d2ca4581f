"""The arguments of `gateway explain` are parsed, or refused."""

from collections.abc import Sequence
from contextlib import suppress

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.cli.explain.arguments import (
    Claims,
    Client,
    Expected,
    HeaderLine,
    Moment,
    read_request,
)

OCTETS = st.text(max_size=40)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1780000000", 1_780_000_000.0),
        ("1780000000.25", 1_780_000_000.25),
        ("0", 0.0),
        ("2026-05-28T20:26:40Z", 1_780_000_000.0),
        ("2026-05-28t20:26:40z", 1_780_000_000.0),
        ("2026-05-28 22:26:40+02:00", 1_780_000_000.0),
        ("2026-05-28T20:26:40.5Z", 1_780_000_000.5),
    ],
)
def test_a_time_is_rfc_3339_or_seconds(text: str, seconds: float) -> None:
    assert Moment().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "-1", "1e9", "2026-05-28", "2026-05-28T20:26:40", "20260528T202640Z"),
        *("1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "2026-05-28T20:26:60Z", "9" * 16, "٣"),
        *("0001-01-01T00:00:00+23:59", "2026-05-28T20:26:40+24:00"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a time"):
        Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Accept: */*", ("Accept", "*/*")),
        ("X-A:b: c", ("X-A", "b: c")),
        ("X-A:\t b \t", ("X-A", "b")),
        ("X-A:", ("X-A", "")),
        ("X-A: zoë\t1", ("X-A", "zoë\t1")),
        ("Authorization: Basic Ym9i", ("Authorization", "Basic Ym9i")),
        ('Authorization: Digest username="bearer"', ("Authorization", 'Digest username="bearer"')),
    ],
)
def test_a_header_is_a_name_and_a_value(text: str, header: tuple[str, str]) -> None:
    assert HeaderLine().convert(text, None, None) == header


@pytest.mark.parametrize(
    "text",
    [
        *("", "Accept", ": x", "A b: x", "X-\u00e9: x", "X: a\r\nY: b", "X: \0", "X: \udc80"),
        *("Host: a", "HOST: a", "Authorization: Bearer x", 'authorization: "bearer x'),
        *("Authorization: Basic x, Bearer y", "Authorization: bearer"),
    ],
)
def test_what_is_no_header_of_a_request_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        HeaderLine().convert(text, None, None)


def test_an_address_is_one_of_the_internet() -> None:
    assert Client().convert("2001:DB8::1", None, None) == "2001:db8::1"
    with pytest.raises(click.BadParameter):
        Client().convert("gateway.test", None, None)


def test_claims_are_one_json_object() -> None:
    assert Claims().convert('{"a": [1, null]}', None, None) == {"a": [1, None]}
    for text in (
        "",
        "[]",
        "1",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"\udc80": 1}',
    ):
        with pytest.raises(click.BadParameter, match="not a JSON object of claims"):
            Claims().convert(text, None, None)


@pytest.mark.parametrize("answer", ["allow", "published", "token_expired"])
def test_an_answer_is_allow_or_a_reason(answer: str) -> None:
    assert Expected().convert(answer, None, None) == answer


def test_another_answer_is_not_expected() -> None:
    with pytest.raises(click.BadParameter, match="did you mean `scope_missing`"):
        Expected().convert("scopes_missing", None, None)


@given(words=st.lists(OCTETS, max_size=3))
@example(words=["GET", "http://a/"])
@example(words=["GET", "http://[::1"])
@example(words=["http://a/"])
@example(words=["/"])
@example(words=["PUT", "/"])
def test_any_words_are_a_request_or_a_usage_error(words: Sequence[str]) -> None:
    try:
        asked = read_request(words, [])
    except click.UsageError:
        return
    method = words[0] if len(words) == 2 else "GET"
    assert [asked.method, asked.target[:1]] == [method, b"/"]


@given(text=OCTETS | st.binary(max_size=40).map(lambda it: it.decode("utf-8", "surrogateescape")))
def test_any_text_is_taken_as_its_kind_or_a_usage_error(text: str) -> None:
    kinds = {Moment(): float, HeaderLine(): tuple, Client(): str, Claims(): dict, Expected(): str}
    for kind, taken_as in kinds.items():
        with suppress(click.UsageError):
            assert isinstance(kind.convert(text, None, None), taken_as)
