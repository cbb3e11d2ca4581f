"""Fetch the keys of every issuer once."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.fetching.shown_url import show_url
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.local_source import is_local
from gateway.keyring.source import read_keys
from gateway.settings.values.configuration import IssuerSettings

# Of the 1,024 files that a process may open on most machines.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """The keys from one issuer's source, or the *error* if it could not be read."""

    settings: IssuerSettings
    parsed: ParsedSet
    error: str | None

    @property
    def source(self) -> str:
        """Return the kind of the source with its place."""
        source = self.settings.source
        where = source.location if is_local(source) else show_url(source.location)
        return f"{source.kind.value} {where}"


async def find_keys(issuers: Iterable[IssuerSettings]) -> list[Finding]:
    """Return the current keys of *issuers*, in their order.

    Each fetch takes at most its own timeout, once it has begun.
    """
    files, turns = Files(), asyncio.Semaphore(_AT_ONCE)
    async with make_session() as session:

        async def find(settings: IssuerSettings) -> Finding:
            async with turns:
                return await find_keys_of(session, files, settings)

        return list(await asyncio.gather(*map(find, issuers)))


async def find_keys_of(session: ClientSession, files: Files, settings: IssuerSettings) -> Finding:
    """Return the current keys of one issuer, or why they could not be read."""
    try:
        return Finding(settings, await read_keys(session, files, settings), None)
    except FetchFailed as failure:
        return Finding(settings, ParsedSet((), ()), str(failure))
