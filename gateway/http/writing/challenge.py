"""Tell a client what kind of token would help (RFC 6750 §3, RFC 9470 §3, RFC 9728 §5.1)."""

from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.rules.step_up import StepUp

_REALM: Final = "gateway"

# RFC 6750 §3.1 and RFC 9470 §3 know few errors; the reason code in the body says it precisely.
# The status decides about the rest: 401 is invalid_token.
_ERRORS: Final = {
    Reason.TOKEN_REPEATED: "invalid_request",
    Reason.SCOPE_MISSING: "insufficient_scope",
    Reason.AUTHENTICATION_TOO_OLD: "insufficient_user_authentication",
    Reason.AUTHENTICATION_TOO_WEAK: "insufficient_user_authentication",
}


def render_challenge(
    reason: Reason, scopes: tuple[str, ...], metadata_url: str | None, step_up: StepUp | None
) -> str | None:
    """Return the challenge, or None where another token would not help.

    *scopes*, *metadata_url* and *step_up* are the route's. The value of every parameter is
    ASCII without quotation marks and backslashes, which is checked where they are loaded.
    """
    error = _ERRORS.get(reason, "invalid_token" if reason.status == 401 else None)
    if error is None:
        return None
    parameters = [("realm", _REALM)]
    # §3.1: no error code for a request that did not try to authenticate.
    if reason is not Reason.TOKEN_MISSING:
        parameters += [("error", error), ("error_description", reason.title)]
    # All that the route asks for at once: a client should have to come back only once.
    if scopes:
        parameters.append(("scope", " ".join(scopes)))
    if step_up is not None and error == "insufficient_user_authentication":
        parameters += _step_up_parameters(step_up)
    if metadata_url is not None:
        parameters.append(("resource_metadata", metadata_url))
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters)


def _step_up_parameters(step_up: StepUp) -> list[tuple[str, str]]:
    parameters = []
    if step_up.acr_values:
        parameters.append(("acr_values", " ".join(step_up.acr_values)))
    if step_up.max_age_seconds is not None:
        parameters.append(("max_age", str(step_up.max_age_seconds)))
    return parameters
