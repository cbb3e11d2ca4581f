"""An operator of another product is answered by the test to write."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.decision.rules.claim_names import parse_claim_name
from gateway.decision.rules.claim_tests import KINDS, OPERATORS
from gateway.settings.load import Rejected
from gateway.settings.schema.routes.foreign_operators import find_meant_operator
from gateway.settings.text.yaml_nodes import parse_yaml
from tests.settings.configs import assert_found, config, faults, load, outcome_of


def require(claims: str) -> str:
    route = "{name: a, match: {path: /a}, upstream: orders, require: {claims: CLAIMS}}"
    return config(routes=f"routes:\n  - {route.replace('CLAIMS', claims)}\n")


WRITTEN = [
    ("GTE: 2", "at_least: 2"),
    ("gte: 2", "at_least: 2"),
    ("'>=': 2", "at_least: 2"),
    ("gte: '2'", "at_least: 2"),
    ("AT_LEAST: 2", "at_least: 2"),
    ("eq: a", "equals: a"),
    ("Equals: a", "equals: a"),
    ("'==': 'a b'", 'equals: "a b"'),
    ("StringEquals: 'yes'", 'equals: "yes"'),
    ("ne: a", "not_equals: a"),
    ("notEquals: a", "not_equals: a"),
    ("one_of: [a, b]", "in: [a, b]"),
    ("IN: a", "in: [a]"),
    ("has: a", "contains: a"),
    ("present: true", "exists: true"),
    ("present: false", "exists: false"),
    ("missing: true", "exists: false"),
    ("glob: 'a*'", 'matches: "a*"'),
    ("startsWith: a", 'matches: "a*"'),
    ("ends_with: '@a.example'", 'matches: "*@a.example"'),
    ("equals: [a]", "in: [a]"),
    ("contains: [a]", "contains: a"),
    ("at_least: '2'", "at_least: 2"),
    ("exists: 'true'", "exists: true"),
    ("in: a", "in: [a]"),
]


@pytest.mark.parametrize(("written", "meant"), WRITTEN)
def test_the_message_has_the_test_to_write_which_holds(
    written: str, meant: str, tmp_path: Path
) -> None:
    [fault] = faults(tmp_path, require(f"{{tier: {{{written}}}}}"))

    assert f"write `{meant}`" in fault.message
    load(tmp_path, require(f"{{tier: {{{meant}}}}}"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{tier: {lt: 5}}", "{tier: {exists: true}, not: [{tier: {at_least: 5}}]}"),
        ("{tier: {max: 5}}", "{tier: {exists: true}, not: [{tier: {at_least: 6}}]}"),
        ("{t: {not_in: [a, b]}}", "{not: [{t: {in: [a, b]}}]}"),
        ("{t: {nin: a}}", "{not: [{t: {in: [a]}}]}"),
        ("{t: {contains_any: [a, b]}}", "{any: [{t: {contains: a}}, {t: {contains: b}}]}"),
        ("{t: {contains_all: [a, b]}}", "{all: [{t: {contains: a}}, {t: {contains: b}}]}"),
        ("{t: {contains: [a, b]}}", "{any: [{t: {contains: a}}, {t: {contains: b}}]}"),
        ("{t: {not_contains: a}}", "{not: [{t: {contains: a}}]}"),
        ("{t: {not_equals: [a]}}", "{not: [{t: {in: [a]}}]}"),
        ("{groups: {not_equals: [a]}}", "{not: [{groups: {contains: a}}]}"),
    ],
)
def test_what_no_operator_says_is_said_by_a_group(written: str, meant: str, tmp_path: Path) -> None:
    [fault] = faults(tmp_path, require(written))

    for part in meant.removeprefix("{").removesuffix("}").split(", not"):
        assert part.removeprefix("not") in fault.message
    load(tmp_path, require(meant))


def test_a_list_of_a_claim_that_is_a_list_is_no_value(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, require("{groups: {equals: [admin]}}"))

    assert fault.message == "expected text, a number, true or false: write `contains: admin`"


def test_a_regular_expression_has_no_translation(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, require("{email: {regex: '^.*@example.com$'}}"))

    assert "there are no regular expressions; `matches` takes a glob" in fault.message


def test_the_place_is_that_of_the_operator(tmp_path: Path) -> None:
    text = require("{tier: {¦gte: 2}}")

    assert_found(tmp_path, "unknown_key", text)


def test_an_operator_that_nobody_has_gets_no_advice(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, require("{tier: {zzz: 2}}"))

    assert fault.message == "unknown key `zzz`"


@pytest.mark.parametrize(
    "written", ["eq: 'x${HOST}'", "contains: ['${HOST}', b]", "gte: '${HOST}'"]
)
def test_a_value_of_the_environment_is_not_shown(written: str, tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, require(f"{{tier: {{{written}}}}}"), {"HOST": 'se"cret'})

    assert isinstance(outcome, Rejected)
    assert all("cret" not in fault.message for fault in outcome.faults)


OPERANDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    claim=st.text(),
    operator=st.sampled_from([*OPERATORS, "gt", "lte", "nin"]) | st.text(),
    operand=OPERANDS,
)
@example(claim="tenant", operator="equals", operand=[])
def test_nothing_that_is_written_fails_it(claim: str, operator: str, operand: object) -> None:
    """What is suggested as a whole test is YAML with operators that exist."""
    meant = find_meant_operator(claim, operator, operand)

    if meant is None or not meant.startswith("write `") or meant.count("`") != 2:
        return
    text = meant.removeprefix("write `").removesuffix("`")
    root = parse_yaml(f"{{{text}}}".encode(), "f", {}).root
    assert root is None or isinstance(root, dict)


def test_names_are_as_the_decision_reads_them() -> None:
    meant = find_meant_operator('["https://a.example/x"]', "nin", ["a"])

    assert meant is not None
    text = meant.removeprefix("write `").removesuffix("` in `claims`")
    root = parse_yaml(f"{{{text}}}".encode(), "f", {}).root
    assert isinstance(root, dict)
    [[kind, [group]]] = root.items()
    assert kind in KINDS
    assert parse_claim_name(*group) == ("https://a.example/x",)
