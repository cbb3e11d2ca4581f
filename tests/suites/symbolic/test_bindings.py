"""Segments of a path get every value that could matter to rules about claims."""

from typing import Any

from gateway.decision.routes.routing import Match
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.suites.symbolic.access import Access
from gateway.suites.symbolic.bindings import (
    Bindings,
    find_bindings,
    own_values,
    placeholders,
    readings_of,
    without_segments,
)
from gateway.suites.symbolic.formula import all_of, any_of, atoms_of, negate, passes
from gateway.suites.symbolic.requirements import of_claims
from gateway.suites.symbolic.text_values import Pattern
from tests.decision.policies import policy, route
from tests.suites.symbolic.pairs import PATH, access, make_settings


def side(*tests: tuple[str, str, Any], path: str = PATH) -> Access:
    rules = tuple(compile_claim_test((name,), operator, one) for name, operator, one in tests)
    return access(make_settings(policy(route(path, claims=rules))))


def bindings(*tests: tuple[str, str, Any]) -> Bindings:
    one = side(*tests)
    generic = placeholders(one)
    assert one.match is not None
    rules = of_claims(one.match.route.claims, readings_of(one.match, generic)[0], None)
    return find_bindings(own_values(generic, one), [rules])


def values(found: Bindings) -> list[str]:
    return [binding[1] for binding in found.tried]


def test_only_segments_that_rules_compare_are_variable() -> None:
    one = side(("a", "equals", "{path.a}"))

    assert placeholders(one) == {1: "\x011\x02"}
    assert own_values({1}, one) == {1: "s"}
    assert placeholders(Access(one.settings, one.match, {1: "s"})) == {}
    assert placeholders(Access(one.settings, None)) == {}


def test_a_path_with_several_readings_keeps_its_own() -> None:
    one = side(("a", "equals", "{path.a}"))
    assert one.match is not None
    match = Match(one.match.route, {"a": "x%2Fy", "b": "t"}, ({"a": "y", "b": "t"},))

    assert placeholders(Access(one.settings, match)) == {}
    assert readings_of(match, {1: "z"}) == (match.variables, *match.other_variables)


def test_names_of_variables_do_not_matter_but_places_do() -> None:
    one = side(("a", "equals", "{path.x}"), path="/o/{y}/{x}")
    assert one.match is not None

    assert placeholders(one) == {2: "\x012\x02"}
    assert readings_of(one.match, {2: "z"}) == ({"y": "s", "x": "z"},)


def test_a_segment_that_is_only_compared_needs_no_other_value() -> None:
    assert bindings(("a", "equals", "{path.a}")) == Bindings([{1: "s"}], True)
    assert bindings(("a", "equals", "{path.a}"), ("b", "equals", "acme")).tried == [{1: "s"}]


def test_a_segment_has_the_values_that_the_same_claim_is_compared_with() -> None:
    found = bindings(("a", "equals", "{path.a}"), ("a", "not_equals", "acme"))

    assert values(found) == ["s", "other-segment", "acme"]
    assert found.is_complete


def test_text_around_a_segment_is_taken_off() -> None:
    found = bindings(("a", "equals", "u-{path.a}"), ("a", "in", ["u-acme", "acme"]))

    assert values(found) == ["s", "other-segment", "acme"]


def test_values_that_rules_treat_alike_are_tried_but_twice() -> None:
    many = [f"t{number}" for number in range(500)]
    found = bindings(("a", "equals", "{path.a}"), ("a", "in", many))

    assert values(found) == ["s", "other-segment", "t0", "t1"]
    assert found.is_complete


def test_a_segment_is_tried_in_and_out_of_each_pattern() -> None:
    found = bindings(("a", "equals", "{path.a}"), ("a", "matches", "acme-*"))

    assert found.is_complete
    assert any(one.startswith("acme-") for one in values(found))


def test_two_segments_that_meet_are_tried_as_equals() -> None:
    found = bindings(("a", "equals", "{path.a}"), ("a", "not_equals", "{path.b}"))

    assert {1: "t", 2: "t"} in found.tried
    assert {1: "s", 2: "t"} in found.tried


def test_what_cannot_be_a_segment_is_not_tried() -> None:
    found = bindings(
        ("a", "equals", "{path.a}"), ("a", "in", ["", ".", "..", "a/b", "a%2Fb", "a;b", "50%"])
    )

    assert values(found) == ["s", "other-segment", "50%"]


def test_a_pattern_with_a_segment_in_it_is_not_decided_beside_others() -> None:
    assert not bindings(("a", "matches", "{path.a}-*"), ("a", "not_equals", "x-y")).is_complete
    assert bindings(("a", "matches", "{path.a}-*")).is_complete


def test_values_are_found_in_groups_too() -> None:
    one = side(("a", "equals", "{path.a}"))
    assert one.match is not None
    variables = readings_of(one.match, placeholders(one))[0]
    rules = of_claims(one.match.route.claims, variables, None)
    other = of_claims([compile_claim_test(("a",), "equals", "acme")], {}, None)

    found = find_bindings({1: "s"}, [any_of((all_of((rules, negate(other))), other))])
    assert "acme" in values(found)


def test_a_test_against_a_segment_can_be_one_of_which_nothing_is_known() -> None:
    same = passes(("c",), "equals", "\x011\x02")
    other = passes(("c",), "matches", Pattern(("x-\x011\x02", "")))
    plain = passes(("c",), "equals", "x")

    hidden = [without_segments(one) for one in (same, other)]

    assert without_segments(plain) == plain
    assert len({*hidden, plain}) == 3
    assert all("\x01" not in str(atom.operand) for one in hidden for atom in atoms_of(one))
    assert without_segments(negate(same)) == negate(hidden[0])
    assert without_segments(any_of((all_of((same, plain)), other))) == any_of(
        (all_of((hidden[0], plain)), hidden[1])
    )
