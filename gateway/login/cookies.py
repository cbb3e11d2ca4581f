"""The cookies of logins and sessions: Set-Cookie, and values that take several cookies.

The session's cookie has no Max-Age: it goes when the browser closes, and until then the store
knows when the session ends. A cookie that outlived the browser would log in whoever opens it next.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from gateway.http.reading.cookies import LOGIN_COOKIE, SESSION_COOKIE

# With name and attributes a cookie is under the 4,096 bytes that every browser keeps (RFC 6265
# §6.1).
CHUNK_BYTES: Final = 3900
MAX_CHUNKS: Final = 10  # room for MOST_COOKIE_BYTES of the settings

# `__Host-` demands Secure, the whole host and no Domain (RFC 6265bis §4.1.3.2). Lax: a link from
# another site, and the redirect from the issuer, arrive with the session; their forms do not.
_ATTRIBUTES: Final = "; Path=/; Secure; HttpOnly; SameSite=Lax"

# A chunk says how many there are, and of which value: NUMBER-MARK-PART.
_MARK_LENGTH: Final = 8
_HEAD_LENGTH: Final = len("10-") + _MARK_LENGTH + len("-")
_PART_BYTES: Final = CHUNK_BYTES - _HEAD_LENGTH
_MOST_CHARACTERS: Final = _PART_BYTES * MAX_CHUNKS
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]+")


def set_cookie(name: str, value: str, max_age_seconds: int | None = None) -> str:
    """Return the value of a Set-Cookie field; without *max_age_seconds* for the browser's session.

    *value* is base64url, or as ``split_chunks`` returns it.
    """
    age = "" if max_age_seconds is None else f"; Max-Age={max_age_seconds}"
    return f"{name}={value}{_ATTRIBUTES}{age}"


def clear_cookie(name: str) -> str:
    """Return the value of a Set-Cookie field that removes a cookie of ours."""
    return set_cookie(name, "", 0)


def login_cookie_name(state: str) -> str:
    """Return the name of the cookie that holds the login under way with this *state*."""
    return LOGIN_COOKIE + sha256(state.encode()).hexdigest()[:12]


def set_session(value: str, cookies: Iterable[str]) -> list[str]:
    """Return values of Set-Cookie fields that give the browser the session's *value*.

    *cookies* are the names that it sent; those of a former value are removed. Raises ValueError if
    *value* takes more than MAX_CHUNKS.
    """
    chunks = split_chunks(value)
    used = {name for name, _ in chunks}
    former = [name for name in cookies if name not in used]
    return [set_cookie(name, part) for name, part in chunks] + clear_session(former)


def clear_session(cookies: Iterable[str]) -> list[str]:
    """Return values of Set-Cookie fields that remove the session from those with these names."""
    return [clear_cookie(name) for name in cookies if _is_of_session(name)]


def split_chunks(value: str) -> list[tuple[str, str]]:
    """Return names and values of the cookies that hold *value*, which is base64url.

    There is one, if it fits; else there are several with numbers from 1. Raises ValueError if they
    are more than MAX_CHUNKS.
    """
    if len(value) <= CHUNK_BYTES:
        return [(SESSION_COOKIE, value)]
    starts = range(0, len(value), _PART_BYTES)
    parts = [value[start : start + _PART_BYTES] for start in starts]
    if len(parts) > MAX_CHUNKS:
        raise ValueError(f"the value takes {len(parts)} cookies, and at most {MAX_CHUNKS} are used")
    mark = _mark(value)
    return [
        (f"{SESSION_COOKIE}.{number}", f"{len(parts)}-{mark}-{part}")
        for number, part in enumerate(parts, 1)
    ]


def cookie_bytes(value_length: int) -> int:
    """Return how much a value of so many characters takes in the browser's Cookie field."""
    names = len(SESSION_COOKIE) + len("=")
    if value_length <= CHUNK_BYTES:
        return names + value_length
    number = -(-value_length // _PART_BYTES)
    return value_length + number * (names + len(".10") + _HEAD_LENGTH + len("; "))


def join_chunks(cookies: Mapping[str, str]) -> str | None:
    """Return the value of the session in *cookies*, by name; None if there is none.

    There is none either if a chunk is missing or of another value, if there is one too many, or if
    there are chunks beside a whole value: nobody could say which of the two is meant.
    """
    found = {name: value for name, value in cookies.items() if _is_of_session(name)}
    if SESSION_COOKIE in found:
        value = found[SESSION_COOKIE]
    else:
        names = (f"{SESSION_COOKIE}.{number}" for number in range(1, len(found) + 1))
        value = "".join(found.get(name, "").split("-", 2)[-1] for name in names)
    if len(value) > _MOST_CHARACTERS or _VALUE.fullmatch(value) is None:
        return None
    return value if dict(split_chunks(value)) == found else None


def _is_of_session(name: str) -> bool:
    return name == SESSION_COOKIE or name.startswith(SESSION_COOKIE + ".")


def _mark(value: str) -> str:
    # Against mistakes, not attacks: a store verifies the value.
    return sha256(value.encode()).hexdigest()[:_MARK_LENGTH]
