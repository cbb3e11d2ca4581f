"""The kinds of values: what each takes, and that the schema says the same."""

import math
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.settings.schema.types import (
    LIST,
    TABLE,
    TEXT,
    Acr,
    Count,
    Duration,
    DurationOrUnlimited,
    DurationOrZero,
    Leeway,
    Method,
    Name,
    Number,
    OnlyTrue,
    Scalar,
    Scope,
    Size,
    SizeOrUnlimited,
    Strict,
    Text,
    Upgrade,
    WholeSeconds,
    list_or_table,
    text_or_list,
    text_or_table,
)

REFUSED = object()


def read(kind: Any, value: object) -> object:
    """Return what *value* is read as, or REFUSED."""
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return REFUSED


@pytest.mark.parametrize(
    ("kind", "value", "meaning"),
    [
        (Duration, "500ms", 0.5),
        (Duration, "1ms", 0.001),
        (Duration, "0s", REFUSED),
        (Duration, 30, REFUSED),
        (Duration, "30", REFUSED),
        (Duration, "300000000h", REFUSED),
        (WholeSeconds, "15m", 900),
        (WholeSeconds, "3000ms", 3),
        (WholeSeconds, "1500ms", REFUSED),
        (WholeSeconds, "1ms", REFUSED),
        (WholeSeconds, "0s", REFUSED),
        (WholeSeconds, 900, REFUSED),
        (DurationOrZero, "0s", 0.0),
        (DurationOrUnlimited, "0s", 0.0),
        (DurationOrUnlimited, "unlimited", math.inf),
        (DurationOrUnlimited, "never", REFUSED),
        (Leeway, "0s", 0.0),
        (Leeway, "5m", 300.0),
        (Leeway, "301s", REFUSED),
        (Size, "64KiB", 65_536),
        (Size, "0B", REFUSED),
        (Size, 64, REFUSED),
        (Size, "unlimited", REFUSED),
        (SizeOrUnlimited, "unlimited", None),
        (SizeOrUnlimited, "1B", 1),
        (SizeOrUnlimited, "0B", REFUSED),
        (Count, 1, 1),
        (Count, 0, REFUSED),
        (Count, -1, REFUSED),
        (Count, True, REFUSED),
        (Count, "1", REFUSED),
        (OnlyTrue, True, True),
        (OnlyTrue, False, REFUSED),
        (OnlyTrue, 1, REFUSED),
        (Text, "x", "x"),
        (Text, "", REFUSED),
        (Name, "a", "a"),
        (Name, "team-a.orders_2", "team-a.orders_2"),
        (Name, "a" * 100, "a" * 100),
        (Name, "a" * 101, REFUSED),
        (Name, "", REFUSED),
        (Name, ".a", REFUSED),
        (Name, "a b", REFUSED),
        (Name, "a\n", REFUSED),
        (Name, "\u00e9", REFUSED),
        (Scope, "orders:read", "orders:read"),
        (Scope, "https://a/b", "https://a/b"),
        (Scope, "", REFUSED),
        (Scope, "a b", REFUSED),
        (Scope, 'a"b', REFUSED),
        (Scope, "a\\b", REFUSED),
        (Scope, "a\n", REFUSED),
        (Method, "GET", "GET"),
        (Method, "M-SEARCH", "M-SEARCH"),
        (Method, "get", REFUSED),
        (Method, "CONNECT", REFUSED),
        (Method, "TRACE", REFUSED),
        (Method, "G T", REFUSED),
        (Method, "*", REFUSED),
        (Method, "", REFUSED),
        (Upgrade, "websocket", "websocket"),
        (Upgrade, "WebSocket", "websocket"),
        (Upgrade, "h2c", REFUSED),
        (Upgrade, "H2C", REFUSED),
        (Upgrade, "a b", REFUSED),
        (Upgrade, "a,b", REFUSED),
        (Scalar, "x", "x"),
        (Scalar, 1, 1),
        (Scalar, 1.5, 1.5),
        (Scalar, False, False),
        (Scalar, [], REFUSED),
        (Scalar, {}, REFUSED),
        (Scalar, None, REFUSED),
        (Number, 1, 1),
        (Number, 0.5, 0.5),
        (Number, True, REFUSED),
        (Number, "1", REFUSED),
    ],
)
def test_each_kind_takes_its_own_values_and_no_others(
    kind: Any, value: object, meaning: object
) -> None:
    found = read(kind, value)

    assert found == meaning
    assert type(found) is type(meaning)


def test_a_tunnel_that_could_carry_requests_past_every_rule_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="h2c is never forwarded"):
        TypeAdapter(Upgrade).validate_python("h2c")


def test_a_method_in_lower_case_is_told_its_real_name() -> None:
    with pytest.raises(ValidationError, match="methods are case-sensitive: write PATCH"):
        TypeAdapter(Method).validate_python("patch")


class Example(Strict):
    """A table of one kind of value."""

    count: Count


@pytest.mark.parametrize("raw", [{}, {"count": "1"}, {"count": 1, "x": 1}, {"count": 1.0}, []])
def test_a_table_has_its_own_keys_and_reads_nothing_into_their_values(raw: object) -> None:
    assert read(Example, raw) is REFUSED


def test_a_message_with_braces_is_shown_as_it_is() -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Name).validate_python("{message}")

    assert "`{message}` is not a valid name" in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("value", "text_table", "text_list", "list_table"),
    [({}, TABLE, TEXT, TABLE), ([], TEXT, LIST, LIST), ("a", TEXT, TEXT, LIST)],
)
def test_the_branch_of_a_union_follows_from_what_is_written(
    value: object, text_table: str, text_list: str, list_table: str
) -> None:
    assert text_or_table(value) == text_table
    assert text_or_list(value) == text_list
    assert list_or_table(value) == list_table


KINDS = [
    Duration, DurationOrUnlimited, DurationOrZero, Leeway, Size, SizeOrUnlimited, Count, OnlyTrue,
    Text, Name, Scope, Acr, Method, Upgrade, Scalar, Number, WholeSeconds,
]  # fmt: skip
WORDS = st.sampled_from(
    ["30s", "0s", "5m", "1h", "500ms", "64KiB", "0B", "unlimited", "a", "A", "GET", "get", "h2c",
     "a b", "", "orders:read", "a\"b", "1", "websocket", "a/1.1", "a\n"]
)  # fmt: skip
VALUES = WORDS | st.text(max_size=6) | st.integers(-2, 3) | st.booleans() | st.floats(-2, 2)


@pytest.mark.parametrize("kind", KINDS)
@given(value=VALUES)
def test_an_editor_never_marks_what_the_gateway_takes(kind: Any, value: object) -> None:
    """The schema may know less than the gateway, but never refuses more."""
    schema = TypeAdapter(kind).json_schema()

    if read(kind, value) is not REFUSED:
        jsonschema.validate(value, schema)


@pytest.mark.parametrize("kind", [Name, Scope, Acr])
@given(value=st.text(st.characters(codec="ascii", exclude_characters="\n"), max_size=4))
def test_names_and_scopes_are_the_same_to_the_schema_and_the_gateway(kind: Any, value: str) -> None:
    taken = jsonschema.Draft202012Validator(TypeAdapter(kind).json_schema()).is_valid(value)

    assert taken is (read(kind, value) is not REFUSED)
