"""The front page."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.issuer.clients import development_clients
from gateway.issuer.pages.front import render_front
from gateway.issuer.personas import PERSONAS

CLIENTS = development_clients(generate_private_key(SECP256R1()).public_key())


def test_the_page_lists_every_persona_client_and_endpoint() -> None:
    page = render_front(CLIENTS, {"metadata": "http://127.0.0.1:9000/x", "<b>": "<i>"})

    for name in (*PERSONAS, *CLIENTS, "web-secret", "none, it is public", "private_key_jwt"):
        assert f"<code>{name}</code>" in page
    assert "http://127.0.0.1:9000/x" in page
    assert "<b>" not in page
    assert "For development only" in page
