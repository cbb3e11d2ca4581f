"""The schema of a client of an authorization server."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import Strict, Text

# A secret is never written in the file: only the name of the variable that holds it.
SecretReference = Annotated[
    Text, WithJsonSchema({"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"})
]


class ClientModel(Strict):
    """A client as it is registered at an authorization server, and how it authenticates."""

    client_id: Text = Field(description="The client ID, as registered at the issuer.")
    client_auth: Literal["basic", "post", "private_key_jwt", "none"] = Field(
        default="basic", description="How the client authenticates at the issuer."
    )
    client_secret: SecretReference | None = Field(
        default=None, description="For basic and post: ${NAME} of the client secret."
    )
    client_secret_file: Text | None = Field(
        default=None, description="For basic and post: the file with the client secret."
    )
    client_key_file: Text | None = Field(
        default=None,
        description="For private_key_jwt: PEM file of a private key, P-256 or Ed25519.",
    )
