"""The shape of rules over claims."""

from pathlib import Path

import pytest

from gateway.decision.rules.claim_tests import OPERATORS, compile_claim_test
from gateway.settings.schema.routes.claims import ClaimModel
from tests.settings.configs import assert_found, faults, require

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("empty_list", require("{claims: ¦{}}")),
    ("wrong_type", require("{claims: {a: {equals: ¦[a]}}}")),
    ("wrong_type", require("{claims: {a: {at_least: ¦true}}}")),
    ("empty_list", require("{claims: {a: {in: ¦[]}}}")),
    ("empty_list", require("{claims: {any: ¦[]}}")),
    ("empty_list", require("{claims: {any: [¦{}]}}")),
    ("wrong_type", require("{claims: {any: [¦3]}}")),
    ("wrong_type", require("{claims: {a: ¦3}}")),
    ("wrong_type", require("{claims: {not: ¦pwd}}")),
    ("wrong_type", require("{claims: ¦{any: {roles: {contains: a}}}}")),
    ("unknown_key", require("{claims: {any: [{a: {¦equal: 3}}]}}")),
    ("wrong_type", require("{claims: {any: [{not: [{a: {at_least: ¦true}}]}]}}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_a_claims_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{any: {roles: {contains: a}}}",
            "`any` with a table tests the claim `any`, which has no operator `roles`;"
            " a group is a list: write `any: [{roles: …}]`",
        ),
        ("{any: [{a: {equal: 3}}]}", "unknown key `equal`: write `equals: 3`"),
    ],
)
def test_a_mistake_about_a_group_says_what_to_write(
    text: str, message: str, tmp_path: Path
) -> None:
    [fault] = faults(tmp_path, require(f"{{claims: {text}}}"))

    assert fault.message == message


def test_every_claim_test_that_can_be_written_can_be_compiled_and_no_other() -> None:
    written = {field.alias or name for name, field in ClaimModel.model_fields.items()}

    assert written == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "operand"),
    [
        ("equals", "x"),
        ("equals", False),
        ("not_equals", 1),
        ("in", ["x", 1, True]),
        ("contains", "x"),
        ("exists", False),
        ("matches", "a*"),
        ("at_least", 0.5),
    ],
)
def test_an_operand_keeps_its_type_on_the_way_to_the_rule(operator: str, operand: object) -> None:
    model = ClaimModel.model_validate({operator: operand})

    [(name, kept)] = model.model_dump(by_alias=True, exclude_unset=True).items()

    assert (name, kept, type(kept)) == (operator, operand, type(operand))
    assert compile_claim_test(("a",), name, kept).claim == "a"
