"""Separate the gateway's own cookies from those of the services behind it.

Our cookies are secrets of the browser and the gateway: no service may see one, and none may set
one. A cookie that some reader could take for one of ours is removed, too, wherever it hides in the
field; but only one that is spelled as the gateway set it counts as ours.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from gateway.decision.browser import BrowserFields

SESSION_COOKIE: Final = "__Host-session"
LOGIN_COOKIE: Final = "__Host-login-"

# Twice as many of ours as a browser ever has: a session in ten chunks, and ten logins under way.
# They are read again with each Cookie field, so that without a limit many would cost much time.
MOST_COOKIES: Final = 40

_MARK: Final = b"__host-"

# Of the session, of its chunks, and of a login under way.
_NAME: Final = rb"__Host-(?:session(?:\.[0-9]+)?|login-[0-9a-f]{12})"

# Octets that are no part of any name (RFC 6265 §4.1.1), so that a lax reader may skip them: spaces,
# quotation marks, commas, control characters, and all that is not ASCII.
_SKIPPED: Final = rb"[\x00-\x20\"',\x7f-\xff]"

# One of our names before a `=`, at the beginning or after what ends a name.
_HIDDEN: Final = re.compile(
    rb"(?:\A|(?<=[\x00-\x20\"'(),/:<=>?@\[\\\]{}\x7f-\xff]))%b%b*=" % (_NAME, _SKIPPED),
    re.IGNORECASE,
)

# A cookie without a `=` has a value but no name; readers disagree on which of the two it is.
_BARE: Final = re.compile(rb"[=\s\"']*%b%b*" % (_NAME, _SKIPPED), re.IGNORECASE)

# RFC 6265 §4.1.1: a cookie as the gateway sets it.
_OURS: Final = re.compile(rb"[ \t]*(%b)=([!#-+\--:<-\[\]-~]+)[ \t]*" % _NAME)

# RFC 9111 §3.5, §5.2.2: what lets shared caches store a response in any case, or forbids it. Not
# `private` with names: it is about these fields alone, and the rest is stored. CDN-Cache-Control
# (RFC 9213) takes the place of Cache-Control in caches that know it.
_SAYS_WHO_STORES: Final = re.compile(
    rb'\r\n(cache-control|cdn-cache-control):(?:(?:[^"\r]|"(?:[^"\\\r]|\\[^\r])*")*[ \t,])?'
    rb"(?:s-maxage=|(?:public|must-revalidate|private|no-store)(?=[ \t,\r]|\Z))",
    re.IGNORECASE,
)
_CDN_CACHE_CONTROL: Final = b"\r\ncdn-cache-control:"


class OwnCookies:
    """The gateway's own cookies of one request, as *received*: names and values, in order.

    *all* are those that count, by name, *session* those of the session. *key* identifies the latter
    without revealing them; it is empty if there are none. *browser* remembers what else the browser
    said in the same fields.

    Browsers send each name once. Of a name that comes twice, nobody knows which one is ours: a
    session that has one is no session, and a login is no login. Of more than MOST_COOKIES none
    counts.
    """

    __slots__ = ("all", "browser", "key", "received", "session")

    def __init__(self, received: Sequence[tuple[str, str]]) -> None:
        self.received = received = received[: MOST_COOKIES + 1]
        cookies: Mapping[str, str] = dict(received)
        if len(cookies) < len(received) or len(received) > MOST_COOKIES:
            cookies = _unrepeated(received)
        self.all = self.session = session = cookies
        if len(cookies) != 1 or SESSION_COOKIE not in cookies:
            session = {
                name: one for name, one in cookies.items() if name.startswith(SESSION_COOKIE)
            }
            self.session = session
        text = ";".join([f"{name}={session[name]}" for name in sorted(session)])
        self.key = sha256(text.encode()).digest() if text else b""
        self.browser: BrowserFields | None = None

    def __repr__(self) -> str:
        """Show the names alone."""
        return f"OwnCookies({', '.join(self.all)})"


class SplitCookies(NamedTuple):
    """A Cookie field: *rest* is for services, *own* are names and values of ours, in order."""

    rest: bytes
    own: tuple[tuple[str, str], ...] = ()


def split_cookies(value: bytes) -> SplitCookies:
    """Return *value*, of one Cookie field, without our cookies, and these.

    What stays is as it was, byte for byte.
    """
    if _MARK not in value.lower():
        return SplitCookies(value)
    kept, own = [], []
    for pair in value.split(b";"):
        found = _OURS.fullmatch(pair)
        if found is not None:
            own.append((found[1].decode("ascii"), found[2].decode("ascii")))
        elif not _is_suspect(pair):
            kept.append(pair)
    rest = b";".join(kept).lstrip(b" \t")
    return SplitCookies(rest if rest.strip(b" \t;") else b"", tuple(own))


def renewed_cookies(own: OwnCookies, fields: Sequence[bytes]) -> OwnCookies:
    """Return our cookies as a browser sends them that gets *fields*, values of Set-Cookie."""
    if not fields:
        return own
    cookies = dict(own.all)
    for one in fields:
        name, _, value = one.partition(b";")[0].decode("ascii").partition("=")
        cookies[name] = value
    return OwnCookies([(name, value) for name, value in cookies.items() if value])


def sets_own_cookie(value: bytes) -> bool:
    """Return whether *value*, of a Set-Cookie field, may set a cookie with a name of ours."""
    return _MARK in value.lower() and any(map(_is_suspect, value.split(b";")))


def without_own_cookies(fields: bytes) -> bytes:
    """Return response *fields* without a Set-Cookie of ours; each begins with a line end."""
    if _MARK not in fields.lower():
        return fields
    lines = fields.split(b"\r\n")[1:]
    return b"".join(b"\r\n" + line for line in lines if not _is_set_by_service(line))


def kept_private(fields: bytes) -> bytes:
    """Return response *fields* so that no shared cache gives them to somebody without a session.

    A cache that knows of ``Authorization`` stores a response only if it says that it may (RFC 9111
    §3.5). The browser has sent none, so the service's response has to say that it may not.
    """
    said = {name.lower() for name in _SAYS_WHO_STORES.findall(fields)}
    if b"cache-control" not in said:
        fields += b"\r\nCache-Control: private"
    if b"cdn-cache-control" not in said and _CDN_CACHE_CONTROL in fields.lower():
        fields += b"\r\nCDN-Cache-Control: private"
    return fields


def _is_set_by_service(line: bytes) -> bool:
    name, _, value = line.partition(b":")
    return name.lower().startswith(b"set-cookie") and sets_own_cookie(value)


def _unrepeated(received: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    if len(received) > MOST_COOKIES:
        return {}
    cookies: dict[str, str] = {}
    repeated = set()
    for name, value in received:
        if name in cookies:
            repeated.add(name)
        cookies[name] = value
    if any(name.startswith(SESSION_COOKIE) for name in repeated):
        repeated.update(name for name in cookies if name.startswith(SESSION_COOKIE))
    return {name: value for name, value in cookies.items() if name not in repeated}


def _is_suspect(pair: bytes) -> bool:
    return _HIDDEN.search(pair) is not None or _BARE.fullmatch(pair) is not None


NO_OWN_COOKIES: Final = OwnCookies(())
