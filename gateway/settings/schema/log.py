"""The schema of the access log's options."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gateway.settings.schema.types import TABLE, TEXT, Strict, text_or_table

Destination = Literal["stdout", "stderr", "none"]


class AccessLogModel(Strict):
    """The access log in its long form."""

    to: Destination = Field(default="stdout", description="Where it goes.")
    format: Literal["json", "combined"] = Field(
        default="json", description="One JSON object per line, or Apache's combined format."
    )


AccessLog = Annotated[
    Annotated[Destination, Tag(TEXT)] | Annotated[AccessLogModel, Tag(TABLE)],
    Discriminator(text_or_table),
]


def long_form(access_log: Destination | AccessLogModel) -> AccessLogModel:
    """Return *access_log* in its long form."""
    return AccessLogModel(to=access_log) if isinstance(access_log, str) else access_log
