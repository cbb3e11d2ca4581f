"""The small pages."""

import pytest

from gateway.issuer.pages.messages import (
    render_error,
    render_logout_question,
    render_outcome,
    render_user_code_form,
)
from gateway.issuer.requests.parameters import OAuthError
from tests.issuer.running import read_form

HOSTILE = "<img src=x onerror=alert(1)>\"'"


@pytest.mark.parametrize(
    "page",
    [
        render_error(OAuthError(HOSTILE, HOSTILE)),
        render_outcome(HOSTILE, HOSTILE),
        render_user_code_form("/device", HOSTILE),
        render_logout_question("/logout/answer", HOSTILE, HOSTILE),
    ],
)
def test_everything_on_a_page_is_text(page: str) -> None:
    assert "<img" not in page
    assert "&lt;img" in page


def test_an_error_says_what_is_wrong_and_how_oauth_calls_it() -> None:
    page = render_error(OAuthError("invalid_request", "redirect_uri is missing"))

    assert "redirect_uri is missing" in page
    assert "invalid_request" in page


def test_a_logout_is_asked_with_a_token() -> None:
    assert read_form(render_logout_question("/logout/answer", "t", "Alice")) == (
        "/logout/answer",
        {"token": "t"},
    )
