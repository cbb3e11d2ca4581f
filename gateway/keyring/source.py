"""Read an issuer's keys once, from its configured source."""

import asyncio

from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.files import Files
from gateway.fetching.reach import make_reach
from gateway.fetching.shown_url import show_url
from gateway.keyring.discovery import discover
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.local_source import is_local, parse_published, read_local_keys
from gateway.settings.values.configuration import IssuerSettings, SourceKind


async def read_keys(session: ClientSession, files: Files, settings: IssuerSettings) -> ParsedSet:
    """Return the keys that the issuer's source holds now, usable ones and others.

    Takes at most the issuer's fetch timeout, discovery included. Raises FetchFailed if the source
    is unreachable or not a key set.
    """
    if is_local(settings.source):
        return await read_local_keys(files, settings)
    timeout_seconds = settings.times.fetch_timeout_seconds
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _fetch(session, settings)
    except TimeoutError:
        words = (
            f"{show_url(settings.source.location)}: no complete response in {timeout_seconds:g} s"
        )
        raise FetchFailed(words) from None


async def _fetch(session: ClientSession, settings: IssuerSettings) -> ParsedSet:
    source, timeout_seconds = settings.source, settings.times.fetch_timeout_seconds
    url, reach = source.location, make_reach(source)
    if source.kind is not SourceKind.JWKS_URL:
        url = await discover(session, settings.issuer.issuer, timeout_seconds, reach)
    body = await fetch(session, url, timeout_seconds, reach=reach)
    parsed = parse_published(body, settings.issuer)
    if isinstance(parsed, str):
        raise FetchFailed(f"{show_url(url)}: {parsed}")
    return parsed
