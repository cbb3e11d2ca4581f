"""The schema of a protected resource."""

from pydantic import Field

from gateway.settings.schema.types import Scope, Strict, Text


class ResourceModel(Strict):
    """Metadata about a part of the API, from which clients learn how to get a token (RFC 9728)."""

    resource: Text = Field(
        description="Its identifier: an https URL; routes of its host below its path belong to it."
    )
    authorization_servers: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Issuers by name; by default those with discovery that its routes accept.",
    )
    scopes: list[Scope] | None = Field(
        default=None,
        min_length=1,
        description="The scopes that it lists; by default those of its routes.",
    )
    name: Text | None = Field(default=None, description="A name for people.")
    documentation: Text | None = Field(
        default=None, description="The URL of a page for developers."
    )
