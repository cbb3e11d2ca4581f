"""Claims that just miss one test."""

from typing import Any

import pytest

from gateway.decision.rules.claim_tests import compile_claim_group, compile_claim_test
from gateway.suites.samples.claim_sets import with_claim
from gateway.suites.samples.near_misses import near_misses


def missed(path: tuple[str, ...], operator: str, operand: Any, value: Any) -> dict[str, Any]:
    test = compile_claim_test(path, operator, operand)
    claims = with_claim({"sub": "alice"}, path, value)
    assert test.holds(claims, {"x": "7"})
    found = dict(near_misses(test, claims, {"x": "7"}))
    assert all(not test.holds(one, {"x": "7"}) for one in found.values())
    return found


@pytest.mark.parametrize(
    ("operator", "operand", "value", "expected"),
    [
        ("equals", "acme", "acme", ["it is absent", "it is null", "in the other case"]),
        ("equals", "{path.x}", "7", ["a list of it", "a number", "more than it"]),
        ("equals", True, True, ["the opposite", "a number", "a text"]),
        ("equals", 5, 5, ["a text", "one more", "one less"]),
        ("not_equals", "free", "paid", ["it is that", "it is absent"]),
        ("in", ["eu", "us"], "eu", ["all of the choices", "with others and commas"]),
        ("contains", "staff", ["staff"], ["it is the text itself", "an empty list"]),
        ("matches", "*@a.example", "x@a.example", ["more than it", "with a line end"]),
        ("at_least", 3, 3, ["a little less", "a text", "true"]),
        ("exists", True, 1, ["it is absent", "it is null"]),
    ],
)
def test_each_kind_of_test_is_missed_in_its_own_ways(
    operator: str, operand: Any, value: Any, expected: list[str]
) -> None:
    assert set(expected) <= missed(("c",), operator, operand, value).keys()


def test_what_must_not_be_there_is_there_in_every_type() -> None:
    test = compile_claim_test(("c",), "exists", False)

    found = dict(near_misses(test, {"sub": "alice"}, {}))

    assert [claims["c"] for claims in found.values()] == ["", 0, False, [], {}, "some"]


def test_a_nested_claim_is_missed_beside_its_place_too() -> None:
    found = missed(("realm", "roles"), "contains", "staff", ["staff"])

    assert found["one claim with dots in its name"] == {
        "sub": "alice",
        "realm.roles": ["staff"],
    }
    assert found["its last name alone"] == {"sub": "alice", "roles": ["staff"]}
    assert found["realm is a list of it"]["realm"] == [{"roles": ["staff"]}]


def test_a_claim_that_is_there_is_not_taken_for_the_last_name() -> None:
    assert "its last name alone" not in missed(("act", "sub"), "equals", "bob", "bob")


def test_what_still_passes_is_no_miss() -> None:
    found = missed(("c",), "matches", "*", "anything")

    assert {one.get("c") for one in found.values() if isinstance(one.get("c"), str)} == set()


READER = compile_claim_test(("roles",), "contains", "reader")
WRITER = compile_claim_test(("scp",), "equals", "write")


def test_a_group_is_missed_in_each_test_that_holds_and_then_nothing_else_holds() -> None:
    group = compile_claim_group("any", [[READER], [WRITER]])
    claims = {"roles": ["reader"], "scp": "write"}

    found = dict(near_misses(group, claims, {}))

    assert found["roles contains reader: it is the text itself"]["roles"] == "reader"
    assert found["scp equals write: more than it"]["scp"] == "writex"
    assert all(not group.holds(one, {}) for one in found.values())


def test_what_a_group_forbids_is_there_in_each_of_its_parts() -> None:
    group = compile_claim_group("not", [[READER], [WRITER]])

    found = list(near_misses(group, {"sub": "alice"}, {}))

    assert {"sub": "alice", "roles": ["reader"]} in [claims for _, claims in found]
    assert {"sub": "alice", "scp": "write"} in [claims for _, claims in found]
