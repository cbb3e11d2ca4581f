"""Authorization codes: each for one exchange, within a minute."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.tokens.grant import Grant

# RFC 6749 §4.1.2 recommends ten minutes at most; a browser takes a second.
CODE_SECONDS = 60

# A code that comes again is recognized for as long as what it gave may be in use.
_REMEMBERED_SECONDS = 24 * 3600
_MAX_CODES = 1_000

# RFC 7636 §4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """What a code stands for; *family* names the refresh tokens that come of it."""

    grant: Grant
    redirect_uri: str
    code_challenge: str = field(repr=False)
    family: str = field(repr=False)
    ends_at: float = 0.0
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class CodeReused:
    """A code came again: what it gave the first time, *family*, is to be revoked."""

    family: str = field(repr=False)


class AuthorizationCodes:
    """All codes. *clock* returns seconds, *new_secret* what nobody guesses."""

    def __init__(self, clock: Callable[[], float], new_secret: Callable[[], str]) -> None:
        self._clock = clock
        self._new_secret = new_secret
        self._codes = ExpiringTable[str, IssuedCode](_MAX_CODES, clock)

    def issue(self, grant: Grant, redirect_uri: str, code_challenge: str) -> str:
        """Return a new code."""
        code = self._new_secret()
        issued = IssuedCode(
            grant, redirect_uri, code_challenge, self._new_secret(), self._clock() + CODE_SECONDS
        )
        self._codes.put(code, issued, _REMEMBERED_SECONDS)
        return code

    def redeem(
        self, code: str, client_id: str, redirect_uri: str | None, verifier: str | None
    ) -> IssuedCode | CodeReused | OAuthError:
        """Return what *code* stands for (RFC 6749 §4.1.3, RFC 7636 §4.6).

        An exchange that fails uses it up, too: whoever tried had a code that was not theirs.
        """
        issued = self._codes.get(code)
        if issued is None or issued.grant.client_id != client_id:
            return OAuthError("invalid_grant", "the code is not known")
        if issued.is_used:
            return CodeReused(issued.family)
        self._codes.replace(code, replace(issued, is_used=True))
        if issued.ends_at <= self._clock():
            return OAuthError("invalid_grant", "the code has expired")
        if redirect_uri != issued.redirect_uri:
            return OAuthError("invalid_grant", "redirect_uri is not that of the request")
        if verifier is None or not _VERIFIER.fullmatch(verifier):
            return OAuthError("invalid_grant", "code_verifier is missing or malformed")
        if not hmac.compare_digest(challenge_of(verifier), issued.code_challenge):
            return OAuthError("invalid_grant", "code_verifier does not match code_challenge")
        return issued


def challenge_of(verifier: str) -> str:
    """Return the ``code_challenge`` of *verifier* by S256 (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
