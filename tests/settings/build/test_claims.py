"""Rules over claims, from their spelling in a file."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.settings.build.claims import MAX_DEPTH, build_claim_rules
from gateway.settings.schema.routes.route import RequireModel
from gateway.settings.schema.shape import check_shape
from gateway.settings.text.fault import Code, Fault
from tests.settings.configs import assert_found, faults, load, part_of, require

NESTED = "{any: [" * MAX_DEPTH
CLOSED = "]}" * MAX_DEPTH

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", require("{claims: {¦a: {}}}")),
    ("bad_value", require("{claims: {¦a..b: {exists: true}}}")),
    ("unknown_reference", require("{claims: {a: {equals: ¦'{path.y}'}}}")),
    ("bad_value", require("{claims: {a: {equals: ¦'{pth.x}'}}}")),
    ("unknown_reference", require("{claims: {not: [{a: {equals: ¦'{path.y}'}}]}}")),
    ("missing_key", require("{claims: {any: [{a: {exists: true}}, {¦b: {}}]}}")),
    ("bad_value", require("{claims: {any: [{all: [{¦a..b: {exists: true}}]}]}}")),
    ("wrong_type", require("{claims: {¦roles: [{a: {exists: true}}]}}")),
    ("not_supported", require(f"{{claims: {NESTED}{{¦any: [{{a: {{exists: true}}}}]}}{CLOSED}}}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_claim_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_groups_nest_up_to_their_bound(tmp_path: Path) -> None:
    settings = load(tmp_path, require(f"{{claims: {NESTED}{{a: {{exists: true}}}}{CLOSED}}}"))

    [rule] = settings.policy.routes.routes[0].claims
    assert rule.holds({"a": 1}, {})
    assert not rule.holds({}, {})


def test_a_list_is_a_group_and_a_table_tests_the_claim_of_that_name(tmp_path: Path) -> None:
    rules = "any: {equals: x}, not: [{a: {exists: true}, b: {exists: true}}]"
    settings = load(tmp_path, require(f"{{claims: {{{rules}}}}}"))

    found = settings.policy.routes.routes[0].claims

    assert [rule.text for rule in found] == [
        "any equals x",
        "none of (a exists true and b exists true)",
    ]


def test_rules_of_no_single_route_have_no_path_to_compare_with() -> None:
    count, faults = claims("{any: [{a: {equals: '{path.tenant}'}}]}", None)

    assert count == 1
    [(code, message)] = faults
    assert code is Code.UNKNOWN_REFERENCE
    assert message.startswith("`{path.tenant}`: there is no path here")


def test_every_operator_of_a_claim_is_a_test_of_its_own(tmp_path: Path) -> None:
    claims = (
        "{a: {equals: 1, not_equals: 2, in: [1, 2], at_least: 0.5, exists: true},"
        ' b.c: {contains: x}, \'["d.e"]\': {matches: "f*"}}'
    )
    settings = load(tmp_path, require(f"{{claims: {claims}}}"))

    tests = settings.policy.routes.routes[0].claims

    assert [test.key for test in tests] == ["a"] * 5 + ["b.c", '["d.e"]']
    good = {"a": 1, "b": {"c": ["x"]}, "d.e": "fg"}
    assert all(test.holds(good, {}) for test in tests)


def claims(text: str, variables: set[str] | None) -> tuple[int, list[tuple[Code, str]]]:
    """Return how many rules *text* has, and its faults."""
    faults: list[Fault] = []
    part = part_of(f"claims: {text}")
    model = check_shape(part, RequireModel, faults)
    assert model is not None
    known = None if variables is None else frozenset(variables)
    tests = build_claim_rules(model.claims, part.child("claims"), known, faults)
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


@pytest.mark.parametrize(
    ("regex", "meant"),
    [
        (r"^.*@example\.com$", 'matches: "*@example.com"'),
        ("^(finance|board)$", "in: [finance, board]"),
        (r"^\d+$", 'matches: "*@example.com"'),
    ],
)
def test_a_regular_expression_is_no_glob(regex: str, meant: str, tmp_path: Path) -> None:
    text = require(f"{{claims: {{team: {{matches: ¦'{regex}'}}}}}}")

    assert_found(tmp_path, "bad_value", text)
    [fault] = faults(tmp_path, text.replace("¦", ""))
    assert f"`{meant}`" in fault.message
