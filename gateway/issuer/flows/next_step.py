"""What follows a valid authorization request: a code at once, a page, or an error."""

from enum import Enum

from gateway.issuer.personas import Persona
from gateway.issuer.requests.authorization_request import ACR_LEVELS, AuthorizationRequest
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import Wishes
from gateway.issuer.state.sessions import IssuerSession
from gateway.issuer.tokens.grant import Authentication


class NextStep(Enum):
    """Give a code without a page, or show the page."""

    GIVE_CODE = "give code"
    ASK = "ask"


def next_step(
    request: AuthorizationRequest,
    session: IssuerSession | None,
    hinted_subject: str | None,
    now_seconds: float,
) -> NextStep | OAuthError:
    """Return what follows *request* in the browser of *session* (OpenID Connect Core §3.1.2.3).

    *hinted_subject* is whom the client expects, by ``id_token_hint``. With ``prompt=none`` there
    is never a page, but an error that says which one it would be (§3.1.2.6).
    """
    is_silent = "none" in request.prompts
    if session is None or not _is_good_enough(request, session, hinted_subject, now_seconds):
        if is_silent:
            return OAuthError("login_required", "somebody has to log in first")
        return NextStep.ASK
    if not session.has_consented(request.client.client_id, asked(request.wishes, session.persona)):
        if is_silent:
            return OAuthError("consent_required", "somebody has to allow it first")
        return NextStep.ASK
    return NextStep.ASK if request.prompts - {"none"} else NextStep.GIVE_CODE


def asked(wishes: Wishes, persona: Persona) -> frozenset[str]:
    """Return the scopes that *persona* is asked for."""
    return frozenset(persona.scopes if wishes.scopes is None else wishes.scopes)


def preselected_acr(acr_values: tuple[str, ...]) -> str:
    """Return the first of *acr_values*, in the client's order of preference, that is known."""
    return next((value for value in acr_values if value in ACR_LEVELS), ACR_LEVELS[0])


def _is_good_enough(
    request: AuthorizationRequest,
    session: IssuerSession,
    hinted_subject: str | None,
    now_seconds: float,
) -> bool:
    if hinted_subject not in (None, session.persona.subject):
        return False
    return _is_recent(request, session.authentication, now_seconds) and _is_strong(
        request.acr_values, session.authentication.acr
    )


def _is_recent(
    request: AuthorizationRequest, authentication: Authentication, now_seconds: float
) -> bool:
    if request.max_age_seconds is None:
        return True
    # Zero is the same as prompt=login (OpenID Connect Core §3.1.2.1).
    age_seconds = now_seconds - authentication.at_seconds
    return request.max_age_seconds > 0 and age_seconds <= request.max_age_seconds


def _is_strong(acr_values: tuple[str, ...], acr: str) -> bool:
    known = [ACR_LEVELS.index(value) for value in acr_values if value in ACR_LEVELS]
    # Values that nobody here knows are wishes that cannot be met (§3.1.2.1: voluntary).
    return not known or ACR_LEVELS.index(acr) >= min(known)
