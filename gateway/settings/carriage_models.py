"""The shape of how one route carries its requests, where that is not as for all others."""

from pydantic import Field

from gateway.settings.types import Count, Duration, DurationOrUnlimited, SizeOrUnlimited, Strict


class RouteTimeoutsModel(Strict):
    """How long the requests of one route may take."""

    response: Duration | None = Field(
        default=None,
        description="Until the first byte of the answer; by default the upstream's.",
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
    requests: Count | None = Field(
        default=None, description="Requests under way at one time; by default as many as come."
    )
