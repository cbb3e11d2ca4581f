"""The shape of what a route changes of its requests and answers."""

from pydantic import ConfigDict, Field

from gateway.settings.schema.types import Strict, Text


class ReplacedPrefixModel(Strict):
    """The beginning of a path, and what is sent in its place."""

    from_: Text = Field(alias="from", description="How every path of the route begins.")
    to: Text = Field(description="How the service's paths begin.")


class FieldEditsModel(Strict):
    """Header fields to set, and to remove."""

    set_: dict[Text, str] | None = Field(
        default=None,
        alias="set",
        min_length=1,
        description="Values by name; there is no other field of that name then.",
    )
    remove: list[Text] | None = Field(
        default=None, min_length=1, description="Names, in whatever spelling they come."
    )


class QueryEditsModel(Strict):
    """Query parameters to set, and to remove."""

    set_: dict[Text, str] | None = Field(
        default=None,
        alias="set",
        min_length=1,
        description="Values by name, as a person would write them; behind all others.",
    )
    remove: list[Text] | None = Field(
        default=None, min_length=1, description="Names; every parameter so named goes."
    )


class RewriteModel(Strict):
    """What one route changes; at most one of strip_prefix and replace_prefix."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "not": {"required": ["strip_prefix", "replace_prefix"]},
        }
    )

    strip_prefix: Text | None = Field(
        default=None, description="The beginning of the path that the service does not get."
    )
    replace_prefix: ReplacedPrefixModel | None = Field(
        default=None, description="The beginning of the path, and what the service gets for it."
    )
    host: Text = Field(
        default="keep",
        description="The service's Host: `keep`, `upstream` (the server's own name), or a name.",
    )
    request_headers: FieldEditsModel | None = Field(
        default=None, description="Header fields of requests."
    )
    answer_headers: FieldEditsModel | None = Field(
        default=None, description="Header fields of the service's answers."
    )
    query: QueryEditsModel | None = Field(default=None, description="Query parameters.")
