"""The shape of a protected resource in a configuration file."""

from pydantic import Field

from gateway.settings.schema.types import Scope, Strict, Text


class ResourceModel(Strict):
    """What clients are told about a part of the API, so that they find their way (RFC 9728)."""

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
        description="The scopes it speaks of; by default those of its routes.",
    )
    name: Text | None = Field(default=None, description="What people call it.")
    documentation: Text | None = Field(
        default=None, description="The URL of a page for developers."
    )
