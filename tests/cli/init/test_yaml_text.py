"""What is written as YAML is read as it was, and a comment stays one."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.init.yaml_text import comment, flow, inline, quote
from gateway.settings.text.yaml_nodes import parse_yaml

PRINTABLE = st.text().filter(lambda text: text.isprintable())


@given(text=PRINTABLE)
def test_a_text_is_read_as_it_was(text: str) -> None:
    document = parse_yaml(f"a: {quote(text)}\nb: [{quote(text)}]\n".encode(), "f", {})

    assert not [one for one in document.faults if text]
    assert document.root == {"a": text, "b": [text]}
    assert parse_yaml(f"a: {flow([text, text])}\n".encode(), "f", {}).root == {"a": [text, text]}


@pytest.mark.parametrize("text", ["on", "1e3", "null", "12:30", "a: b", "a #b", "${HOME}", "-", ""])
def test_a_text_that_yaml_could_misread_is_quoted(text: str) -> None:
    assert quote(text).startswith('"')


def test_words_and_scopes_are_not_quoted() -> None:
    assert flow(["orders:read", "a.b-c", "x"]) == "[orders:read, a.b-c, x]"


def test_values_are_no_references() -> None:
    assert inline({"scope": "${X}"}) == '{"scope": "$${X}"}'


@given(text=st.text(), indent=st.integers(0, 8))
def test_nothing_ends_a_comment(text: str, indent: int) -> None:
    lines = list(comment(text, indent))

    assert all(line.startswith(f"{' ' * indent}# ") and line.isprintable() for line in lines)
    assert yaml.safe_load("\n".join([*lines, "a: 1"])) == {"a": 1}


def test_json_is_what_inline_writes() -> None:
    assert json.loads(inline({"a": [1, True]})) == {"a": [1, True]}
