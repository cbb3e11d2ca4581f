"""Claims that pass the rules of a route, or fail them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_names import ABSENT
from gateway.decision.rules.claim_tests import (
    ClaimRule,
    ClaimTest,
    compile_claim_group,
    compile_claim_test,
)
from gateway.suites.samples.claim_sets import failing, passing, with_claim
from tests.suites.samples.test_meaning import OPERANDS, RULES

BASE = {"iss": "i", "aud": "a", "n": {"x": 1}}
VARIABLES = {"x": "7"}


def compiled(*tests: tuple[tuple[str, ...], str, Any]) -> list[ClaimTest]:
    return [compile_claim_test(*test) for test in tests]


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([(("t",), "equals", "{path.x}")], [{"t": "7"}]),
        ([(("t",), "in", ["a", "b"])], [{"t": "a"}, {"t": "b"}]),
        ([(("t",), "not_equals", "some")], [{"t": "not-some"}]),
        ([(("t",), "contains", "a"), (("t",), "contains", "b")], [{"t": ["a", "b"]}]),
        ([(("aud",), "contains", "b")], [{"aud": ["a", "b"]}]),
        ([(("t",), "matches", "a*b?")], [{"t": "abx"}, {"t": "asomebx"}]),
        ([(("t",), "at_least", 3)], [{"t": 3}]),
        ([(("t",), "exists", True)], [{"t": "some"}, {"t": 1}, {"t": ["some"]}]),
        ([(("iss",), "exists", True)], [{}, {"iss": "some"}, {"iss": 1}, {"iss": ["some"]}]),
        ([(("t",), "exists", False)], [{}]),
        ([(("n", "y"), "equals", 2)], [{"n": {"x": 1, "y": 2}}]),
        ([(("t",), "in", ["a", "b"]), (("t",), "not_equals", "a")], [{"t": "b"}]),
        ([(("t",), "equals", "a"), (("t",), "equals", "b")], []),
        ([(("t",), "in", ["a", "a{path.x}"]), (("t",), "matches", "*7")], [{"t": "a7"}]),
    ],
)
def test_each_way_is_found(
    tests: list[tuple[tuple[str, ...], str, Any]], expected: list[dict[str, Any]]
) -> None:
    found = list(passing(compiled(*tests), BASE, VARIABLES))

    assert found == [{**BASE, **changes} for changes in expected]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([("a",), ("b",), ("n", "x")]),
            st.sampled_from(["equals", "not_equals", "in", "contains", "matches", "exists"]),
            OPERANDS,
        ),
        max_size=4,
    )
)
def test_what_is_made_passes_every_test(tests: list[tuple[tuple[str, ...], str, Any]]) -> None:
    rules = []
    for test in tests:
        try:
            rules.append(compile_claim_test(*test))
        except ValueError:
            return

    for claims in passing(rules, BASE, VARIABLES):
        assert all(rule.holds(claims, VARIABLES) for rule in rules)


READER, WRITER, GUEST = compiled(
    (("roles",), "contains", "reader"), (("scp",), "equals", "write"), (("amr",), "contains", "pwd")
)
ANY = compile_claim_group("any", [[READER], [WRITER, *compiled((("tid",), "exists", True))]])
NOT = compile_claim_group("not", [[GUEST], [READER]])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([ANY], [{"roles": ["reader"]}, {"scp": "write", "tid": "some"}]),
        ([NOT], [{}]),
        ([ANY, NOT], [{"scp": "write", "tid": "some"}]),
        (
            [compile_claim_group("all", [[READER], [WRITER]])],
            [{"roles": ["reader"], "scp": "write"}],
        ),
        ([compile_claim_group("not", [[NOT]])], [{"amr": ["pwd"]}, {"roles": ["reader"]}]),
        ([compile_claim_group("not", [[READER]]), READER], []),
    ],
)
def test_each_way_through_a_group_is_found(
    rules: list[ClaimRule], expected: list[dict[str, Any]]
) -> None:
    found = list(passing(rules, BASE, VARIABLES))

    assert [{**BASE, **changes} for changes in expected] == found[: len(expected)]
    assert bool(found) is bool(expected)


def test_each_way_to_fail_a_group_is_found() -> None:
    held = {**BASE, "roles": ["reader"], "scp": "write", "tid": "t"}

    assert list(failing(NOT, BASE, VARIABLES))[:2] == [
        {**BASE, "amr": ["pwd"]},
        {**BASE, "roles": ["reader"]},
    ]
    assert {**held, "roles": [], "scp": "some"} in list(failing(ANY, held, VARIABLES))


@given(st.lists(RULES, max_size=3))
def test_what_is_made_passes_or_fails_groups_as_wished(rules: list[ClaimRule]) -> None:
    for claims in passing(rules, BASE, VARIABLES):
        assert all(rule.holds(claims, VARIABLES) for rule in rules)
    for rule in rules:
        assert not any(rule.holds(claims, VARIABLES) for claims in failing(rule, BASE, VARIABLES))


def test_a_claim_is_set_or_taken_away_in_a_copy() -> None:
    assert with_claim(BASE, ("n", "y", "z"), 1)["n"] == {"x": 1, "y": {"z": 1}}
    assert with_claim(BASE, ("n", "x"), ABSENT)["n"] == {}
    assert with_claim(BASE, ("iss", "x"), 1)["iss"] == {"x": 1}
    assert with_claim(BASE, ("aud",), ABSENT) == {"iss": "i", "n": {"x": 1}}
    assert with_claim(BASE, ("none",), ABSENT) == BASE
    assert BASE == {"iss": "i", "aud": "a", "n": {"x": 1}}
