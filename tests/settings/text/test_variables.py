import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.fault import Code
from gateway.settings.text.variables import (
    BadReference,
    Withheld,
    describe_unset,
    is_reference,
    replace_variables,
)

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
        ("${A:-x}", "1"),
        ("${B:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${B:-}", ""),
        ("a${B:-:-$y}", "a:-$y"),
        ("${NESTED:-x}", "${A}"),
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
        ("${A-x}", Code.BAD_VALUE),
        ("${A:=x}", Code.BAD_VALUE),
        ("${A:-x", Code.BAD_VALUE),
        ("${:-x}", Code.BAD_VALUE),
        ("${A:-${B}}", Code.BAD_VALUE),
        ("${1A}", Code.BAD_VALUE),
    ],
)
def test_what_names_no_variable_is_refused(text: str, code: Code) -> None:
    outcome = replace_variables(text, ENVIRON)

    assert isinstance(outcome, BadReference)
    assert outcome.code is code


def test_a_default_with_a_variable_says_so() -> None:
    outcome = replace_variables("${A:-${B}}", ENVIRON)

    assert isinstance(outcome, BadReference)
    assert "a default cannot have a variable" in outcome.message


@pytest.mark.parametrize("text", ["${A}", "${B:-x}", "${B}"])
def test_a_default_tells_a_file_without_grant_nothing(text: str) -> None:
    """Else it would learn whether a variable is set."""
    outcome = replace_variables(text, Withheld("not granted"))

    assert outcome == BadReference(Code.NOT_GRANTED, "not granted")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("${A}", True),
        ("${A:-x y}", True),
        ("${A:-}", True),
        ("1${A}", False),
        ("${A}${A}", False),
        ("$${A}", False),
        ("${A:-${B}}", False),
    ],
)
def test_one_reference_is_told_from_a_text_with_one(text: str, is_one: bool) -> None:
    assert is_reference(text) is is_one


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
