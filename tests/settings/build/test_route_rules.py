"""What a route requires of scopes, from their spelling in a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.build.routes.routes import build_scope_rule
from gateway.settings.schema.routes.route import RequireModel
from gateway.settings.schema.shape import check_shape
from gateway.settings.text.fault import Code, Fault
from tests.settings.configs import assert_found, part_of, require

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", require("{scopes: ¦{}}")),
    ("conflicting_keys", require("{scopes: {all: [a], ¦any: [b]}}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_rule_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def scope_rule(spelling: object, granted: set[str]) -> bool:
    """Return whether *granted* satisfies the scopes spelt so, which must have no fault."""
    faults: list[Fault] = []
    part = part_of(json.dumps({"scopes": spelling}))
    model = check_shape(part, RequireModel, faults)
    assert model is not None
    rule = build_scope_rule(model.scopes, part.child("scopes"), faults)
    assert faults == []
    assert rule is not None
    return rule.holds(frozenset(granted))


def satisfied(spelling: Any, granted: set[str]) -> bool:
    """Return the same by the words of the documentation."""
    if isinstance(spelling, str):
        return spelling in granted
    if isinstance(spelling, list):
        return all(satisfied(term, granted) for term in spelling)
    [(key, terms)] = spelling.items()
    answers = [satisfied(term, granted) for term in terms]
    return {"all": all(answers), "any": any(answers), "none": not any(answers)}[key]


SCOPES = st.sampled_from("abc")
TERMS = st.recursive(
    SCOPES,
    lambda inner: st.dictionaries(
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
        min_size=1,
        max_size=1,
    ),
    max_leaves=8,
)
SPELLINGS = st.lists(TERMS, min_size=1, max_size=3) | TERMS.filter(lambda it: isinstance(it, dict))


@given(SPELLINGS, st.sets(SCOPES))
def test_nested_scopes_mean_what_they_say(spelling: object, granted: set[str]) -> None:
    assert scope_rule(spelling, granted) is satisfied(spelling, granted)


def test_a_route_without_scopes_has_no_rule() -> None:
    assert build_scope_rule(None, part_of("{}"), []) is None


def test_a_group_that_is_wrong_inside_is_told_at_its_place_and_never_opens_the_route() -> None:
    faults: list[Fault] = []
    part = part_of("scopes: {any: [{}, {all: [a], none: [b]}]}")
    model = check_shape(part, RequireModel, faults)
    assert model is not None

    rule = build_scope_rule(model.scopes, part.child("scopes"), faults)

    assert [(fault.code, fault.place.column) for fault in faults] == [
        (Code.MISSING_KEY, 16),
        (Code.CONFLICTING_KEYS, 31),
    ]
    assert rule is not None
    assert not rule.holds(frozenset())
