"""Any YAML or JSON becomes nodes with places, or ends in one fault."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.openapi.nodes import MAX_FILE_BYTES, Node, UnreadableNodesError, read_nodes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def plain(node: Node) -> object:
    """Return *node* as Python's own values; scalars as text."""
    if node.members is not None:
        return {key: plain(member.node) for key, member in node.members.items()}
    return [plain(item) for item in node.items] if node.items is not None else node.text


def texts(value: object) -> object:
    if isinstance(value, dict):
        return {key: texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [texts(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)


def fault_of(content: bytes, file: str = "api.yaml") -> str:
    with pytest.raises(UnreadableNodesError) as caught:
        read_nodes(content, file)
    return str(caught.value.fault)


def test_yaml_of_other_programs_is_read_as_text() -> None:
    node = read_nodes(b"a: {200: 2026-01-01, on: null}\nb: [1e3, 'x']\nc: |\n  d\n", "api.yaml")

    assert plain(node) == {
        "a": {"200": "2026-01-01", "on": "null"},
        "b": ["1e3", "x"],
        "c": "d\n",
    }


@given(value=st.dictionaries(st.text(), JSON), indent=st.sampled_from([None, 1, "\t"]))
def test_any_json_object_is_read_as_it_is(value: dict[str, object], indent: int | str) -> None:
    content = json.dumps(value, indent=indent).encode()

    assert plain(read_nodes(content, "api.json")) == texts(value)


def test_keys_and_values_have_their_places_in_both_syntaxes() -> None:
    for content in (b"a:\n  - b: c\n", b'{"a":\n  [{"b": "c"}]}'):
        members = read_nodes(content, "api").members
        assert members is not None
        items = members["a"].node.items
        assert items is not None
        inner = items[0].members
        assert inner is not None
        assert inner["b"].node.place.line == 2
        assert members["a"].place.line == 1


def test_an_alias_is_the_node_itself_and_not_a_copy() -> None:
    """YAML bombs: nine lines of aliases would be a billion nodes."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]

    members = read_nodes("\n".join(lines).encode(), "api.yaml").members

    assert members is not None
    items = members["a59"].node.items
    assert items is not None
    assert items[0] is items[1] is members["a58"].node


def test_an_alias_may_be_inside_of_what_it_names() -> None:
    node = read_nodes(b"&a [*a]", "api.yaml")

    assert node.items == [node]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "api.yaml:1:1: not_yaml: the file is empty"),
        (b"a: [", "api.yaml:2:1: not_yaml: not YAML: did not find expected node content"),
        (b"\xff", "api.yaml:1:1: not_yaml: not UTF-8 text"),
        (b"a: 1\na: 2", "api.yaml:2:1: duplicate_key: `a` is already set in line 1"),
        (b"? [a]\n: 1", "api.yaml:1:3: wrong_type: a key must be plain text"),
        (b"a: 1\n---\nb: 2", "api.yaml:2:1: yaml_surprise: a second document: write one per file"),
        (b"a: *b", "api.yaml:1:4: not_yaml: not YAML: no anchor `b`"),
        (b"[" * 500, "api.yaml:1:201: too_large: nested more than 200 levels deep"),
        (b'{"a":' * 500, "api.yaml:1:1001: too_large: nested more than 200 levels deep"),
    ],
)
def test_what_cannot_be_read_is_one_fault_with_its_place(content: bytes, fault: str) -> None:
    assert fault_of(content) == fault


def test_broken_json_is_told_as_json() -> None:
    assert fault_of(b'{"a": 1,\n "b" 2}', "api.json") == (
        "api.json:2:6: not_yaml: not JSON: expecting ':' delimiter"
    )


def test_valid_json_that_is_nested_too_deep_is_a_fault() -> None:
    content = b'{"a":' * 900 + b"1" + b"}" * 900

    assert "too_large: nested more than 200 levels deep" in fault_of(content, "api.json")


def test_a_file_that_is_too_large_is_not_read() -> None:
    content = b"a: " + b"x" * MAX_FILE_BYTES

    assert fault_of(content) == "api.yaml:1:1: too_large: larger than 16 MiB"


def test_a_file_of_many_values_ends_in_a_fault() -> None:
    content = b"[" + b"1," * 1_100_000 + b"1]"

    assert "too_large: more than 1,000,000 values in one file" in fault_of(content)


@given(content=st.binary())
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with suppress(UnreadableNodesError):
        read_nodes(content, "api.yaml")
