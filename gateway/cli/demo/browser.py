"""As much of a browser as a login needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import aiohttp

_MAX_REDIRECTS = 5

# What browsers send with a navigation, and with a fetch of a page (Fetch Metadata).
_NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
_FETCH = {"Accept": "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@dataclass(frozen=True, slots=True)
class Response:
    """One response; *location* is where it redirects to, absolute."""

    url: str
    status: int
    location: str | None
    body: bytes = field(repr=False)

    @property
    def place(self) -> str:
        """Return where a navigation ended: status and path."""
        return f"{self.status} at {urlsplit(self.url).path}"


class Browser:
    """Keeps cookies by host, follows redirects, and submits one kind of form.

    *http* keeps no cookies of its own: it would not send those that are Secure to plain
    http://localhost, as browsers do.
    """

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._cookies: dict[str, dict[str, str]] = {}

    async def navigate(self, url: str, form: Mapping[str, str] | None = None) -> Response:
        """Go to *url*, with *form* if there is one; follow redirects."""
        response = await self.send("GET" if form is None else "POST", url, _NAVIGATION, form)
        for _ in range(_MAX_REDIRECTS):
            if response.location is None:
                break
            response = await self.send("GET", response.location, _NAVIGATION)
        return response

    async def fetch(self, method: str, url: str, headers: Mapping[str, str]) -> Response:
        """Send what a script of a page on the same origin sends."""
        parts = urlsplit(url)
        origin = {"Sec-Fetch-Site": "same-origin"}
        if method != "GET":
            origin["Origin"] = f"{parts.scheme}://{parts.netloc}"
        return await self.send(method, url, {**_FETCH, **origin, **headers})

    async def allow(self, page: Response, persona: str) -> Response:
        """Submit the form of a consent page."""
        action = find_in(page.body, r'action="([^"]+)"')
        token = find_in(page.body, r'"token" value="([^"]+)"')
        form = {"token": token, "persona": persona, "answer": "allow"}
        return await self.navigate(urljoin(page.url, action), form)

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request; keep the cookies of its response."""
        kept = self._cookies.setdefault(urlsplit(url).hostname or "", {})
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        sent = {**headers, **(cookie if kept else {})}
        async with self._http.request(
            method, url, data=form, headers=sent, allow_redirects=False
        ) as response:
            for line in response.headers.getall("Set-Cookie", []):
                _keep(kept, line)
            location = response.headers.get("Location")
            return Response(
                url,
                response.status,
                None if location is None else urljoin(url, location),
                await response.read(),
            )


def _keep(kept: dict[str, str], line: str) -> None:
    for name, morsel in SimpleCookie(line).items():
        if morsel["max-age"] == "0" or not morsel.value:
            kept.pop(name, None)
        else:
            kept[name] = morsel.value


def find_in(body: bytes, pattern: str) -> str:
    """Return what the group of *pattern* matches in *body*, or nothing."""
    found = re.search(pattern, body.decode(errors="replace"))
    return unescape(found[1]) if found else ""
