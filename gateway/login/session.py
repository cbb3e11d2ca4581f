"""A session: the tokens of one login, and how long they may be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint issued, verified; times in seconds since the epoch.

    *refresh_at* is when the access token is refreshed ahead of its end.
    """

    access: bytes = field(repr=False)
    access_expires_at: float
    refresh_at: float
    refresh: str | None = field(default=None, repr=False)
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One login of one browser; times in seconds since the epoch.

    *id* is 32 random-looking bytes, safe to store and to name in hexadecimal: the cookie does not
    follow from it; it is empty until a store has begun the session. *login* is the name of the way
    to log in. *sid* is the provider's own session. *claims* are those of the verified ID token that
    a page may read. *begun_at* is compared with the provider's clock when it logs a subject out: it
    is the earlier of the gateway's time and the ``iat`` of the ID token. The session ends at
    *ends_at*, or *idle_seconds* after *used_at*. *version* grows by one with each refresh.
    """

    id: bytes
    login: str
    issuer: str
    subject: str
    sid: str | None
    tokens: Tokens
    claims: Mapping[str, Any]
    begun_at: float
    used_at: float
    idle_seconds: float
    ends_at: float
    version: int = 0

    @property
    def expires_at(self) -> float:
        """Return when the session ends if nobody uses it any more."""
        return min(self.ends_at, self.used_at + self.idle_seconds)


@dataclass(frozen=True, slots=True)
class SessionView:
    """What a data port needs of a session, until *check_at* (seconds since the epoch).

    From then on it asks again: only so a session is refreshed, its idle time begins anew, and
    its end elsewhere is noticed. *cookies* are values of Set-Cookie to send with the next response.
    """

    id: bytes
    login: str
    subject: str
    token: bytes = field(repr=False)
    check_at: float
    cookies: tuple[bytes, ...] = field(default=(), repr=False)
