"""The schema of `fetching`."""

from pydantic import ConfigDict, Field

from gateway.settings.schema.texts import ProxyUrl
from gateway.settings.schema.types import Strict, Text


class FetchingModel(Strict):
    """How keys, metadata, revocation lists and tokens of logins are fetched."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"except": ["proxy"]}})

    proxy: ProxyUrl | None = Field(
        default=None,
        description="The forward proxy, http://host:port; user and password only as ${NAME}.",
    )
    except_: list[Text] = Field(
        default=[],
        alias="except",
        description="Hosts (`*.` for all below one) and networks that are reached without it.",
    )
