"""What a route requires: scopes and claim tests, from their spelling in a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.build.routes import build_claim_tests, build_scope_rule
from gateway.settings.schema.routes import RequireModel
from gateway.settings.schema.shape import check_shape
from gateway.settings.text.fault import Code, Fault
from tests.settings.configs import assert_found, load, part_of, require

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", require("{scopes: ¦{}}")),
    ("conflicting_keys", require("{scopes: {all: [a], ¦any: [b]}}")),
    ("missing_key", require("{claims: {¦a: {}}}")),
    ("bad_value", require("{claims: {¦a..b: {exists: true}}}")),
    ("unknown_reference", require("{claims: {a: {equals: ¦'{path.y}'}}}")),
    ("bad_value", require("{claims: {a: {equals: ¦'{pth.x}'}}}")),
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


def test_every_operator_of_a_claim_is_a_test_of_its_own(tmp_path: Path) -> None:
    claims = (
        "{a: {equals: 1, not_equals: 2, in: [1, 2], at_least: 0.5, exists: true},"
        ' b.c: {contains: x}, \'["d.e"]\': {matches: "f*"}}'
    )
    settings = load(tmp_path, require(f"{{claims: {claims}}}"))

    tests = settings.policy.routes.routes[0].claims

    assert [test.claim for test in tests] == ["a"] * 5 + ["b.c", '["d.e"]']
    good = {"a": 1, "b": {"c": ["x"]}, "d.e": "fg"}
    assert all(test.holds(good, {}) for test in tests)


def claims(text: str, variables: set[str]) -> tuple[int, list[tuple[Code, str]]]:
    """Return how many tests *text* has, and its faults."""
    faults: list[Fault] = []
    part = part_of(f"claims: {text}")
    model = check_shape(part, RequireModel, faults)
    assert model is not None
    tests = build_claim_tests(model, part.child("claims"), frozenset(variables), faults)
    return len(tests), [(fault.code, fault.message) for fault in faults]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{a: {equals: '{path.tenant}'}}", (1, [])),
        (
            "{a: {equals: '{path.tennant}'}}",
            (
                1,
                [
                    (
                        Code.UNKNOWN_REFERENCE,
                        "the path has no variable `tennant`: did you mean `tenant`?",
                    )
                ],
            ),
        ),
        (
            "{a: {in: [x, '{path.y}-{path.z}']}}",
            (
                1,
                [
                    (Code.UNKNOWN_REFERENCE, "the path has no variable `y`"),
                    (Code.UNKNOWN_REFERENCE, "the path has no variable `z`"),
                ],
            ),
        ),
        ("{a: {}}", (0, [(Code.MISSING_KEY, "no operator: write one, e.g. exists: true")])),
    ],
)
def test_a_claim_is_compared_with_variables_that_the_path_has(
    text: str, answer: tuple[int, list[tuple[Code, str]]]
) -> None:
    assert claims(text, {"tenant"}) == answer


@pytest.mark.parametrize(
    ("text", "payload", "holds"),
    [
        ("{a.b: {exists: true}}", {"a": {"b": 1}}, True),
        ("{a.b: {exists: true}}", {"a.b": 1}, False),
        ("{'[\"a.b\"]': {exists: true}}", {"a.b": 1}, True),
        ("{a: {exists: false}}", {}, True),
        ("{a: {equals: 1}}", {"a": True}, False),
        ("{a: {equals: '1'}}", {"a": 1}, False),
        ("{a: {contains: x}}", {"a": "x"}, False),
    ],
)
def test_claims_are_tested_as_they_are_written(
    text: str, payload: Mapping[str, object], holds: bool, tmp_path: Path
) -> None:
    route = load(tmp_path, require(f"{{claims: {text}}}")).policy.routes.routes[0]

    assert [test.holds(payload, {}) for test in route.claims] == [holds]
