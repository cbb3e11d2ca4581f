"""The schema of `tracing`."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import CollectorUrl, FileText, VariableText
from gateway.settings.schema.types import Share, Strict, Text, bad
from gateway.settings.text.fault import Code


def _not_negative(value: int) -> int:
    if value < 0:
        raise bad(Code.BAD_VALUE, "this number must be at least 0")
    return value


CountOrZero = Annotated[
    int, AfterValidator(_not_negative), WithJsonSchema({"type": "integer", "minimum": 0})
]


class TracingModel(Strict):
    """Where spans are exported, and of which requests."""

    otlp: CollectorUrl = Field(
        description="The collector's URL for traces over OTLP/HTTP, with its path."
    )
    sample: Share = Field(
        default=0.01, description="The share of requests without a trace that are recorded: 0 to 1."
    )
    asked_per_second: CountOrZero = Field(
        default=100,
        description="Requests recorded per second because their traceparent asks for it.",
    )
    service_name: Text = Field(default="jwt-gateway", description="The service name in spans.")
    headers_env: VariableText | None = Field(
        default=None,
        description="The environment variable with header fields for the collector: name=value,…",
    )
    headers_file: FileText | None = Field(
        default=None, description="The file with these header fields, instead of a variable."
    )
