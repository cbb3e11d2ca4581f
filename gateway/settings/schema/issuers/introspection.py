"""The schema of introspection: how an issuer is asked about its tokens."""

from typing import Literal

from pydantic import Field

from gateway.settings.schema.clients import ClientModel
from gateway.settings.schema.texts import UrlText
from gateway.settings.schema.types import Duration, DurationOrZero, described


class IntrospectionModel(ClientModel):
    """How an issuer is asked about each token: as which client, and how long its answer counts."""

    url: UrlText | None = Field(
        default=None, description="Where to ask; by default as the issuer's metadata say."
    )
    response: Literal["json", "jwt"] = Field(
        default="json", description="jwt: answers are signed with the issuer's keys (RFC 9701)."
    )
    cache: DurationOrZero = described(
        "60s", "An answer counts at most this long, and never beyond exp; 0s asks each time."
    )
    timeout: Duration = described("5s", "The timeout of one question.")
