"""The schema of a route's CORS options."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import OriginText, Unique
from gateway.settings.schema.types import TOKEN, Method, Strict, WholeSeconds, bad
from gateway.settings.text.fault import Code

# Browsers cache a preflight response for at most two hours, some for less.
DEFAULT_MAX_AGE_SECONDS = 600
DEFAULT_HEADERS = ("Authorization", "Content-Type")
DEFAULT_EXPOSED = ("WWW-Authenticate", "X-Request-Id", "Retry-After")


def _field_name(value: str) -> str:
    if not TOKEN.fullmatch(value) or value == "*":
        raise bad(Code.BAD_VALUE, "not a header field name")
    return value


FieldName = Annotated[
    str,
    AfterValidator(_field_name),
    WithJsonSchema({"type": "string", "pattern": "^(?!\\*$)[A-Za-z0-9!#$%&'*+.^_`|~-]+$"}),
]


class CorsModel(Strict):
    """Which pages may read the responses of one route, and what they may send."""

    origins: Unique[OriginText] = Field(
        description="Origins as browsers write them; https://*.example.com, null, or * for all.",
    )
    methods: Unique[Method] | None = Field(
        default=None, description="Methods; by default all methods of the route."
    )
    headers: list[FieldName] | None = Field(
        default=None,
        min_length=1,
        description="Header fields that pages may send; by default Authorization and Content-Type.",
        examples=[["Authorization", "Content-Type"]],
    )
    expose: list[FieldName] | None = Field(
        default=None,
        min_length=1,
        description="Response fields that pages may read besides the safelisted ones; by default"
        " WWW-Authenticate, X-Request-Id and Retry-After.",
        examples=[["X-Request-Id"]],
    )
    credentials: bool = Field(
        default=False, description="Whether browsers send cookies; not needed for tokens."
    )
    max_age: WholeSeconds | None = Field(
        default=None, description="How long browsers may cache a preflight; by default 10m."
    )
