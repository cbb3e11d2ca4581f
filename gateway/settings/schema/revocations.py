"""The shape of a revocation list in a configuration file."""

from typing import Literal

from pydantic import ConfigDict, Field

from gateway.settings.schema.tls import FetchTlsModel
from gateway.settings.schema.types import Duration, DurationOrZero, Strict, Text, described

LIST_SOURCES = ("url", "file")


class RevocationModel(Strict):
    """A list of tokens that ended before their time; it has exactly one source."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [source]} for source in LIST_SOURCES]}
    )

    url: Text | None = Field(default=None, description="The URL of the list.")
    file: Text | None = Field(default=None, description="A file with the list.")
    issuers: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="Issuers whose tokens it speaks of; by default every one there is.",
    )
    fresh: Duration = described("30s", "The list is read again before it is this old.")
    stale: DurationOrZero = described(
        "5m", "While reading fails, the old list serves this much longer."
    )
    fetch_timeout: Duration = described("5s", "Reading it once may take this long.")
    on_failure: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="What becomes of tokens while there is no list, or one that is too old.",
    )
    required: bool = Field(
        default=True,
        description="Whether the gateway is ready only once it has had this list.",
    )
    tls: FetchTlsModel | None = Field(
        default=None, description="Whom to trust when the list is fetched."
    )
