"""The clients, and where they may be sent back to."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.clients import GRANT_TYPES, development_clients
from gateway.issuer.personas import PERSONAS

CLIENTS = development_clients(generate_private_key(SECP256R1()).public_key())
WEB, CLI = CLIENTS["web"], CLIENTS["cli"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:8080/oauth/callback",
        "http://localhost/oauth/callback",
        "http://127.0.0.1:1/oauth/callback",
        "http://[::1]:65535/oauth/callback",
        "https://localhost:8443/oauth/callback",
    ],
)
def test_any_port_of_this_machine_matches(uri: str) -> None:
    """8252.2."""
    assert WEB.allows_redirect(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/oauth/callback",
        "http://localhost:8080/oauth/callback/",
        "http://localhost:8080/oauth/callback?x",
        "http://localhost:8080/oauth/callback#x",
        "http://localhost:8080/oauth/../oauth/callback",
        "http://localhost:8080/oauth/%63allback",
        "http://LOCALHOST:8080/oauth/callback",
        "http://localhost:/oauth/callback",
        "http://localhost:x/oauth/callback",
        "http://localhost:123456/oauth/callback",
        "http://localhost:1@evil.example/oauth/callback",
        "http://evil.example/oauth/callback",
        "http://evil.example#http://localhost/oauth/callback",
        "http://localhost.evil.example/oauth/callback",
        "http://127.0.0.2/oauth/callback",
        "http://localhost:8080\\@evil.example/oauth/callback",
        "http://localhost:8080/oauth/callback\n",
        "javascript:alert(1)",
    ],
)
def test_everything_else_is_compared_character_by_character(uri: str) -> None:
    """8252.2; RFC 9700 §4.1.3."""
    assert not WEB.allows_redirect(uri)


@given(st.text(), st.sampled_from(["http://localhost:8080", "http://127.0.0.1", ""]))
def test_what_is_not_registered_is_not_allowed(rest: str, origin: str) -> None:
    allowed = WEB.allows_redirect(origin + rest)

    assert allowed is (bool(origin) and rest == "/oauth/callback")


def test_no_client_gets_what_another_registered() -> None:
    assert not CLI.allows_redirect("http://localhost:8080/oauth/callback")
    assert CLI.allows_redirect("http://127.0.0.1:50123/callback")
    assert not CLIENTS["tv"].allows_redirect("http://127.0.0.1:50123/callback")
    assert not CLIENTS["alice-client"].allows_redirect("")


def test_after_a_logout_the_browser_goes_where_the_client_registered() -> None:
    assert WEB.allows_redirect_after_logout("http://localhost:8080/app/")
    assert not WEB.allows_redirect_after_logout("http://localhost:8080/oauth/callback")


def test_the_end_of_a_login_is_announced_where_it_came_back_to() -> None:
    """Only ever on this machine: the address is that of a registered redirect URI."""
    redirect_uri = "http://localhost:8123/oauth/callback"
    assert WEB.backchannel_logout_uri(redirect_uri) == (
        "http://localhost:8123/oauth/backchannel-logout"
    )
    assert WEB.backchannel_logout_uri("https://elsewhere.example/oauth/callback") is None
    assert CLI.backchannel_logout_uri("http://127.0.0.1:50123/callback") is None


def test_there_is_a_client_of_every_kind() -> None:
    granted = {grant_type for client in CLIENTS.values() for grant_type in client.grant_types}

    assert granted == set(GRANT_TYPES)
    assert {client.client_id for client in CLIENTS.values() if client.is_public} == {"cli", "tv"}
    assert [client for client in CLIENTS.values() if client.public_key] == [CLIENTS["jobs"]]


def test_no_client_is_a_person() -> None:
    """RFC 9068 §5: a service must be able to tell the subject of a client from a person's."""
    assert set(CLIENTS).isdisjoint(PERSONAS)


def test_a_secret_does_not_show_in_a_repr() -> None:
    assert "web-secret" not in repr(WEB)
