"""Requests of browsers with a session: which of them navigate, and which may change state."""

from dataclasses import dataclass
from typing import Final, NamedTuple

# RFC 9110 §9.2.1, without TRACE: what a page of another origin may have a browser send anyway.
_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_NAVIGATING_METHODS: Final = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class LoginRule:
    """What the decision knows of one way to log in, by its *name*.

    *origins* are serialized as browsers send them (RFC 6454 §6.1), ``https://app.example.com``;
    *authorities* are their values of the Host field, with the port unless it is the scheme's own.
    """

    name: str
    origins: frozenset[bytes]
    authorities: frozenset[bytes]


class BrowserFields(NamedTuple):
    """What a browser says about a request; a field that was not sent is empty.

    *authority* is the Host field in lower case. *site*, *mode* and *destination* are those of
    Sec-Fetch (Fetch Metadata). *csrf* is X-CSRF, *purpose* Sec-Purpose.
    """

    authority: bytes
    origin: bytes = b""
    site: bytes = b""
    mode: bytes = b""
    destination: bytes = b""
    accept: bytes = b""
    csrf: bytes = b""
    wants_websocket: bool = False
    purpose: bytes = b""


def must_say_origin(method: str, *, wants_websocket: bool) -> bool:
    """Return whether a request by session is refused unless a browser says where it comes from."""
    return wants_websocket or method not in _SAFE_METHODS


def is_navigation(method: str, browser: BrowserFields) -> bool:
    """Return whether a person goes to a page: only then may a redirect to a login page follow.

    A browser that sends no Sec-Fetch fields navigates if it accepts HTML by name. What it fetches
    ahead, for a person who may never go there, is like a navigation in all but Sec-Purpose (Fetch
    standard), and begins no login.
    """
    if method not in _NAVIGATING_METHODS or browser.wants_websocket:
        return False
    if b"prefetch" in browser.purpose.lower():
        return False
    if browser.mode or browser.destination or browser.site:
        return browser.mode == b"navigate" and browser.destination == b"document"
    return b"text/html" in browser.accept.lower()


def is_forged(method: str, browser: BrowserFields, origins: frozenset[bytes]) -> str | None:
    """Return why a request by session may come from another site's page, or None.

    A request that may change state needs the field X-CSRF, which no form and no link can send, and
    which a script of another origin may only send if CORS allows it; and a browser's word that it
    comes from one of *origins*. Each field that says where it comes from must say so.
    """
    if not must_say_origin(method, wants_websocket=browser.wants_websocket):
        return None
    if browser.wants_websocket:
        # A handshake is a GET without preflight, and cannot have fields of its own.
        return None if browser.origin in origins else "the WebSocket is not of an allowed origin"
    if browser.csrf != b"1":
        return "the field X-CSRF: 1 is missing"
    if not browser.origin and not browser.site:
        return "neither Origin nor Sec-Fetch-Site says where the request comes from"
    if browser.origin and browser.origin not in origins:
        return "Origin is not an allowed origin"
    if browser.site and browser.site != b"same-origin":
        return "Sec-Fetch-Site is not same-origin"
    return None
