import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.fault import Code
from gateway.settings.text.variables import BadReference, describe_unset, replace_variables

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


@pytest.mark.parametrize("name", ["SECRET", "SIGNING_SECRET", "_TOKEN", "A1_B2", "ADMIN_TOKEN_OLD"])
def test_a_variable_that_is_not_set_is_named(name: str) -> None:
    assert describe_unset(name) == f"the environment variable {name} is not set"


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        "b7f3-Zq9!kL2",
        "Zm9vYmFyQmF6MTIzNDU2Nzg5MEFCQ0RF",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    ],
)
def test_what_may_be_the_secret_itself_is_not_shown(secret: str) -> None:
    """Whoever writes it in the place of its variable must not find it in the logs of a build."""
    assert secret not in describe_unset(secret)
    assert "not the secret itself" in describe_unset(secret)
