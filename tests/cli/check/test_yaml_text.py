"""What is written is read as the same values, whatever they are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.check.yaml_text import write_yaml
from gateway.settings.text.yaml_nodes import parse_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=120)
KEYS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
ODD = st.sampled_from(["", "on", "~", "12:30", "010", "1e3", "2026-01-01", "a: b", "- a", "#", "'"])
NUMBERS = st.one_of(
    st.integers(-(10**17), 10**17),
    st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-9),
)
VALUES = st.recursive(
    st.one_of(TEXTS, ODD, NUMBERS, st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, ODD), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_all_values_are_read_again(data: dict[str, Any]) -> None:
    text = "\n".join(write_yaml(data, {}))

    # Variables are for those who write: a literal one is escaped before.
    read = parse_yaml(text.replace("${", "$${").encode(), "a.yaml", {})

    assert not read.faults, (read.faults, text)
    assert read.root == data


def test_it_is_written_as_people_do() -> None:
    data = {
        "version": 1,
        "issuers": {
            "main": {"issuer": "https://a.example/", "discovery": True, "audiences": ["a"]}
        },
        "routes": [{"name": "a", "match": {"path": "/{id}"}, "require": {}}, {"name": "b"}],
        "share": 0.00001,
    }

    lines = list(write_yaml(data, {("issuers", "main"): "main.yaml:3", ("routes", 1): "b.yaml:1"}))

    assert lines == [
        "version: 1",
        "issuers:",
        "  # main.yaml:3",
        "  main:",
        '    issuer: "https://a.example/"',
        "    discovery: true",
        "    audiences: [a]",
        "routes:",
        "  - name: a",
        "    match:",
        '      path: "/{id}"',
        "    require: {}",
        "  # b.yaml:1",
        "  - name: b",
        "share: 0.00001",
    ]
