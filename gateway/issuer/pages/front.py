"""The front page: who and what there is, for whoever opens the issuer in a browser."""

from collections.abc import Iterable, Mapping
from html import escape

from gateway.issuer.clients import Client
from gateway.issuer.pages.document import render_document
from gateway.issuer.personas import PERSONAS


def render_front(clients: Mapping[str, Client], endpoints: Mapping[str, str]) -> str:
    """Return the page; *endpoints* are URLs by what they are."""
    personas = [
        (persona.name, persona.claims["tenant"], ", ".join(persona.scopes) or "none")
        for persona in PERSONAS.values()
    ]
    known = [
        (client.client_id, _secret_of(client), ", ".join(sorted(map(_short, client.grant_types))))
        for client in clients.values()
    ]
    return render_document(
        "Development issuer",
        "<p>For development only. It gives tokens to anyone who asks, keeps its keys in memory and "
        "listens on loopback only. Never trust it from a gateway that guards something real.</p>\n"
        "<h2>Personas</h2>\n"
        + _table(("name", "tenant", "scopes"), personas)
        + "<h2>Clients</h2>\n"
        + _table(("client_id", "authentication", "grants"), known)
        + "<h2>Endpoints</h2>\n"
        + _table(("what", "where"), endpoints.items()),
        wide=True,
    )


def _secret_of(client: Client) -> str:
    if client.public_key is not None:
        return "private_key_jwt"
    return client.secret or "none, it is public"


def _short(grant_type: str) -> str:
    return grant_type.rpartition(":")[2]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td><code>{escape(cell)}</code></td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{heads}</tr>{lines}</table>\n"
