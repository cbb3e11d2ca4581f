"""Operands: constants and path variables."""

import pytest

from gateway.decision.rules.operands import UnknownVariableError, compile_operand, path_variables


@pytest.mark.parametrize(
    ("operand", "value"),
    [
        ("a", "a"),
        (1, 1),
        (True, True),
        ({"a": 1}, {"a": 1}),
        (["a", 1], ["a", 1]),
        ("{path.x}", "7"),
        ("tenant-{path.x}:{path.y_2}", "tenant-7:{path.x}"),
        (["{path.x}", "b"], ["7", "b"]),
    ],
)
def test_a_path_variable_is_put_in_once_and_a_constant_stays(
    operand: object, value: object
) -> None:
    assert compile_operand(operand)({"x": "7", "y_2": "{path.x}"}) == value


def test_a_variable_that_the_route_lacks_is_an_error_and_not_empty_text() -> None:
    with pytest.raises(UnknownVariableError):
        compile_operand("{path.x}")({})


@pytest.mark.parametrize("operand", ["{x}", "{path.}", "{path.x", "a}", "{Path.x}", ["{path x}"]])
def test_a_misspelt_variable_is_refused(operand: object) -> None:
    with pytest.raises(ValueError, match="braces"):
        compile_operand(operand)


@pytest.mark.parametrize("operand", [None, [None]])
def test_null_is_refused(operand: object) -> None:
    with pytest.raises(ValueError, match="use exists"):
        compile_operand(operand)


@pytest.mark.parametrize(
    ("operand", "names"),
    [
        ("{path.a}-{path.b}", {"a", "b"}),
        (["{path.a}", 1, ["{path.c}"]], {"a", "c"}),
        ("plain", set()),
        (7, set()),
        ([], set()),
    ],
)
def test_all_variables_of_an_operand_are_named(operand: object, names: set[str]) -> None:
    assert path_variables(operand) == names
