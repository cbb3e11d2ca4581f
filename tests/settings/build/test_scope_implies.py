from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.build.routes.routes import close_scopes
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault
from gateway.settings.text.yaml_nodes import parse_yaml
from tests.settings.configs import assert_found, config

NOWHERE = Part(parse_yaml(b"", "f", {}), (), None)
GRAPHS = st.dictionaries(
    st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), min_size=1), max_size=6
)


def test_what_is_granted_grants_in_turn() -> None:
    faults: list[Fault] = []

    closed = close_scopes({"a": ["b"], "b": ["c", "d"]}, NOWHERE, faults)

    assert closed == {"a": frozenset("bcd"), "b": frozenset("cd")}
    assert faults == []


@given(GRAPHS)
def test_the_closure_is_closed_and_a_cycle_is_a_fault(implies: dict[str, list[str]]) -> None:
    faults: list[Fault] = []

    closed = close_scopes(implies, NOWHERE, faults)

    for reached in closed.values():
        for scope in reached:
            assert closed.get(scope, frozenset()) <= reached
    assert len(faults) == sum(scope in reached for scope, reached in closed.items())


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("scope_cycle", config("scope_implies: {¦a: [b], ¦b: [a]}\n")),
    ("scope_cycle", config("scope_implies: {¦a: [a]}\n")),
    ("bad_value", config("scope_implies: {a: [¦'b c']}\n")),
    ("bad_value", config("scope_implies: {¦'a b': [c]}\n")),
    ("empty_list", config("scope_implies: {a: ¦[]}\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_hierarchies_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
