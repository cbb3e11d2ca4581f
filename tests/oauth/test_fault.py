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


@given(st.integers(0, 8), st.integers(6, 16), st.text(max_size=30), st.text(max_size=30))
def test_no_six_characters_of_a_secret_get_into_a_detail(
    start: int, length: int, before: str, after: str
) -> None:
    part = SECRET[start : start + length]

    detail = server_error("here", "invalid_request", f"{before} {part} {after}", [SECRET]).detail

    assert len(part) < 6 or part not in detail
