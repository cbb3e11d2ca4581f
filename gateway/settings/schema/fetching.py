"""The schema of `fetching`."""

from pydantic import ConfigDict, Field

from gateway.settings.schema.texts import FileText, ProxyUrl
from gateway.settings.schema.types import Strict, Text


class FetchingModel(Strict):
    """How keys, metadata, revocation lists and tokens of logins are fetched."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentSchemas": {
                "except": {"anyOf": [{"required": ["proxy"]}, {"required": ["proxy_file"]}]}
            },
            "not": {"required": ["proxy", "proxy_file"]},
        }
    )

    proxy: ProxyUrl | None = Field(
        default=None,
        description="The forward proxy, http://host:port; user and password only as ${NAME}.",
    )
    proxy_file: FileText | None = Field(
        default=None, description="The file with the address of the proxy, password included."
    )
    except_: list[Text] = Field(
        default=[],
        alias="except",
        description="Hosts (`*.` for all below one) and networks that are reached without it.",
    )
