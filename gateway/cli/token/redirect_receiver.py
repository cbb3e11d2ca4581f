"""Receive the redirect with a code on loopback (RFC 8252 §7.3)."""

import asyncio
import hmac
import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from gateway.issuer.listening import bind_loopback, origin_of, serving
from gateway.oauth.redirect import CodeResponse, ErrorResponse, parse_redirect

_FIELDS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PortTakenError(Exception):
    """The address of a redirect URI cannot be listened at; the text says why."""


class RedirectReceiver:
    """Waits for the response to one authorization request at *redirect_uri*.

    A response with another state is not the one: any page in the browser can open this address.
    """

    def __init__(self, redirect_uri: str, state: str) -> None:
        self.redirect_uri = redirect_uri
        self._state = state
        self._path = urlsplit(redirect_uri).path or "/"
        self._authority = urlsplit(redirect_uri).netloc
        loop = asyncio.get_running_loop()
        self._response: asyncio.Future[CodeResponse | ErrorResponse] = loop.create_future()

    async def wait(self) -> CodeResponse | ErrorResponse:
        """Return the response, once it has come; its state is that of the request."""
        return await self._response

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Respond to the browser."""
        if request.path != self._path or request.headers.get("Host", "") != self._authority:
            return _page(404, "Not found")
        if request.method != "GET":
            return _page(405, "Method not allowed", Allow="GET")
        found = parse_redirect(request.rel_url.raw_query_string)
        if isinstance(found, str):
            return _page(400, f"Not a response of an authorization server: {found}")
        if not hmac.compare_digest(found.state.encode(), self._state.encode()):
            return _page(400, "This is a response to another request")
        if not self._response.done():
            self._response.set_result(found)
        if isinstance(found, ErrorResponse):
            return _page(200, "No token was granted. You may close this window.")
        return _page(200, "Go back to the terminal. You may close this window.")


def _page(status: int, words: str, **fields: str) -> web.Response:
    text = f"<!DOCTYPE html>\n<title>gateway token get</title>\n<p>{html.escape(words)}</p>\n"
    return web.Response(status=status, body=text.encode(), headers={**_FIELDS, **fields})


@asynccontextmanager
async def receiving(redirect_uri: str, state: str) -> AsyncIterator[RedirectReceiver]:
    """Listen at *redirect_uri*, whose port 0 stands for a free one, while the block runs.

    Only this machine reaches it (RFC 8252 §8.3). Raises PortTakenError.
    """
    parts = urlsplit(redirect_uri)
    try:
        bound = bind_loopback(str(parts.hostname), parts.port or 0)
    except OSError as error:
        raise PortTakenError(error.strerror) from None
    authority = origin_of(bound).removeprefix("http://")
    receiver = RedirectReceiver(parts._replace(netloc=authority).geturl(), state)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", receiver.serve)
    async with serving(application, bound):
        yield receiver
