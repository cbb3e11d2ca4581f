"""What follows an authorization request."""

import pytest

from gateway.issuer.clients import Client
from gateway.issuer.flows.next_step import NextStep, asked, next_step, preselected_acr
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.authorization_request import ACR_LEVELS, AuthorizationRequest
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import Wishes
from gateway.issuer.state.sessions import IssuerSession
from gateway.issuer.tokens.grant import Authentication

WEAK, STRONG = ACR_LEVELS
LOGGED_IN_AT = 1_000
NOW = 1_060


def wanted(
    prompts: str = "",
    max_age_seconds: int | None = None,
    acr_values: tuple[str, ...] = (),
    scopes: tuple[str, ...] = ("openid",),
) -> AuthorizationRequest:
    return AuthorizationRequest(
        client=Client("web", "The web", frozenset()),
        redirect_uri="http://localhost/oauth/callback",
        state=None,
        code_challenge="a" * 43,
        nonce=None,
        wishes=Wishes(scopes, (), None),
        prompts=frozenset(prompts.split()),
        max_age_seconds=max_age_seconds,
        acr_values=acr_values,
        login_hint=None,
        id_token_hint=None,
    )


def session(acr: str = WEAK) -> IssuerSession:
    login = Authentication(LOGGED_IN_AT, acr, "sid")
    consents = {"web": frozenset({"openid", "profile"})}
    return IssuerSession("key", PERSONAS["alice"], login, consents)


def name_of(step: NextStep | OAuthError) -> str:
    return step.value if isinstance(step, NextStep) else step.code


@pytest.mark.parametrize(
    ("request_", "acr", "with_page", "without"),
    [
        (wanted(), None, "ask", "login_required"),
        (wanted(), WEAK, "give code", "give code"),
        (wanted(max_age_seconds=60), WEAK, "give code", "give code"),
        (wanted(max_age_seconds=59), WEAK, "ask", "login_required"),
        (wanted(max_age_seconds=0), WEAK, "ask", "login_required"),
        (wanted(acr_values=(WEAK,)), WEAK, "give code", "give code"),
        (wanted(acr_values=(STRONG,)), WEAK, "ask", "login_required"),
        (wanted(acr_values=(STRONG, WEAK)), WEAK, "give code", "give code"),
        (wanted(acr_values=(WEAK,)), STRONG, "give code", "give code"),
        (wanted(acr_values=("urn:unknown",)), WEAK, "give code", "give code"),
        (wanted(scopes=("orders:read",)), WEAK, "ask", "consent_required"),
    ],
)
def test_what_follows_with_a_page_and_without(
    request_: AuthorizationRequest, acr: str | None, with_page: str, without: str
) -> None:
    """OpenID Connect Core §3.1.2.1, §3.1.2.3, §3.1.2.6."""
    here = None if acr is None else session(acr)
    silent = wanted(
        "none", request_.max_age_seconds, request_.acr_values, request_.wishes.scopes or ()
    )

    assert name_of(next_step(request_, here, None, NOW)) == with_page
    assert name_of(next_step(silent, here, None, NOW)) == without


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "login consent"])
def test_a_client_may_ask_for_the_page(prompt: str) -> None:
    assert next_step(wanted(prompt), session(), None, NOW) is NextStep.ASK


@pytest.mark.parametrize(("hinted", "step"), [("alice", "give code"), ("bob", "ask")])
def test_the_person_that_the_client_expects_is_the_one_it_gets(hinted: str, step: str) -> None:
    assert name_of(next_step(wanted(), session(), hinted, NOW)) == step


def test_without_scopes_all_of_the_person_are_asked_for() -> None:
    assert asked(Wishes(None, (), None), PERSONAS["bob"]) == set(PERSONAS["bob"].scopes)


@pytest.mark.parametrize(
    ("acr_values", "preselected"),
    [((), WEAK), ((STRONG, WEAK), STRONG), (("urn:unknown", STRONG), STRONG), (("x",), WEAK)],
)
def test_the_first_level_that_is_known_is_preselected(
    acr_values: tuple[str, ...], preselected: str
) -> None:
    assert preselected_acr(acr_values) == preselected
