"""What a client wishes of a token: scopes, audiences and a lifetime."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.issuer.requests.parameters import OAuthError, Parameters

DEFAULT_LIFETIME_SECONDS = 3600
MAX_LIFETIME_SECONDS = 24 * 3600

# RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces.
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")


@dataclass(frozen=True, slots=True)
class Wishes:
    """Each is None, or empty, if the client named none."""

    scopes: tuple[str, ...] | None
    audiences: tuple[str, ...]
    lifetime_seconds: int | None


def read_wishes(parameters: Parameters) -> Wishes | OAuthError:
    """Return the wishes of a request (RFC 6749 §3.3, RFC 8707 §2), or its error.

    ``audience`` and ``expires_in`` are additions of this issuer, for tests.
    """
    scopes = _read_scopes(parameters.get("scope"))
    if isinstance(scopes, OAuthError):
        return scopes
    for resource in parameters.resources:
        if not _is_absolute_uri(resource):
            # RFC 8707 §2: an absolute URI without a fragment.
            return OAuthError("invalid_target", "resource is not an absolute URI")
    lifetime_seconds = _read_lifetime(parameters.get("expires_in"))
    if isinstance(lifetime_seconds, OAuthError):
        return lifetime_seconds
    audience = parameters.get("audience")
    named = (*parameters.resources, audience) if audience else parameters.resources
    return Wishes(scopes, tuple(dict.fromkeys(named)), lifetime_seconds)


def _read_scopes(asked: str | None) -> tuple[str, ...] | OAuthError | None:
    if asked is None:
        return None
    if not _SCOPE.fullmatch(asked):
        return OAuthError("invalid_scope", "scope is not a list parted by single spaces")
    return tuple(dict.fromkeys(asked.split(" ")))


def _is_absolute_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and "#" not in text


def _read_lifetime(asked: str | None) -> int | OAuthError | None:
    if asked is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", asked) or not 1 <= int(asked) <= MAX_LIFETIME_SECONDS:
        return OAuthError(
            "invalid_request", f"expires_in is not within 1 and {MAX_LIFETIME_SECONDS} seconds"
        )
    return int(asked)
