"""Clients of authorization servers, and how they authenticate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from gateway.settings.values.signing_key import SigningKey


class ClientAuthentication(Enum):
    """How a client authenticates at an endpoint (RFC 6749 §2.3, RFC 7523 §2.2)."""

    NONE = "none"
    BASIC = "basic"
    POST = "post"
    PRIVATE_KEY_JWT = "private_key_jwt"

    @property
    def registered_name(self) -> str:
        """Return the name that metadata and registrations use (RFC 7591 §2, RFC 8414 §2)."""
        return _REGISTERED_NAMES[self]


_REGISTERED_NAMES: Final[Mapping[ClientAuthentication, str]] = {
    ClientAuthentication.NONE: "none",
    ClientAuthentication.BASIC: "client_secret_basic",
    ClientAuthentication.POST: "client_secret_post",
    ClientAuthentication.PRIVATE_KEY_JWT: "private_key_jwt",
}


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client as it is registered at an issuer; *secret* or *key* according to *method*."""

    client_id: str
    method: ClientAuthentication
    secret: str | None = field(default=None, repr=False)
    key: SigningKey | None = field(default=None, repr=False)
