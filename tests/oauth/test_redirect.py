from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.fault import FaultKind
from gateway.oauth.metadata import Endpoints
from gateway.oauth.redirect import (
    CodeResponse,
    ErrorResponse,
    check_iss,
    check_response,
    parse_redirect,
)

ISSUER = "https://login.example.com/realms/é"


def test_a_code_is_read_with_its_state_and_issuer() -> None:
    query = urlencode({"code": "a+b/c", "state": "st4te", "iss": ISSUER, "session_state": "x"})

    found = parse_redirect(query)

    assert found == CodeResponse("a+b/c", "st4te", ISSUER)
    assert "a+b/c" not in repr(found)
    assert "st4te" not in repr(found)


def test_a_code_of_just_the_limit_is_read() -> None:
    assert isinstance(parse_redirect(f"code={'a' * 4_096}&state=s"), CodeResponse)
    assert isinstance(parse_redirect(f"code={'a' * 4_097}&state=s"), str)


def test_a_refusal_is_read_with_its_words() -> None:
    found = parse_redirect("error=access_denied&error_description=not+today&state=s")

    assert isinstance(found, ErrorResponse)
    assert (found.state, found.iss) == ("s", None)
    assert found.fault.kind is FaultKind.ERROR
    assert found.fault.code == "access_denied"
    assert found.fault.detail == "authorization endpoint: access_denied (not today)"


def test_a_refusal_does_not_tell_the_state() -> None:
    found = parse_redirect("error=x&error_description=no+request+SecretState&state=SecretState")

    assert isinstance(found, ErrorResponse)
    assert "SecretState" not in found.fault.detail
    assert "SecretState" not in repr(found)


UNUSABLE = {
    "6749.2: two codes": ("code=a&code=b&state=s", "occurs twice"),
    "6749.2: the same code twice": ("code=a&code=a&state=s", "occurs twice"),
    "6749.2: two states": ("code=a&state=s&state=t", "occurs twice"),
    "6749.2: two issuers": ("code=a&state=s&iss=a&iss=b", "occurs twice"),
    "6749.2: two parameters that nobody knows": ("code=a&state=s&x=1&x=1", "occurs twice"),
    "no state": ("code=a", "state is missing"),
    "an empty state": ("code=a&state=", "state is missing"),
    "nothing": ("", "state is missing"),
    "only a state": ("state=s", "neither"),
    "a code and an error": ("code=a&error=access_denied&state=s", "neither"),
    "an empty code": ("code=&state=s", "code is empty"),
    "a line break in the code": ("code=a%0d%0ab&state=s", "code is empty"),
    "a code that is not ASCII": ("code=%C3%A9&state=s", "code is empty"),
    "an endless code": (f"code={'a' * 5_000}&state=s", "code is empty"),
    "not ASCII": ("code=a&state=\u00e9", "not a form in UTF-8"),
    "a lone surrogate": ("code=a&state=\udc80", "not a form in UTF-8"),
    "not UTF-8": ("code=%ff&state=s", "not a form in UTF-8"),
    "too many": ("code=a&state=s&" + "&".join(f"{n}=" for n in range(100)), "too many"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_response_that_could_be_read_differently_is_none(name: str) -> None:
    query, reason = UNUSABLE[name]

    found = parse_redirect(query)

    assert isinstance(found, str)
    assert reason in found


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_any_query_is_a_response_or_a_reason_in_our_own_words(query: str) -> None:
    found = parse_redirect(query)

    assert isinstance(found, CodeResponse | ErrorResponse) or found.isascii()


@pytest.mark.parametrize("sends_iss", [False, True])
@pytest.mark.parametrize(
    "iss",
    [
        ISSUER + "/",
        ISSUER.upper(),
        "https://login.example.com/realms/%C3%A9",
        "https://login.example.com/realms/e\u0301",
        "https://evil.example",
        "",
    ],
)
def test_another_issuer_is_refused_whether_the_server_announces_it_or_not(
    iss: str, sends_iss: bool
) -> None:
    """9207.1: compared character by character."""
    assert check_iss(iss, Endpoints(ISSUER, sends_iss=sends_iss)) == "iss names another issuer"


def test_the_issuer_may_be_missing_only_where_it_is_not_announced() -> None:
    """9207.2."""
    assert check_iss(ISSUER, Endpoints(ISSUER, sends_iss=True)) is None
    assert check_iss(ISSUER, Endpoints(ISSUER)) is None
    assert check_iss(None, Endpoints(ISSUER)) is None
    missing = check_iss(None, Endpoints(ISSUER, sends_iss=True))
    assert missing == "iss is missing, although the issuer sends it"


@pytest.mark.parametrize("query", ["code=a&state=s%C3%A9", "error=x&state=s%C3%A9&iss=z"])
def test_a_response_to_another_request_is_refused(query: str) -> None:
    """6749.9."""
    response = parse_redirect(query)
    assert not isinstance(response, str)

    assert check_response(response, "s", Endpoints(ISSUER)) == "state is not that of the request"
    same_state = check_response(response, "sé", Endpoints(ISSUER))
    assert same_state == ("iss names another issuer" if "iss" in query else None)
