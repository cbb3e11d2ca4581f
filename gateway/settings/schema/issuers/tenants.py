"""The schema of the tenants of an issuer."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import FileText
from gateway.settings.schema.types import LIST, TEXT, Strict, Text, bad, text_or_list
from gateway.settings.text.fault import Code


def _any(value: str) -> str:
    if value != "any":
        raise bad(Code.WRONG_TYPE, "expected a list of tenants, or the word any")
    return value


class TenantsModel(Strict):
    """The tenants whose tokens are accepted; it has either `allow` or `allow_file`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["allow"]}, {"required": ["allow_file"]}]}
    )

    claim: Text = Field(default="tid", description="The claim that must equal the tenant in `iss`.")
    allow: (
        Annotated[
            Annotated[Annotated[list[Text], Field(min_length=1)], Tag(LIST)]
            | Annotated[
                Annotated[str, AfterValidator(_any), WithJsonSchema({"const": "any"})], Tag(TEXT)
            ],
            Discriminator(text_or_list),
        ]
        | None
    ) = Field(default=None, description="The accepted tenants, or `any`.")
    allow_file: FileText | None = Field(
        default=None,
        description="A file with the accepted tenants, one a line; # begins a comment.",
    )
