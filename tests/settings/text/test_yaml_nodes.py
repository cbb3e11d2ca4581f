import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.document import Document
from gateway.settings.text.fault import Code
from gateway.settings.text.yaml_nodes import parse_yaml
from tests.settings.configs import assert_found, config, one_upstream, require

PRINTABLE = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="$"))
VALUES = st.recursive(
    st.booleans() | st.integers(-(10**17), 10**17) | PRINTABLE,
    lambda inner: st.lists(inner) | st.dictionaries(PRINTABLE, inner),
    max_leaves=20,
)


def parse(text: str) -> Document:
    return parse_yaml(text.encode(), "f", {"A": "1"})


@given(VALUES)
def test_json_is_read_as_what_it_says(value: object) -> None:
    document = parse(json.dumps({"root": value}))

    assert document.root == {"root": value}
    assert document.faults == ()


def test_every_key_and_value_has_its_place() -> None:
    document = parse("a:\n  - b: 1\n    c: two\n")

    path = ("a", 0, "c")
    assert (document.key_place(path).line, document.key_place(path).column) == (3, 5)
    assert (document.value_place(path).line, document.value_place(path).column) == (3, 8)


def test_what_is_missing_is_placed_at_what_is_around_it() -> None:
    document = parse("a:\n  b: 1\n")

    assert document.value_place(("a", "x", "y")) == document.value_place(("a",))
    assert document.value_place(("z",)) == document.value_place(())


def test_of_a_doubled_key_the_first_counts() -> None:
    """The second could be the one that opens a route; neither is ever used."""
    document = parse("a: {b: 1}\na: {b: 2}\n")

    assert document.root == {"a": {"b": 1}}
    assert [fault.code for fault in document.faults] == [Code.DUPLICATE_KEY]
    assert document.value_place(("a", "b")).line == 1


def test_values_are_replaced_and_keys_are_not() -> None:
    assert parse("${A}: ${A}\n").root == {"${A}": "1"}


def test_what_comes_from_the_environment_is_text() -> None:
    assert parse("a: ${A}\n").root == {"a": "1"}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert parse("\ufeffa: 1\n").root == {"a": 1}


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"a: \xff\n", (1, 4)), (b"a: 1\nb: \xc3(\n", (2, 4)), (b"\xff\xfe", (1, 1))],
)
def test_what_is_not_utf8_is_placed(content: bytes, place: tuple[int, int]) -> None:
    [fault] = parse_yaml(content, "f", {}).faults

    assert fault.code is Code.NOT_YAML
    assert (fault.place.line, fault.place.column) == place


def test_too_many_values_are_refused() -> None:
    document = parse("[" + "a," * 500_001 + "]")

    assert [fault.code for fault in document.faults] == [Code.TOO_LARGE]
    assert not document.complete


def test_the_number_of_faults_is_bounded() -> None:
    document = parse("a: [" + "on, " * 100_000 + "]")

    assert len(document.faults) < 1_100
    assert not document.complete


@pytest.mark.parametrize("depth", [33, 500, 5_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    for opening in ("[", "{a: "):
        document = parse("a: " + opening * depth)

        assert not document.complete
        assert document.faults[0].code in {Code.TOO_LARGE, Code.NOT_YAML}


def test_an_alias_is_never_followed() -> None:
    document = parse("a: &x [1, 2]\nb: *x\n")

    assert {fault.code for fault in document.faults} == {Code.YAML_SURPRISE}
    assert document.root == {"a": [1, 2], "b": None}


@given(st.binary())
def test_any_bytes_are_a_document_or_faults(content: bytes) -> None:
    document = parse_yaml(content, "f", {})

    assert document.complete or document.faults


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("not_yaml", "version: 1\nroutes: [\n¦"),
    ("not_yaml", "version: 1\n  x¦: 2\n"),
    ("wrong_type", "¦"),
    ("wrong_type", "¦[1, 2]\n"),
    ("wrong_type", "¦just some text\n"),
    ("yaml_surprise", config("admin: ¦off\n")),
    ("yaml_surprise", config("drain: ¦12:30\n")),
    ("yaml_surprise", config("limits: {fields: ¦010}\n")),
    ("yaml_surprise", config("limits: {fields: ¦1_000}\n")),
    ("yaml_surprise", require("{claims: {born: {equals: ¦2026-01-01}}}")),
    ("yaml_surprise", require("{claims: {a: {equals: ¦no}}}")),
    ("yaml_surprise", require("{claims: {a: {at_least: ¦.inf}}}")),
    ("yaml_surprise", config("drain: ¦&d 30s\n")),
    ("yaml_surprise", config("drain: ¦!!str 30s\n")),
    ("yaml_surprise", config("¦---\na: 1\n")),
    ("duplicate_key", config("drain: 1s\n¦drain: 2s\n")),
    ("duplicate_key", one_upstream('{servers: ["http://a"], ¦servers: ["http://b"]}')),
    ("wrong_type", config("drain:¦ \n")),
    ("wrong_type", config("drain: ¦~\n")),
    ("wrong_type", config("timeouts: {¦1: 30s}\n")),
    ("bad_value", config("timeouts: {head: ¦1}\n")),
    ("unset_variable", config("drain: ¦${NOT_SET}\n")),
    ("bad_value", config("drain: ¦'${NOT CLOSED'\n")),
    ("bad_value", config('drain: ¦"a\\nb"\n')),
    ("yaml_surprise", config("? ¦[a]\n: b\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_yaml_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
