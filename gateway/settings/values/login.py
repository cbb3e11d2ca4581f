"""How browsers log in: clients of an issuer, their origins, and their sessions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from gateway.settings.values.clients import OAuthClient


class Endpoint(Enum):
    """What a request to a login wants; the value follows the prefix in its path."""

    LOGIN = "login"
    CALLBACK = "callback"
    LOGOUT = "logout"
    USERINFO = "userinfo"
    BACKCHANNEL_LOGOUT = "backchannel-logout"


class Origin(NamedTuple):
    """An origin, serialized in *text*: ``https://app.example.com``, port only if not usual.

    *authority* is the value of its Host field.
    """

    text: str
    authority: str


# Ten cookies; a browser sends no more than some 50 of a host, and few servers take larger heads.
MOST_COOKIE_BYTES: Final = 36 * 1024


class SessionStoreKind(Enum):
    """Where sessions are kept: here, in Redis, or sealed in the browser's own cookies."""

    MEMORY = "memory"
    REDIS = "redis"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How long sessions last, and where they are kept.

    A session ends *idle_seconds* after its last request, and *total_seconds* after its login at
    the latest. *keys* are 32 bytes each; the first seals, all open. There are none for MEMORY.
    *cookie_bytes* caps what a sealed session may take in cookies.
    """

    store: SessionStoreKind
    idle_seconds: float
    total_seconds: float
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    cookie_bytes: int = 12 * 1024


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """One way to log in, by its *name*.

    *issuer* is the name of an issuer with discovery. *prefix* begins the paths of its endpoints
    on *origins*, without a slash at the end: ``/oauth``. *after_logout* is a path on the origin,
    or a URL on one of them. *claims* are those of the ID token that a page may read.
    *place* is ``file:line`` in the configuration.
    """

    name: str
    issuer: str
    origins: tuple[Origin, ...]
    client: OAuthClient
    scopes: tuple[str, ...]
    resource: str | None
    extra_params: Mapping[str, str]
    after_logout: str
    prefix: str
    claims: tuple[str, ...]
    session: SessionSettings
    place: str
