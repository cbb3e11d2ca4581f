"""A challenge says at once all that a token would have to bring."""

import pytest

from gateway.decision.reason import Reason
from gateway.decision.rules.step_up import StepUp
from gateway.http.writing.refusal import render_challenge

METADATA = "https://api.example.com/.well-known/oauth-protected-resource"
SCOPES = ("a:read", "b:write")
STEP_UP = StepUp(("gold", "silver"), 900)

WITH_A_CHALLENGE = [reason for reason in Reason if reason.status == 401] + [
    Reason.TOKEN_REPEATED,
    Reason.SCOPE_MISSING,
]


@pytest.mark.parametrize("reason", WITH_A_CHALLENGE)
def test_every_challenge_says_where_to_learn_about_tokens(reason: Reason) -> None:
    """9728.4."""
    challenge = render_challenge(reason, (), METADATA, None)

    assert challenge is not None
    assert challenge.endswith(f', resource_metadata="{METADATA}"')


@pytest.mark.parametrize("reason", WITH_A_CHALLENGE)
def test_every_challenge_names_all_scopes_of_the_route(reason: Reason) -> None:
    """6750.6, MCP.1."""
    challenge = render_challenge(reason, SCOPES, None, None)

    assert challenge is not None
    assert challenge.count('scope="') == challenge.count('scope="a:read b:write"') == 1


@pytest.mark.parametrize("reason", [one for one in Reason if one not in WITH_A_CHALLENGE])
def test_where_a_token_would_not_help_there_is_none(reason: Reason) -> None:
    assert render_challenge(reason, SCOPES, METADATA, STEP_UP) is None


@pytest.mark.parametrize("reason", [Reason.AUTHENTICATION_TOO_OLD, Reason.AUTHENTICATION_TOO_WEAK])
def test_a_step_up_names_all_that_the_authentication_has_to_be(reason: Reason) -> None:
    """9470.1, 9470.2."""
    challenge = render_challenge(reason, (), None, STEP_UP)

    assert challenge == (
        'Bearer realm="gateway", error="insufficient_user_authentication", '
        f'error_description="{reason.title}", acr_values="gold silver", max_age="900"'
    )


@pytest.mark.parametrize(
    ("step_up", "parameters"),
    [(StepUp(("gold",), None), 'acr_values="gold"'), (StepUp((), 0), 'max_age="0"')],
)
def test_a_step_up_names_nothing_else(step_up: StepUp, parameters: str) -> None:
    challenge = render_challenge(Reason.AUTHENTICATION_TOO_OLD, (), None, step_up)

    assert challenge is not None
    assert challenge.endswith(f'authentication is required", {parameters}')


def test_other_refusals_do_not_speak_of_the_authentication() -> None:
    challenge = render_challenge(Reason.TOKEN_EXPIRED, (), None, STEP_UP)

    assert challenge is not None
    assert "acr_values" not in challenge
    assert "max_age" not in challenge


def test_without_a_token_there_is_no_error() -> None:
    """6750.4."""
    assert render_challenge(Reason.TOKEN_MISSING, (), None, STEP_UP) == 'Bearer realm="gateway"'
