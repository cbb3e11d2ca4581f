import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.fault import FaultKind, server_error

SECRET = "q7Jx-93kLmn_20zz"


def test_the_servers_own_words_are_shown() -> None:
    fault = server_error("https://a.example/token", "invalid_grant", "Code is used.", [SECRET])

    assert fault.kind is FaultKind.ERROR
    assert fault.code == "invalid_grant"
    assert fault.detail == "https://a.example/token: invalid_grant (Code is used.)"


@pytest.mark.parametrize(
    "description",
    [
        f"no such code: {SECRET}",
        f"no such code: {SECRET[:8]}",
        f"no such code: '{SECRET[3:]}'",
        "a token like eyJhbGciOi is wrong",
        "x" * 201,
        "two\nlines",
        "\x1b[2J",
        'a "quoted" word',
        "",
        None,
        7,
    ],
)
def test_words_that_could_tell_a_secret_or_move_a_terminal_are_left_out(
    description: object,
) -> None:
    """6749.8."""
    fault = server_error("here", "invalid_grant", description, ["", "other", SECRET])

    assert fault.detail == "here: invalid_grant"


@pytest.mark.parametrize(
    "code", ["", None, 7, "two words", "x" * 65, SECRET, f"bad:{SECRET}", "é", 'a"b', "a\\b", "a\n"]
)
def test_an_error_without_a_valid_code_is_no_error_response(code: object) -> None:
    fault = server_error("here", code, None, [SECRET])

    assert fault.kind is FaultKind.INVALID_RESPONSE
    assert fault.code == ""
    assert SECRET not in fault.detail


@pytest.mark.parametrize("code", ["invalid_client", "invalid_grant", "authorization_pending"])
def test_a_registered_code_is_one_whatever_the_secret(code: str) -> None:
    """A secret that has the word in it must not turn a refusal into something else."""
    fault = server_error("here", code, f"about {code}", [f"my-{code}-secret"])

    assert (fault.kind, fault.code, fault.detail) == (FaultKind.ERROR, code, f"here: {code}")


def test_a_short_secret_is_not_quoted_either() -> None:
    assert server_error("here", "invalid_grant", "bad: 1234", ["1234"]).detail == (
        "here: invalid_grant"
    )


def test_a_code_of_a_server_of_its_own_is_shown() -> None:
    fault = server_error("here", "vendor:AADSTS70011", None, [SECRET])

    assert fault.detail == "here: vendor:AADSTS70011"


AROUND = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)


@given(st.integers(0, 10), st.integers(6, 16), AROUND, AROUND)
def test_no_six_characters_of_a_secret_get_into_a_detail(
    start: int, length: int, before: str, after: str
) -> None:
    """6749.8: whatever stands right beside them."""
    part = SECRET[start : start + length]

    for code, description in (("invalid_request", before + part + after), (before + part, None)):
        detail = server_error("here", code, description, [SECRET]).detail
        assert len(part) < 6 or part not in detail
