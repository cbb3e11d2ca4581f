"""Read an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.issuer.clients import AUTHORIZATION_CODE, Client
from gateway.issuer.requests.granting import find_unknown_scopes
from gateway.issuer.requests.parameters import OAuthError, Parameters
from gateway.issuer.requests.wishes import Wishes, read_wishes

PROMPTS = ("none", "login", "consent", "select_account")

# Weakest first. No password is asked for either: a page says which one to pretend.
ACR_LEVELS = ("urn:development:one-factor", "urn:development:two-factors")

# RFC 7636 §4.2: BASE64URL of a SHA-256.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_TEXT_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request: *client* wants a code sent to *redirect_uri*."""

    client: Client
    redirect_uri: str
    state: str | None = field(repr=False)
    code_challenge: str = field(repr=False)
    nonce: str | None = field(repr=False)
    wishes: Wishes
    prompts: frozenset[str]
    max_age_seconds: int | None
    acr_values: tuple[str, ...]
    login_hint: str | None
    id_token_hint: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusedAuthorization:
    """An invalid request; *redirect_uri* is None if only a page may say so (RFC 6749 §4.1.2.1)."""

    error: OAuthError
    redirect_uri: str | None = None
    state: str | None = field(default=None, repr=False)


def read_authorization_request(
    parameters: Parameters, clients: Mapping[str, Client]
) -> AuthorizationRequest | RefusedAuthorization:
    """Return the request, or why it is refused and where to say so.

    Nothing is ever sent to an address that is not registered for the client.
    """
    client = clients.get(parameters.get("client_id") or "")
    if client is None or "client_id" in parameters.repeated:
        return RefusedAuthorization(OAuthError("invalid_request", "client_id is not known"))
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or "redirect_uri" in parameters.repeated:
        return RefusedAuthorization(OAuthError("invalid_request", "redirect_uri is missing"))
    if not client.allows_redirect(redirect_uri):
        description = "redirect_uri is not registered for this client"
        return RefusedAuthorization(OAuthError("invalid_request", description))
    state = None if "state" in parameters.repeated else parameters.get("state")
    request = _read_rest(parameters, client, redirect_uri, state)
    if isinstance(request, OAuthError):
        return RefusedAuthorization(request, redirect_uri, state)
    return request


def _read_rest(
    parameters: Parameters, client: Client, redirect_uri: str, state: str | None
) -> AuthorizationRequest | OAuthError:
    error = parameters.repetition or _find_unsupported(parameters, client)
    if error is not None:
        return error
    challenge = _read_challenge(parameters)
    if isinstance(challenge, OAuthError):
        return challenge
    wishes = read_wishes(parameters)
    if isinstance(wishes, OAuthError):
        return wishes
    prompts = frozenset((parameters.get("prompt") or "").split())
    max_age = parameters.get("max_age")
    error = find_unknown_scopes(wishes) or _find_bad_prompt(prompts) or _find_bad_age(max_age)
    if error is not None:
        return error
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=state,
        code_challenge=challenge,
        nonce=parameters.get("nonce"),
        wishes=wishes,
        prompts=prompts,
        max_age_seconds=None if max_age is None else int(max_age),
        acr_values=tuple((parameters.get("acr_values") or "").split()),
        login_hint=parameters.get("login_hint"),
        id_token_hint=parameters.get("id_token_hint"),
    )


def _find_unsupported(parameters: Parameters, client: Client) -> OAuthError | None:
    if parameters.get("request") is not None:
        return OAuthError("request_not_supported", "request objects are not supported")
    if parameters.get("request_uri") is not None:
        return OAuthError("request_uri_not_supported", "push the request instead: RFC 9126")
    if AUTHORIZATION_CODE not in client.grant_types:
        return OAuthError("unauthorized_client", "the client may not use this flow")
    response_type = parameters.get("response_type")
    if response_type is None:
        return OAuthError("invalid_request", "response_type is missing")
    if response_type != "code":
        return OAuthError("unsupported_response_type", "only response_type=code is supported")
    if parameters.get("response_mode") not in (None, "query"):
        return OAuthError("invalid_request", "only response_mode=query is supported")
    for name in ("state", "nonce", "login_hint"):
        if len(parameters.get(name) or "") > _MAX_TEXT_CHARACTERS:
            return OAuthError(
                "invalid_request", f"{name} is longer than {_MAX_TEXT_CHARACTERS} characters"
            )
    return None


def _read_challenge(parameters: Parameters) -> str | OAuthError:
    challenge = parameters.get("code_challenge")
    if challenge is None:
        # RFC 7636 §4.4.1, RFC 9700 §2.1.1.
        return OAuthError("invalid_request", "code_challenge is required: PKCE with S256")
    if parameters.get("code_challenge_method") != "S256":
        return OAuthError("invalid_request", "only code_challenge_method=S256 is supported")
    if not _CHALLENGE.fullmatch(challenge):
        return OAuthError("invalid_request", "code_challenge is not a SHA-256 in base64url")
    return challenge


def _find_bad_prompt(prompts: frozenset[str]) -> OAuthError | None:
    if not prompts <= set(PROMPTS):
        return OAuthError("invalid_request", "prompt has a value that is not supported")
    if "none" in prompts and len(prompts) > 1:
        return OAuthError("invalid_request", "prompt=none stands alone")
    return None


def _find_bad_age(max_age: str | None) -> OAuthError | None:
    if max_age is None or re.fullmatch(r"[0-9]{1,9}", max_age):
        return None
    return OAuthError("invalid_request", "max_age is not a number of seconds")
