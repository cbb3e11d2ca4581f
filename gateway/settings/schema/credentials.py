"""The schema of an upstream's credentials: access tokens that the gateway gets for it."""

from typing import Literal

from pydantic import ConfigDict, Field

from gateway.settings.schema.clients import CLIENT_RULE, ClientModel
from gateway.settings.schema.texts import Reference, SafeUrl
from gateway.settings.schema.tls import FetchTlsModel
from gateway.settings.schema.types import Duration, Scope, Strict, Text, described


class TokenClientModel(ClientModel):
    """A client of an authorization server, and the token that it asks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                CLIENT_RULE,
                {"oneOf": [{"required": ["issuer"]}, {"required": ["token_url"]}]},
                {"properties": {"client_auth": {"not": {"const": "none"}}}},
            ],
            "dependentRequired": {"tls": ["token_url"]},
        }
    )

    issuer: Reference | None = Field(
        default=None, description="The issuer to ask, by name; one with `discovery`."
    )
    token_url: SafeUrl | None = Field(
        default=None, description="Instead of `issuer`: the URL of the token endpoint."
    )
    tls: FetchTlsModel | None = Field(
        default=None, description="With `token_url`: whose certificates are trusted."
    )
    scopes: list[Scope] | None = Field(
        default=None,
        min_length=1,
        description="The scopes to ask for; by default the server's.",
        examples=[["orders:read"]],
    )
    audience: Text | None = Field(
        default=None,
        description="The service to ask for, as the server names it.",
        examples=["orders"],
    )
    resource: Text | None = Field(
        default=None,
        description="The service to ask for, as an absolute URI (RFC 8707).",
        examples=["https://orders.internal"],
    )
    timeout: Duration = described(
        "5s", "How long the server may take, and a request waits for a token."
    )


class TokenExchangeModel(TokenClientModel):
    """The exchange of the caller's token for one of the service (RFC 8693)."""

    requested_token_type: Literal["access_token", "jwt"] = Field(
        default="access_token", description="The type of token to ask for."
    )
    actor: Literal["none"] = Field(
        default="none", description="Who acts for the caller: no actor token is sent."
    )


class CredentialsModel(Strict):
    """The access token that a service gets instead of what the client sent; exactly one."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("client_credentials", "token_exchange")]
        }
    )

    client_credentials: TokenClientModel | None = Field(
        default=None, description="A token of the gateway's own (RFC 6749 section 4.4)."
    )
    token_exchange: TokenExchangeModel | None = Field(
        default=None, description="A token for the caller, by exchange of theirs (RFC 8693)."
    )

    @property
    def issuer(self) -> str | None:
        """Return the issuer that is asked, by name."""
        asked = self.client_credentials or self.token_exchange
        return None if asked is None else asked.issuer
