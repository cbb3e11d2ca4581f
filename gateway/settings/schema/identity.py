"""The shape of the section about assertions: what the gateway signs about callers."""

from pydantic import Field

from gateway.settings.schema.types import (
    Duration,
    Strict,
    Text,
    described,
)

DEFAULT_HEADER = "X-Gateway-Assertion"

DEFAULT_CLAIMS = {
    "sub": "sub",
    "client_id": "client_id",
    "scope": "scope",
    "token_issuer": "iss",
}


class AssertionModel(Strict):
    """A short-lived JWT of the gateway's own that services can verify."""

    issuer: Text = Field(description="What stands in `iss`: the gateway's own name, often a URL.")
    keys: list[Text] = Field(
        min_length=1,
        description="PEM files of private keys, P-256 or Ed25519; the first one signs, "
        "and all are published.",
    )
    header: Text = Field(
        default=DEFAULT_HEADER, description="The field that services receive it in."
    )
    lifetime: Duration = described(
        "60s", "How long it is valid, from 5s to 10m; never longer than the token."
    )
    claims: dict[Text, Text] = Field(
        default=DEFAULT_CLAIMS,
        description="Name of a claim to the token's claim it is from; replaces the default ones.",
    )
    jwks_path: Text = Field(
        default="/.well-known/jwks.json",
        description="Where the data port publishes the public keys, on every host.",
    )


DEFAULT_IDENTITY = {
    "X-Gateway-Subject": "sub",
    "X-Gateway-Issuer": "iss",
    "X-Gateway-Client": "client_id",
    "X-Gateway-Scopes": "scope",
    "X-Gateway-Token-Id": "jti",
}


class IdentityModel(Strict):
    """What services receive about the caller."""

    headers: dict[str, Text] = Field(
        default=DEFAULT_IDENTITY, description="Header name to claim; replaces the default names."
    )
    forward_token: bool = Field(
        default=False, description="Whether services also receive the bearer token itself."
    )
    assertion: AssertionModel | None = Field(
        default=None, description="A signed token of the gateway's own about the caller."
    )
