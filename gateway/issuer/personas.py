"""The personas of the development issuer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Persona:
    """One person, with the client that requests tokens on their behalf.

    *claims* are added to the registered ones in every token. *client_secret* is public: the issuer
    is bound to loopback and protects nothing.
    """

    name: str
    subject: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]
    claims: Mapping[str, str]


def _persona(name: str, tenant: str, *scopes: str) -> Persona:
    return Persona(
        name=name,
        subject=name,
        # Not the subject: services must be able to distinguish them (RFC 9068 §5).
        client_id=f"{name}-client",
        client_secret=f"{name}-secret",
        scopes=scopes,
        claims=MappingProxyType({"tenant": tenant}),
    )


PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {
        persona.name: persona
        for persona in (
            _persona("alice", "acme", "orders:read", "invoices:read"),
            _persona("bob", "acme", "orders:read", "orders:write"),
            _persona("carol", "globex", "orders:admin", "invoices:read"),
            _persona("mallory", "umbrella"),
        )
    }
)

_BY_CLIENT_ID = {persona.client_id: persona for persona in PERSONAS.values()}


def find_persona(client_id: str) -> Persona | None:
    """Return the persona whose client is *client_id*."""
    return _BY_CLIENT_ID.get(client_id)


def all_scopes() -> tuple[str, ...]:
    """Return every scope that some persona holds, sorted."""
    return tuple(sorted({scope for persona in PERSONAS.values() for scope in persona.scopes}))
