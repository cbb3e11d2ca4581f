"""The shape of how one route carries its requests, where that is not as for all others."""

from pydantic import Field

from gateway.settings.schema.types import (
    Count,
    Duration,
    DurationOrUnlimited,
    SizeOrUnlimited,
    Strict,
)


class RouteTimeoutsModel(Strict):
    """How long the requests of one route may take."""

    response: Duration | None = Field(
        default=None,
        description="Until the first byte of the answer; by default the upstream's.",
    )
    stall: Duration | None = Field(
        default=None,
        description="Without a byte of an answer that has begun; by default the upstream's.",
    )
    total: DurationOrUnlimited | None = Field(
        default=None,
        description="From the head to the end of the answer; by default `timeouts.total`.",
    )


class RouteLimitsModel(Strict):
    """How much one route takes."""

    body: SizeOrUnlimited | None = Field(
        default=None, description="A request body; by default `limits.body`."
    )
    body_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="What a client must send of a body in a second; by default `limits.body_rate`.",
    )
    read_rate: SizeOrUnlimited | None = Field(
        default=None,
        description="What a client must take of an answer in a second; by default "
        "`limits.read_rate`.",
    )
    requests: Count | None = Field(
        default=None, description="Requests under way at one time; by default as many as come."
    )
