"""Refresh tokens that change with each use (RFC 9700 §4.14.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.tokens.grant import Grant

REFRESH_SECONDS = 24 * 3600

# Two tabs, or two processes, may refresh at the same moment: for so long the former token still
# works, and gives the same successor. After it, a token that comes again was stolen.
REUSE_GRACE_SECONDS = 10

_MAX_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class _Issued:
    grant: Grant
    family: str = field(repr=False)
    successor: str | None = field(default=None, repr=False)
    used_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Rotated:
    """The *grant* of a refresh token that was used, and the *token* to use next time."""

    grant: Grant
    token: str = field(repr=False)


class RefreshTokens:
    """All refresh tokens. *clock* returns seconds, *new_secret* what nobody guesses."""

    def __init__(self, clock: Callable[[], float], new_secret: Callable[[], str]) -> None:
        self._clock = clock
        self._new_secret = new_secret
        self._tokens = ExpiringTable[str, _Issued](_MAX_TOKENS, clock)
        self._revoked = ExpiringTable[str, bool](_MAX_TOKENS, clock)

    def start(self, grant: Grant, family: str) -> str:
        """Return the first token of *family*."""
        token = self._new_secret()
        self._tokens.put(token, _Issued(grant, family), REFRESH_SECONDS)
        return token

    def rotate(self, token: str, client_id: str) -> Rotated | OAuthError:
        """Use *token*; return its successor (RFC 6749 §6).

        One that was used before revokes its whole family, unless it comes within the grace and
        its successor was not used meanwhile.
        """
        issued = self._tokens.get(token)
        if issued is None or issued.grant.client_id != client_id:
            return OAuthError("invalid_grant", "the refresh token is not known")
        if self._revoked.get(issued.family):
            return OAuthError("invalid_grant", "the refresh token was revoked")
        if issued.successor is None:
            successor = self.start(issued.grant, issued.family)
            used = replace(issued, successor=successor, used_at=self._clock())
            self._tokens.replace(token, used)
            return Rotated(issued.grant, successor)
        next_one = self._tokens.get(issued.successor)
        is_late = self._clock() - issued.used_at >= REUSE_GRACE_SECONDS
        if is_late or next_one is None or next_one.successor is not None:
            self.revoke(issued.family)
            return OAuthError("invalid_grant", "the refresh token was used before: all are revoked")
        return Rotated(issued.grant, issued.successor)

    def revoke(self, family: str) -> None:
        """Accept no token of *family* any more."""
        self._revoked.put(family, True, REFRESH_SECONDS)
