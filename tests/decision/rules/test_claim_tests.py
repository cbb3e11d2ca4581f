"""Claim tests, and groups of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_tests import (
    KINDS,
    OPERATORS,
    ClaimRule,
    all_tests,
    compile_claim_group,
    compile_claim_test,
    strictly_equal,
)

CLAIMS = {
    "text": "acme",
    "one": 1,
    "float": 1.0,
    "true": True,
    "false": False,
    "zero": 0,
    "list": ["staff", 1, True],
    "nested": {"list": ["a"], "x": {"y": "z"}},
    "null": None,
    "star": "a*b",
    "mail": "ann@acme.example",
    "two at signs": "ann@evil.example@acme.example",
}
VARIABLES = {"tenant": "acme", "star": "*", "one": "1", "mail": "ann@acme.example"}


@pytest.mark.parametrize(
    ("claim", "operator", "operand", "holds"),
    [
        ("text", "equals", "acme", True),
        ("text", "equals", "Acme", False),
        ("text", "equals", "{path.tenant}", True),
        ("text", "equals", "x{path.tenant}", False),
        ("text", "equals", "{path.unknown}", False),
        ("one", "equals", 1, True),
        ("one", "equals", 1.0, True),
        ("float", "equals", 1, True),
        ("one", "equals", True, False),
        ("one", "equals", "1", False),
        ("one", "equals", "{path.one}", False),
        ("true", "equals", 1, False),
        ("true", "equals", True, True),
        ("zero", "equals", False, False),
        ("false", "equals", 0, False),
        ("list", "equals", ["staff", 1, True], True),
        ("list", "equals", ["staff", True, 1], False),
        ("list", "equals", ["staff"], False),
        ("nested", "equals", {"list": ["a"], "x": {"y": "z"}}, True),
        ("nested", "equals", {"list": ["a"]}, False),
        ("nested.x.y", "equals", "z", True),
        ("null", "equals", "x", False),
        ("absent", "equals", "x", False),
        ("text", "not_equals", "other", True),
        ("text", "not_equals", "acme", False),
        ("text", "not_equals", "{path.tenant}", False),
        ("text", "not_equals", "{path.unknown}", False),
        ("one", "not_equals", "1", True),
        ("absent", "not_equals", "x", False),
        ("null", "not_equals", "x", False),
        ("text", "in", ["a", "acme"], True),
        ("text", "in", ["a", "{path.tenant}"], True),
        ("text", "in", ["a"], False),
        ("one", "in", [True], False),
        ("absent", "in", ["a"], False),
        ("list", "contains", "staff", True),
        ("list", "contains", "sta", False),
        ("list", "contains", 1, True),
        ("list", "contains", "{path.tenant}", False),
        ("text", "contains", "acme", False),
        ("nested", "contains", "list", False),
        ("nested.list", "contains", "a", True),
        ("absent", "contains", "a", False),
        ("text", "exists", True, True),
        ("text", "exists", False, False),
        ("zero", "exists", True, True),
        ("false", "exists", True, True),
        ("absent", "exists", True, False),
        ("absent", "exists", False, True),
        ("null", "exists", True, False),
        ("null", "exists", False, True),
        ("text.x", "exists", False, True),
        ("text", "matches", "ac*", True),
        ("text", "matches", "ac", False),
        ("text", "matches", "a??e", True),
        ("text", "matches", "{path.tenant}*", True),
        ("text", "matches", "{path.star}", False),
        ("star", "matches", "a{path.star}b", True),
        ("text", "matches", "a{path.star}e", False),
        ("text", "matches", "{path.unknown}*", False),
        ("one", "matches", "*", False),
        ("absent", "matches", "*", False),
        ("mail", "matches", "*@acme.example", True),
        ("two at signs", "matches", "*@acme.example", False),
        ("two at signs", "matches", "*@*@acme.example", True),
        ("two at signs", "matches", "*acme.example", True),
        ("mail", "matches", "*@*@acme.example", False),
        ("mail", "matches", "{path.mail}", True),
        ("two at signs", "matches", "*{path.mail}", False),
        ("one", "at_least", 1, True),
        ("one", "at_least", 0.5, True),
        ("one", "at_least", 2, False),
        ("true", "at_least", 1, False),
        ("text", "at_least", 0, False),
        ("absent", "at_least", 0, False),
    ],
)
def test_a_claim_test_holds_as_it_reads_and_fails_closed(
    claim: str, operator: str, operand: object, holds: bool
) -> None:
    """CVE-2026-40574: no address with a second `@` is of the domain of a pattern."""
    test = compile_claim_test(tuple(claim.split(".")), operator, operand)

    assert test.holds(CLAIMS, VARIABLES) is holds


@pytest.mark.parametrize(
    ("operator", "operand", "message"),
    [
        ("equal", "x", "'equal' is none of equals, not_equals, in, contains, matches, at_least"),
        ("exists", "yes", "exists takes true or false"),
        ("exists", 1, "exists takes true or false"),
        ("in", "x", "in takes a list"),
        ("in", [], "in takes a list that is not empty"),
        ("in", [None], "use exists"),
        ("equals", None, "use exists"),
        ("not_equals", None, "use exists"),
        ("contains", None, "use exists"),
        ("equals", "{path}", "braces"),
        ("matches", 1, "matches takes a string"),
        ("matches", "{x}*", "braces"),
        ("matches", "a\0", "NUL"),
        ("at_least", "1", "at_least takes a number"),
        ("at_least", True, "at_least takes a number"),
    ],
)
def test_an_operand_that_fits_no_claim_is_refused(
    operator: str, operand: object, message: str
) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        compile_claim_test(("a",), operator, operand)

    assert message in str(refusal.value)


def test_a_test_reads_well() -> None:
    test = compile_claim_test(("realm.access", "roles"), "contains", "{path.tenant}")

    assert (test.claim, test.text) == (
        '["realm.access"].roles',
        '["realm.access"].roles contains {path.tenant}',
    )
    assert compile_claim_test(("a",), "in", ["x", 1]).text == 'a in ["x", 1]'


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.sampled_from([0.0, 1.0]) | st.text("ac*"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)
OPERANDS: st.SearchStrategy[Any] = JSON | st.sampled_from(
    ["{path.v}", "*{path.v}", "?*", ["{path.v}"], True, 1]
)


@given(
    st.sampled_from(OPERATORS),
    OPERANDS,
    st.dictionaries(st.sampled_from(["c", "d"]), JSON),
    st.dictionaries(st.just("v"), st.text("a*?")),
)
def test_no_claims_and_no_path_make_a_test_raise(
    operator: str, operand: object, claims: dict[str, Any], variables: dict[str, str]
) -> None:
    try:
        test = compile_claim_test(("c",), operator, operand)
    except ValueError:
        return

    holds = test.holds(claims, variables)

    assert isinstance(holds, bool)
    if claims.get("c") is None:
        assert holds is (operator == "exists" and operand is False)


@given(JSON, JSON)
def test_strict_equality_is_symmetric_and_of_one_json_type(left: Any, right: Any) -> None:
    equal = strictly_equal(left, right)

    assert equal is strictly_equal(right, left)
    assert strictly_equal(left, left)
    if equal:
        assert isinstance(left, bool) is isinstance(right, bool)
        assert left == right


def test_a_test_still_says_what_it_was_compiled_from() -> None:
    test = compile_claim_test(("realm", "my.roles"), "in", ["a", "{path.x}"])

    assert (test.path, test.operator, test.operand) == (
        ("realm", "my.roles"),
        "in",
        ["a", "{path.x}"],
    )


STAFF = compile_claim_test(("list",), "contains", "staff")
NO_STAFF = compile_claim_test(("list",), "contains", "guest")
TEXT = compile_claim_test(("text",), "equals", "{path.tenant}")
UNKNOWN = compile_claim_test(("text",), "equals", "{path.unknown}")
ABSENT = compile_claim_test(("absent",), "equals", "x")


@pytest.mark.parametrize(
    ("kind", "parts", "holds"),
    [
        ("any", [[STAFF]], True),
        ("any", [[NO_STAFF], [STAFF]], True),
        ("any", [[NO_STAFF], [ABSENT]], False),
        ("any", [[STAFF, NO_STAFF]], False),
        ("any", [[UNKNOWN], [STAFF]], True),
        ("all", [[STAFF], [TEXT]], True),
        ("all", [[STAFF], [NO_STAFF]], False),
        ("all", [[UNKNOWN], [STAFF]], False),
        ("not", [[STAFF]], False),
        ("not", [[NO_STAFF], [STAFF]], False),
        ("not", [[NO_STAFF, STAFF]], True),
        ("not", [[NO_STAFF], [ABSENT]], True),
        ("not", [[UNKNOWN]], False),
        ("not", [[compile_claim_group("not", [[UNKNOWN]])]], False),
        ("not", [[compile_claim_group("all", [[TEXT, NO_STAFF]])]], True),
        ("not", [[compile_claim_group("not", [[TEXT]])]], True),
    ],
)
def test_a_group_holds_as_it_reads_and_an_unknown_variable_never_makes_it_hold(
    kind: str, parts: list[list[ClaimRule]], holds: bool
) -> None:
    group = compile_claim_group(kind, parts)

    assert group.holds(CLAIMS, VARIABLES) is holds
    assert (group.key, STAFF.key) == (kind, "list")


def test_a_group_says_what_it_asks_and_has_the_tests_of_its_parts() -> None:
    inner = compile_claim_group("not", [[NO_STAFF]])
    group = compile_claim_group("any", [[STAFF], [TEXT, inner]])

    assert group.text == (
        "any of (list contains staff; text equals {path.tenant} and none of (list contains guest))"
    )
    assert list(all_tests([group, ABSENT])) == [STAFF, TEXT, NO_STAFF, ABSENT]


@pytest.mark.parametrize(
    ("kind", "parts", "message"),
    [
        ("none", [[STAFF]], "'none' is none of any, all, not"),
        ("any", [], "must not be empty"),
        ("not", [[STAFF], []], "must not be empty"),
    ],
)
def test_a_group_that_always_or_never_holds_is_refused(
    kind: str, parts: list[list[ClaimRule]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compile_claim_group(kind, parts)


@pytest.mark.parametrize("kind", KINDS)
@given(payload=st.dictionaries(st.sampled_from(["list", "text"]), st.none() | st.just(["staff"])))
def test_a_group_of_one_part_is_that_part_or_its_opposite(
    kind: str, payload: dict[str, Any]
) -> None:
    group = compile_claim_group(kind, [[STAFF, TEXT]])
    holds = STAFF.holds(payload, VARIABLES) and TEXT.holds(payload, VARIABLES)

    assert group.holds(payload, VARIABLES) is (holds is not (kind == "not"))
