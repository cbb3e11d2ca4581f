"""What kind of value claims with well-known names have."""

from enum import Enum
from typing import Final

# RFC 7519 §4.1, RFC 9068 §2.2, RFC 7643 §4.1.2, OpenID Connect Core §2, and what vendors add.
_LISTS: Final = frozenset(
    {
        *("groups", "roles", "permissions", "entitlements", "authorities", "amr", "wids"),
        *("cognito:groups", "group_ids", "role_ids", "allowed-origins"),
    }
)
_FLAGS: Final = frozenset({"email_verified", "phone_number_verified"})
_TIMES: Final = frozenset({"exp", "iat", "nbf", "auth_time", "updated_at"})
_TEXTS: Final = frozenset({"iss", "sub", "jti", "client_id", "azp", "email", "typ"})
_SCOPES: Final = frozenset({"scope", "scp"})


class ClaimKind(Enum):
    """The JSON type of a claim, as issuers usually write it."""

    LIST = "a list"
    FLAG = "true or false"
    TIME = "a number"
    TEXT = "a text"
    SCOPES = "a text with all scopes"
    AUDIENCE = "a text or a list"


def usual_kind(name: str) -> ClaimKind | None:
    """Return the usual kind of the claim *name*, as a configuration writes it; None if unknown.

    Of a path such as `realm_access.roles` the last name counts, and of a URL the last segment:
    `["https://shop.example/roles"]`.
    """
    last = name
    if last.endswith('"]'):
        last = last.rpartition('["')[2].removesuffix('"]')
    elif "://" not in last:
        last = last.rpartition(".")[2]
    is_nested = last != name
    last = last.rpartition("/")[2]
    if last in _LISTS:
        return ClaimKind.LIST
    if is_nested:
        return None
    for names, kind in (
        (_FLAGS, ClaimKind.FLAG),
        (_TIMES, ClaimKind.TIME),
        (_TEXTS, ClaimKind.TEXT),
        (_SCOPES, ClaimKind.SCOPES),
    ):
        if last in names:
            return kind
    return ClaimKind.AUDIENCE if last == "aud" else None
