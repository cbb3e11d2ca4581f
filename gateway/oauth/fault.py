"""Why an authorization server issued nothing: values, without secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

# RFC 6749 §5.2: printable ASCII without `"` and `\`.
_CODE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")
_DESCRIPTION: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}")

# Registered codes (RFC 6749 §4.1.2.1 and §5.2, RFC 7009, 8628, 8707, 9101, OpenID Connect), which a
# weak secret may happen to contain.
_REGISTERED: Final = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "access_denied", "server_error"),
        *("unsupported_response_type", "temporarily_unavailable", "unsupported_token_type"),
        *("authorization_pending", "slow_down", "expired_token", "invalid_target"),
        *("invalid_request_uri", "invalid_request_object", "login_required"),
        *("interaction_required", "consent_required", "account_selection_required"),
        "unmet_authentication_requirements",
    }
)

# Fewer characters of a longer secret tell nothing, and are in any text.
_SHORTEST_PART: Final = 6


class FaultKind(Enum):
    """What went wrong, as far as a caller acts on it."""

    UNAVAILABLE = "unavailable"  # no response, a server error, or too many requests: try later
    INVALID_RESPONSE = "invalid_response"  # nothing that a standard allows
    ERROR = "error"  # the server refused: RFC 6749 §5.2


@dataclass(frozen=True, slots=True)
class OAuthFault:
    """Why a request to an authorization server had no success.

    *detail* is one line for the log, without secrets. *code* is the server's error code, only of
    an ERROR: `invalid_grant`. *retry_after_seconds* is when an UNAVAILABLE server wants the next
    request, if it says so.
    """

    kind: FaultKind
    detail: str
    code: str = ""
    retry_after_seconds: float | None = None


def unavailable(detail: str, retry_after_seconds: float | None = None) -> OAuthFault:
    """Return the fault of a server that does not serve now."""
    return OAuthFault(FaultKind.UNAVAILABLE, detail, "", retry_after_seconds)


def invalid_response(detail: str) -> OAuthFault:
    """Return the fault of a response that no standard allows."""
    return OAuthFault(FaultKind.INVALID_RESPONSE, detail)


def server_error(
    where: str, code: object, description: object, secrets: Iterable[str]
) -> OAuthFault:
    """Return the fault of an error response from *where* (RFC 6749 §5.2).

    The server's words are shown only if they are in its alphabet, short, and repeat nothing of
    *secrets*, which were sent to it: some servers quote what they refuse.
    """
    known = tuple(secrets)
    if not isinstance(code, str) or not _is_shown_code(code, known):
        return invalid_response(f"{where}: an error response without a valid error code")
    is_shown = (
        isinstance(description, str)
        and _DESCRIPTION.fullmatch(description)
        and not _quotes(description, known)
    )
    detail = f"{where}: {code}" + (f" ({description})" if is_shown else "")
    return OAuthFault(FaultKind.ERROR, detail, code)


def _is_shown_code(code: str, secrets: tuple[str, ...]) -> bool:
    if code in _REGISTERED:
        return True
    return _CODE.fullmatch(code) is not None and not _quotes(code, secrets)


def _quotes(text: str, secrets: tuple[str, ...]) -> bool:
    """Return whether *text* has a part of one of *secrets*, or looks like a token."""
    if "eyJ" in text:
        return True
    starts = range(len(text) - _SHORTEST_PART + 1)
    parts = [text[start : start + _SHORTEST_PART] for start in starts]
    return any(
        (secret != "" and secret in text) or any(part in secret for part in parts)
        for secret in secrets
    )
