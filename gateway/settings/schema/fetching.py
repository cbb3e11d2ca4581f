"""The schema of `fetching`."""

from pydantic import Field

from gateway.settings.schema.types import Strict, Text


class FetchingModel(Strict):
    """How keys, metadata, revocation lists and tokens of logins are fetched."""

    proxy: Text | None = Field(
        default=None,
        description="The forward proxy, http://host:port; user and password only as ${NAME}.",
    )
    except_: list[Text] = Field(
        default=[],
        alias="except",
        description="Hosts (`*.` for all below one) and networks that are reached without it.",
    )
