"""The schema of a route's rewrites."""

from pydantic import ConfigDict, Field

from gateway.settings.schema.texts import CutText, FieldText, NewPrefix, OwnField
from gateway.settings.schema.types import Strict, Text


class ReplacedPrefixModel(Strict):
    """A path prefix, and its replacement."""

    from_: CutText = Field(alias="from", description="The prefix of every path of the route.")
    to: NewPrefix = Field(description="The prefix that the service receives instead.")


class FieldEditsModel(Strict):
    """Header fields to set, and to remove."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    set_: dict[FieldText, str] | None = Field(
        default=None,
        alias="set",
        min_length=1,
        description="Values by name; they replace all fields of that name.",
        examples=[{"X-Source": "gateway"}],
    )
    remove: list[FieldText] | None = Field(
        default=None, min_length=1, description="Names; any spelling of them is removed."
    )


class RequestEditsModel(FieldEditsModel):
    """Header fields of requests to set, and to remove."""

    set_: dict[OwnField, str] | None = Field(
        default=None,
        alias="set",
        min_length=1,
        description="Values by name; they replace all fields of that name.",
        examples=[{"X-Source": "gateway"}],
    )


class QueryEditsModel(Strict):
    """Query parameters to set, and to remove."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    set_: dict[Text, str] | None = Field(
        default=None,
        alias="set",
        min_length=1,
        description="Values by name, not yet encoded; appended to the query.",
        examples=[{"source": "gateway"}],
    )
    remove: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Names; all parameters of that name are removed.",
        examples=[["debug"]],
    )


class RewriteModel(Strict):
    """What one route changes; at most one of strip_prefix and replace_prefix."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "not": {"required": ["strip_prefix", "replace_prefix"]},
        }
    )

    strip_prefix: CutText | None = Field(default=None, description="The path prefix to remove.")
    replace_prefix: ReplacedPrefixModel | None = Field(
        default=None,
        description="The path prefix to replace, and its replacement.",
        examples=[{"from": "/api", "to": "/v2"}],
    )
    host: Text = Field(
        default="keep",
        description="The Host to send: `keep`, `upstream` (the server's own name), or a name.",
    )
    request_headers: RequestEditsModel | None = Field(
        default=None,
        description="Header fields of requests.",
        examples=[{"set": {"X-Source": "gateway"}}],
    )
    answer_headers: FieldEditsModel | None = Field(
        default=None, description="Header fields of responses.", examples=[{"remove": ["Server"]}]
    )
    query: QueryEditsModel | None = Field(
        default=None, description="Query parameters.", examples=[{"remove": ["debug"]}]
    )
