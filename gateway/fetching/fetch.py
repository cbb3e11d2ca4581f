"""Fetch one small document over HTTP, or fail with a reason for the log."""

from http import HTTPStatus

from aiohttp import ClientResponse, ClientSession
from yarl import URL

from gateway.fetching.document import MAX_DOCUMENT_BYTES, FetchFailed
from gateway.fetching.exchange import exchange_failures, read_body
from gateway.fetching.reach import DIRECT, Reach
from gateway.fetching.shown_url import show_url

MAX_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def fetch(
    session: ClientSession,
    url: str,
    timeout_seconds: float,
    max_bytes: int = MAX_DOCUMENT_BYTES,
    reach: Reach = DIRECT,
) -> bytes:
    """Return the body of the 200 response to a GET of *url*, at most *max_bytes* decompressed.

    The whole exchange, with redirects and a slow body, takes at most *timeout_seconds*. Raises
    FetchFailed for every outside failure.
    """
    async with exchange_failures(url, timeout_seconds):
        return await _follow(session, URL(url), max_bytes, reach)


async def _follow(session: ClientSession, url: URL, max_bytes: int, reach: Reach) -> bytes:
    """Get *url*, following redirects on the same origin only (GHSA-9v7f-9g4p-ffgj).

    Redirects to other origins would let anyone who controls one page of the issuer choose its
    keys, or make us call services that only we can reach.
    """
    target = url
    for _ in range(MAX_REDIRECTS + 1):
        options = reach.options(target)
        async with session.get(target, allow_redirects=False, **options) as response:
            if response.status not in _REDIRECTS:
                return await _body(response, show_url(str(url)), max_bytes)
            following = target.join(URL(response.headers.get("Location", "")))
        if following.origin() != url.origin():
            raise FetchFailed(f"{show_url(str(url))}: redirects to another host, not followed")
        target = following
    raise FetchFailed(f"{show_url(str(url))}: more than {MAX_REDIRECTS} redirects")


async def _body(response: ClientResponse, where: str, max_bytes: int) -> bytes:
    if response.status != HTTPStatus.OK:
        raise FetchFailed(f"{where}: status {response.status} instead of 200")
    return await read_body(response, where, max_bytes)
