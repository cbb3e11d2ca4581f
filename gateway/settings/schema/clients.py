"""The schema of a client of an authorization server."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import FileText
from gateway.settings.schema.types import Strict, Text

# A secret is never written in the file: only the name of the variable that holds it.
SecretReference = Annotated[
    Text, WithJsonSchema({"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"})
]


def _has_none_of(*keys: str) -> JsonDict:
    return {"not": {"anyOf": [{"required": [key]} for key in keys]}}


_SECRETS = ("client_secret", "client_secret_file")

# What each `client_auth` needs, and what it does not use.
CLIENT_RULE: JsonDict = {
    "oneOf": [
        {
            "properties": {"client_auth": {"enum": ["basic", "post"]}},
            "oneOf": [{"required": [key]} for key in _SECRETS],
            **_has_none_of("client_key_file"),
        },
        {
            "properties": {"client_auth": {"const": "private_key_jwt"}},
            "required": ["client_auth", "client_key_file"],
            **_has_none_of(*_SECRETS),
        },
        {
            "properties": {"client_auth": {"const": "none"}},
            "required": ["client_auth"],
            **_has_none_of(*_SECRETS, "client_key_file"),
        },
    ]
}


class ClientModel(Strict):
    """A client as it is registered at an authorization server, and how it authenticates."""

    model_config = ConfigDict(json_schema_extra={"allOf": [CLIENT_RULE]})

    client_id: Text = Field(
        description="The client ID, as registered at the issuer.", examples=["gateway"]
    )
    client_auth: Literal["basic", "post", "private_key_jwt", "none"] = Field(
        default="basic", description="How the client authenticates at the issuer."
    )
    client_secret: SecretReference | None = Field(
        default=None,
        description="For basic and post: ${NAME} of the client secret.",
        examples=["${CLIENT_SECRET}"],
    )
    client_secret_file: FileText | None = Field(
        default=None, description="For basic and post: the file with the client secret."
    )
    client_key_file: FileText | None = Field(
        default=None,
        description="For private_key_jwt: PEM file of a private key, P-256 or Ed25519.",
    )
