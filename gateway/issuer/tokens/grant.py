"""What a token is about: who granted what, to which client."""

from dataclasses import dataclass

from gateway.issuer.personas import Persona


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a person logged in: when (seconds since the epoch), how strongly, in which session."""

    at_seconds: int
    acr: str
    sid: str

    def claims(self) -> dict[str, object]:
        """Return the claims that tell of it (OpenID Connect Core §2, RFC 9068 §2.2.1)."""
        return {"auth_time": self.at_seconds, "acr": self.acr, "sid": self.sid}


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant: to which client, for whom, for which audiences and scopes, for how long.

    *authentication* is None if no person took part. *nonce* is the one of the authorization
    request.
    """

    client_id: str
    persona: Persona
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    lifetime_seconds: int
    authentication: Authentication | None = None
    nonce: str | None = None
