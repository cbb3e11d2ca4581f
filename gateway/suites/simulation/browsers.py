"""The fields that a browser adds to a request, by what sends it."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from gateway.settings.values.login import LoginSettings
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.wire import Field

# RFC 2606 §3: nobody has an app there.
OTHER_SITE: Final = b"https://other-site.example"

_READING: Final = ("GET", "HEAD", "OPTIONS")


class Browser(Enum):
    """What in a browser sends a request."""

    PAGE = "page"  # a script of a page of the same origin
    NAVIGATION = "navigation"  # the person, who goes to an address or sends a form
    OTHER_SITE = "other-site"  # a page of another site: a link, a form, a script


def browser_fields(
    browser: Browser, request: SimulatedRequest, logins: Mapping[str, LoginSettings]
) -> tuple[Field, ...]:
    """Return the fields that *browser* adds to *request*, unless it has them already.

    A script of the same origin also sends ``X-CSRF: 1`` with what may change state, as the gateway
    demands of it (Fetch Metadata; Fetch standard, "append a request Origin header").
    """
    own = {name.lower().encode() for name, _ in request.headers}
    found = _fields(browser, request, _find_origin(request, logins))
    return tuple((name, value) for name, value in found if name.lower() not in own)


def _fields(browser: Browser, request: SimulatedRequest, origin: bytes) -> Iterator[Field]:
    is_socket = any(name.lower() == "upgrade" for name, _ in request.headers)
    changes = request.method not in _READING
    mode = b"websocket" if is_socket else b"navigate"
    match browser:
        case Browser.PAGE:
            mode = mode if is_socket else b"cors"
            site, destination = b"same-origin", b"empty"
        case Browser.NAVIGATION:
            site = b"same-origin" if changes else b"none"
            destination = b"document"
        case Browser.OTHER_SITE:
            site, destination = b"cross-site", b"empty" if is_socket else b"document"
            origin = OTHER_SITE
    if changes or is_socket:
        yield b"Origin", origin
    yield b"Sec-Fetch-Site", site
    yield b"Sec-Fetch-Mode", mode
    yield b"Sec-Fetch-Dest", destination
    if browser is not Browser.PAGE and not is_socket:
        yield b"Accept", b"text/html"
    elif changes and not is_socket:
        yield b"X-CSRF", b"1"


def _find_origin(request: SimulatedRequest, logins: Mapping[str, LoginSettings]) -> bytes:
    """Return the origin of the request's own host; it may be http on this machine."""
    authority = request.authority.lower()
    for login in logins.values():
        for origin in login.origins:
            if origin.authority == authority:
                return origin.text.encode("ascii")
    return f"https://{authority}".encode()
