"""The schema of a way to log in, and of its sessions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonDict
from pydantic.types import JsonValue

from gateway.settings.schema.clients import ClientModel, SecretReference
from gateway.settings.schema.texts import FileText, OneOrigin, PlainPath, Reference, Unique
from gateway.settings.schema.types import (
    LIST,
    TEXT,
    Duration,
    Scope,
    Size,
    Strict,
    Text,
    described,
    text_or_list,
)


def _sealed(store: str, key: str, other: str) -> JsonDict:
    unused = (other,) if store == "cookie" else (other, "cookie_bytes")
    properties: JsonDict = {"store": {"const": store}, **dict.fromkeys(unused, False)}
    return {"properties": properties, "required": ["store", key]}


# What each store needs, and what it does not use.
_STORES: JsonValue = [
    {
        "properties": {
            "store": {"const": "memory"},
            "keys": False,
            "key_files": False,
            "cookie_bytes": False,
        }
    },
    _sealed("redis", "keys", "key_files"),
    _sealed("redis", "key_files", "keys"),
    _sealed("cookie", "keys", "key_files"),
    _sealed("cookie", "key_files", "keys"),
]

# What a page usually shows of a person (OpenID Connect Core 1.0 §5.1).
DEFAULT_CLAIMS = ("sub", "name", "preferred_username", "email", "picture")


class SessionModel(Strict):
    """How long sessions last, and where they are kept."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _STORES})

    store: Literal["memory", "redis", "cookie"] = Field(
        default="memory",
        description="Where sessions are kept: in this gateway, in `redis`, or in the browser.",
    )
    idle: Duration = described("30m", "A session ends this long after its last request.")
    total: Duration = described("8h", "A session ends this long after its login at the latest.")
    keys: list[SecretReference] | None = Field(
        default=None,
        min_length=1,
        description="For redis and cookie: ${NAME} of 32 bytes in base64; the first one seals.",
        examples=[["${SESSION_KEY}"]],
    )
    key_files: list[FileText] | None = Field(
        default=None,
        min_length=1,
        description="For redis and cookie: files with 32 bytes in base64; the first one seals.",
    )
    cookie_bytes: Size | None = Field(
        default=None,
        description="For cookie: the most that a session may take in cookies; by default 12KiB.",
    )


class LoginModel(ClientModel):
    """A way to log in with a browser: a client of an issuer, and its sessions."""

    issuer: Reference = Field(description="The issuer to log in at, by name; one with `discovery`.")
    origins: Unique[OneOrigin] = Field(
        description="Where the pages are, as browsers write it, e.g. https://app.example.com.",
    )
    scopes: Unique[Scope] = Field(
        default=["openid"],
        description="The scopes to request, openid among them.",
        json_schema_extra={"contains": {"pattern": "^openid$"}},
    )
    resource: Text | None = Field(
        default=None,
        description="The API to request a token for (RFC 8707), an absolute URI.",
        examples=["https://api.example.com/orders"],
    )
    extra_params: dict[Text, Text] = Field(
        default={},
        description="More parameters of the authorization request, by name.",
        examples=[{"prompt": "login"}],
    )
    after_logout: Text = Field(
        default="/", description="Where to go after a logout: a path, or a URL of an origin."
    )
    prefix: PlainPath = Field(
        default="/oauth", description="The start of the paths that the gateway itself serves."
    )
    claims: Unique[Text] = Field(
        default=[*DEFAULT_CLAIMS],
        description="The claims of the ID token that a page may read.",
    )
    session: SessionModel = Field(
        default=SessionModel(),
        description="Its sessions: how long they last, and where they are kept.",
        examples=[{"store": "memory", "idle": "30m"}],
    )


LoginNames = Annotated[
    Annotated[Reference, Tag(TEXT)] | Annotated[Unique[Reference], Tag(LIST)],
    Discriminator(text_or_list),
]
