"""A client that starts with the URL of a resource, and finds out by itself how to get in."""

import re
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import ClientSession


class Reached(NamedTuple):
    """The last answer, and the address of each request that led to it."""

    status: int
    body: str
    asked: list[str]


class Misled(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """What was found must not be believed."""


class DiscoveringClient:
    """Has credentials at an authorization server that it does not know yet.

    It does what RFC 9728 §5 draws, with client credentials as the grant, for a token that is
    for this one resource (RFC 8707). *trusted* are the certificates that it believes.
    """

    def __init__(self, session: ClientSession, name: str, trusted: ssl.SSLContext) -> None:
        self._session = session
        self._form = {"client_id": f"{name}-client", "client_secret": f"{name}-secret"}
        self._trusted = trusted
        self._asked: list[str] = []
        self.token: str | None = None

    async def request(self, method: str, url: str, *, knows_challenge: bool = True) -> Reached:
        """Return what *url* answers in the end; refused twice, the client gives up.

        Without *knows_challenge* it goes by the URL alone, and takes all scopes on offer.
        """
        self._asked = []
        status, challenge, body = await self._try(method, url)
        if status in {401, 403}:
            found = challenge if knows_challenge else {}
            self.token = await self._get_token(url, found)
            status, _, body = await self._try(method, url)
        return Reached(status, body, self._asked)

    async def _try(self, method: str, url: str) -> tuple[int, dict[str, str], str]:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        self._asked.append(url)
        async with self._session.request(
            method, url, headers=headers, ssl=self._trusted, allow_redirects=False
        ) as answer:
            challenge = answer.headers.get("WWW-Authenticate", "")
            return (
                answer.status,
                dict(re.findall(r'(\w+)="([^"]*)"', challenge)),
                await answer.text(),
            )

    async def _get_token(self, url: str, challenge: dict[str, str]) -> str:
        location = challenge.get("resource_metadata") or _insert(
            url, "/.well-known/oauth-protected-resource"
        )
        resource = await self._read(location)
        if resource["resource"] != url:  # RFC 9728 §3.3
            raise Misled(f"{location} speaks of another resource")
        issuer = resource["authorization_servers"][0]
        location = _insert(issuer, "/.well-known/oauth-authorization-server")
        server = await self._read(location)
        if server["issuer"] != issuer:  # RFC 8414 §3.3
            raise Misled(f"{location} speaks of another issuer")
        scope = challenge.get("scope") or " ".join(resource.get("scopes_supported", []))
        form = {**self._form, "grant_type": "client_credentials", "resource": url, "scope": scope}
        self._asked.append(server["token_endpoint"])
        async with self._session.post(server["token_endpoint"], data=form) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["access_token"])

    async def _read(self, url: str) -> dict[str, Any]:
        self._asked.append(url)
        async with self._session.get(url, ssl=self._trusted, allow_redirects=False) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "application/json"
            members: dict[str, Any] = await answer.json()
            return members


def _insert(url: str, name: str) -> str:
    """Return *url* with *name* between host and path (RFC 8414 §3.1, RFC 9728 §3.1)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{name}{'' if parts.path == '/' else parts.path}"
