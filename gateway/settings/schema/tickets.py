"""The schema of one-time tickets."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.routes.cors import CorsModel
from gateway.settings.schema.texts import PlainPath
from gateway.settings.schema.types import POSITIVE, UP_TO_5M, Duration, Strict, described

TicketLife = Annotated[
    Duration,
    WithJsonSchema({"type": "string", "pattern": f"{POSITIVE}{UP_TO_5M}", "examples": ["30s"]}),
]


class TicketsModel(Strict):
    """One-time tickets, for URLs of WebSockets and event streams."""

    path: PlainPath = Field(
        default="/gateway/ticket", description="Where tickets are issued, by POST, on every host."
    )
    lifetime: TicketLife = described("30s", "How long a ticket may be used; at most 5m.")
    cors: CorsModel | None = Field(
        default=None, description="Which pages of other origins may ask for a ticket."
    )
