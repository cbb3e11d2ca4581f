"""The schema of a way to log in, and of its sessions."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from gateway.settings.schema.clients import ClientModel, SecretReference
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

# What a page usually shows of a person (OpenID Connect Core 1.0 §5.1).
DEFAULT_CLAIMS = ("sub", "name", "preferred_username", "email", "picture")


class SessionModel(Strict):
    """How long sessions last, and where they are kept."""

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
    )
    key_files: list[Text] | None = Field(
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

    issuer: Text = Field(description="The issuer to log in at, by name; one with `discovery`.")
    origins: list[Text] = Field(
        min_length=1,
        description="Where the pages are, as browsers write it, e.g. https://app.example.com.",
    )
    scopes: list[Scope] = Field(
        default=["openid"], min_length=1, description="The scopes to request, openid among them."
    )
    resource: Text | None = Field(
        default=None, description="The API to request a token for (RFC 8707), an absolute URI."
    )
    extra_params: dict[Text, Text] = Field(
        default={}, description="More parameters of the authorization request, by name."
    )
    after_logout: Text = Field(
        default="/", description="Where to go after a logout: a path, or a URL of an origin."
    )
    prefix: Text = Field(
        default="/oauth", description="The start of the paths that the gateway itself serves."
    )
    claims: list[Text] = Field(
        default=[*DEFAULT_CLAIMS],
        min_length=1,
        description="The claims of the ID token that a page may read.",
    )
    session: SessionModel = Field(
        default=SessionModel(),
        description="Its sessions: how long they last, and where they are kept.",
    )


LoginNames = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[Annotated[list[Text], Field(min_length=1)], Tag(LIST)],
    Discriminator(text_or_list),
]
