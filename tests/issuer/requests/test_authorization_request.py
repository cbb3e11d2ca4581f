"""Authorization requests, without a socket."""

from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.clients import development_clients
from gateway.issuer.requests.authorization_request import (
    AuthorizationRequest,
    RefusedAuthorization,
    read_authorization_request,
)
from gateway.issuer.requests.parameters import read_parameters
from tests.issuer.running import CALLBACK, authorize_target

CLIENTS = development_clients(generate_private_key(SECP256R1()).public_key())
VALID = dict(parse_qsl(authorize_target().partition("?")[2]))


def read_pairs(sent: list[tuple[str, str]]) -> AuthorizationRequest | RefusedAuthorization:
    return read_authorization_request(read_parameters(sent), CLIENTS)


def read(**changed: str) -> AuthorizationRequest | RefusedAuthorization:
    return read_pairs(list((VALID | changed).items()))


def test_a_valid_request_is_read_whole() -> None:
    request = read(
        nonce="n",
        prompt="login consent",
        max_age="0",
        acr_values="b a",
        login_hint="bob",
        resource="https://api.example",
        expires_in="5",
    )

    assert isinstance(request, AuthorizationRequest)
    assert request.client is CLIENTS["web"]
    assert (request.redirect_uri, request.state, request.nonce) == (CALLBACK, "the state", "n")
    assert request.wishes.scopes == ("openid", "profile", "orders:read")
    assert request.wishes.audiences == ("https://api.example",)
    assert request.wishes.lifetime_seconds == 5
    assert request.prompts == {"login", "consent"}
    assert request.max_age_seconds == 0
    assert request.acr_values == ("b", "a")
    assert request.login_hint == "bob"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "a" * 42 + "="}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": "a  b"}, "invalid_scope"),
        ({"scope": "openid root"}, "invalid_scope"),
        ({"resource": "orders"}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"expires_in": "0"}, "invalid_request"),
        ({"nonce": "n" * 3000}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
    ],
)
def test_a_wrong_request_is_an_error_that_its_client_hears(
    changed: dict[str, str], error: str
) -> None:
    """7636.4; RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6."""
    refused = read(**changed)

    assert isinstance(refused, RefusedAuthorization)
    assert (refused.error.code, refused.redirect_uri) == (error, CALLBACK)
    assert refused.state == "the state"


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "code_challenge", "response_type"])
def test_a_repeated_parameter_is_an_error_that_its_client_hears(name: str) -> None:
    """RFC 6749 §3.1."""
    refused = read_pairs([*VALID.items(), (name, "a"), (name, "b")])

    assert isinstance(refused, RefusedAuthorization)
    assert (refused.error.code, refused.redirect_uri) == ("invalid_request", CALLBACK)
    assert refused.state == (None if name == "state" else "the state")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_who_asks_twice_where_to_go_is_sent_nowhere(name: str) -> None:
    refused = read_pairs([*VALID.items(), (name, VALID[name])])

    assert isinstance(refused, RefusedAuthorization)
    assert refused.redirect_uri is None


def test_a_device_cannot_use_this_flow() -> None:
    refused = read(client_id="tv")

    assert isinstance(refused, RefusedAuthorization)
    assert refused.redirect_uri is None


_NAMES = st.sampled_from(
    [*VALID, "nonce", "prompt", "max_age", "acr_values", "request", "resource"]
)
_VALUES = st.one_of(st.text(), st.sampled_from([*VALID.values(), "cli", "https://evil.example/"]))


@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=10), st.booleans())
def test_whatever_is_sent_nobody_goes_where_no_client_registered(
    sent: list[tuple[str, str]], begins_valid: bool
) -> None:
    """RFC 9700 §4.11.2: no open redirect, whatever else is wrong."""
    pairs = [*VALID.items(), *sent] if begins_valid else sent
    answer = read_pairs(pairs)

    if answer.redirect_uri is not None:
        assert any(client.allows_redirect(answer.redirect_uri) for client in CLIENTS.values())
    if isinstance(answer, AuthorizationRequest):
        assert len(answer.code_challenge) == 43
