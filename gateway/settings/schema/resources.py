"""The schema of a protected resource."""

from pydantic import Field

from gateway.settings.schema.texts import PageUrl, Reference, ResourceUrl, Unique
from gateway.settings.schema.types import Scope, Strict, Text


class ResourceModel(Strict):
    """Metadata about a part of the API, from which clients learn how to get a token (RFC 9728)."""

    resource: ResourceUrl = Field(
        description="Its identifier: an https URL; routes of its host below its path belong to it."
    )
    authorization_servers: Unique[Reference] | None = Field(
        default=None,
        description="Issuers by name; by default those with discovery that its routes accept.",
    )
    scopes: Unique[Scope] | None = Field(
        default=None,
        description="The scopes that it lists; by default those of its routes.",
        examples=[["orders:read"]],
    )
    name: Text | None = Field(default=None, description="A name for people.", examples=["Orders"])
    documentation: PageUrl | None = Field(
        default=None, description="The URL of a page for developers."
    )
