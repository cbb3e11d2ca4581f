"""The schema of one-time tickets."""

from pydantic import Field

from gateway.settings.schema.routes.cors import CorsModel
from gateway.settings.schema.types import Duration, Strict, Text, described


class TicketsModel(Strict):
    """One-time tickets, for URLs of WebSockets and event streams."""

    path: Text = Field(
        default="/gateway/ticket", description="Where tickets are issued, by POST, on every host."
    )
    lifetime: Duration = described("30s", "How long a ticket may be used; at most 5m.")
    cors: CorsModel | None = Field(
        default=None, description="Which pages of other origins may ask for a ticket."
    )
