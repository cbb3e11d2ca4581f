"""The schema of a revocation list."""

from typing import Literal

from pydantic import ConfigDict, Field

from gateway.settings.schema.texts import FileText, Reference, SafeUrl, Unique
from gateway.settings.schema.tls import FetchTlsModel
from gateway.settings.schema.types import Duration, DurationOrZero, Strict, described

LIST_SOURCES = ("url", "file")


class RevocationModel(Strict):
    """A list of revoked tokens; it has exactly one source."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [source]} for source in LIST_SOURCES]}
    )

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        if not isinstance(value, str):
            return None
        return {"url" if "://" in value else "file": value}

    url: SafeUrl | None = Field(default=None, description="The URL of the list.")
    file: FileText | None = Field(default=None, description="A file with the list.")
    issuers: Unique[Reference] | None = Field(
        default=None,
        description="Issuers whose tokens it covers; by default all.",
    )
    fresh: Duration = described("30s", "The list is fetched again before it is this old.")
    stale: DurationOrZero = described(
        "5m", "While fetches fail, the old list stays in use this much longer."
    )
    fetch_timeout: Duration = described("5s", "The timeout of one fetch.")
    on_failure: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="How to treat tokens while there is no list, or only one that is too old.",
    )
    required: bool = Field(
        default=True,
        description="Whether the gateway is not ready until it has loaded this list.",
    )
    tls: FetchTlsModel | None = Field(
        default=None, description="The CA to trust when the list is fetched."
    )
