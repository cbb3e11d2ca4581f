"""The schema of what an issuer's tokens must be besides valid."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gateway.settings.schema.claims import ClaimsModel
from gateway.settings.schema.types import TABLE, TEXT, Strict, Text, text_or_table

Signal = Literal["nonce", "at_hash", "c_hash", "token_use", "typ", "azp"]


class IssuerRequireModel(Strict):
    """What every token of an issuer must have, on every route."""

    claims: ClaimsModel = Field(
        description="Tests by claim, as in `require` of a route, without path variables."
    )


class ScopeSourceModel(Strict):
    """A claim whose items are scopes, with a prefix of their own."""

    claim: Text = Field(description="The claim; dots walk nested claims.")
    prefix: Text = Field(description="What each scope from it begins with, e.g. `role:`.")


ScopeSourceTerm = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[ScopeSourceModel, Tag(TABLE)],
    Discriminator(text_or_table),
]
