"""The shape of what a route says to browsers about pages of other origins."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import TOKEN, Method, Strict, Text, WholeSeconds, bad
from gateway.settings.text.fault import Code

# Browsers keep an answer for two hours at most, some of them for less.
DEFAULT_MAX_AGE_SECONDS = 600
DEFAULT_HEADERS = ("Authorization", "Content-Type")
DEFAULT_EXPOSED = ("WWW-Authenticate", "X-Request-Id", "Retry-After")


def _field_name(value: str) -> str:
    if not TOKEN.fullmatch(value) or value == "*":
        raise bad(Code.BAD_VALUE, "this is not the name of a header field")
    return value


FieldName = Annotated[
    str,
    AfterValidator(_field_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"}),
]


class CorsModel(Strict):
    """Which pages may read the answers of one route, and what they may send."""

    origins: list[Text] = Field(
        min_length=1,
        description="Origins as browsers write them; https://*.example.com, null, or * for all.",
    )
    methods: list[Method] | None = Field(
        default=None, min_length=1, description="Methods; by default every one of the route."
    )
    headers: list[FieldName] | None = Field(
        default=None,
        min_length=1,
        description="Header fields that pages may send; by default Authorization and Content-Type.",
    )
    expose: list[FieldName] | None = Field(
        default=None,
        min_length=1,
        description="Header fields of answers that pages may read, beside those all may; by default"
        " WWW-Authenticate, X-Request-Id and Retry-After.",
    )
    credentials: bool = Field(
        default=False, description="Whether browsers send cookies along; not needed for tokens."
    )
    max_age: WholeSeconds | None = Field(
        default=None, description="Browsers may keep what they were told so long; by default 10m."
    )
