import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.fault import Code
from gateway.settings.variables import BadReference, replace_variables

ENVIRON = {"A": "1", "EMPTY": "", "NESTED": "${A}"}


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${EMPTY}", ""),
        ("$A and {A}", "$A and {A}"),
        ("$${A}", "${A}"),
        ("${NESTED}", "${A}"),
        ("$", "$"),
    ],
)
def test_references_are_replaced_once(text: str, replaced: str) -> None:
    assert replace_variables(text, ENVIRON) == replaced


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${B}", Code.UNSET_VARIABLE),
        ("${A", Code.BAD_VALUE),
        ("${}", Code.BAD_VALUE),
        ("${A:-x}", Code.BAD_VALUE),
        ("${1A}", Code.BAD_VALUE),
    ],
)
def test_what_names_no_variable_is_refused(text: str, code: Code) -> None:
    outcome = replace_variables(text, ENVIRON)

    assert isinstance(outcome, BadReference)
    assert outcome.code is code


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_references_stays(text: str) -> None:
    assert replace_variables(text, {}) == text
