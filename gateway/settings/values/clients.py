"""Clients of authorization servers, and how they authenticate."""

from dataclasses import dataclass, field
from enum import Enum

from gateway.settings.values.signing_key import SigningKey


class ClientAuthentication(Enum):
    """How a client authenticates at an endpoint (RFC 6749 §2.3, RFC 7523 §2.2)."""

    NONE = "none"
    BASIC = "basic"
    POST = "post"
    PRIVATE_KEY_JWT = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client as it is registered at an issuer; *secret* or *key* according to *method*."""

    client_id: str
    method: ClientAuthentication
    secret: str | None = field(default=None, repr=False)
    key: SigningKey | None = field(default=None, repr=False)
