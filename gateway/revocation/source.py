"""Read a revocation list once, from its configured source."""

import asyncio

from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.files import Files
from gateway.fetching.reach import Reach
from gateway.revocation.entries import MAX_LIST_BYTES
from gateway.settings.values.configuration import RevocationSettings
from gateway.tls.client_context import make_trusting_context


async def read_list(session: ClientSession, files: Files, settings: RevocationSettings) -> bytes:
    """Return the current text of the list.

    Takes at most the list's fetch timeout. Raises FetchFailed if it cannot be read.
    """
    timeout_seconds = settings.times.fetch_timeout_seconds
    if not settings.is_file:
        reach = Reach(make_trusting_context(settings.ca), settings.proxy)
        return await fetch(session, settings.location, timeout_seconds, MAX_LIST_BYTES, reach)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await files.read(settings.location, MAX_LIST_BYTES)
    except TimeoutError:
        words = f"{settings.location}: not read in {timeout_seconds:g} s"
        raise FetchFailed(words) from None
