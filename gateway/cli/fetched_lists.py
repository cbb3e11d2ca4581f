"""Read the revocation lists that speak of an issuer's tokens, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.decision.revocation import Revocation, RevocationList, RevocationLists
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.revocation.entries import MAX_LIST_BYTES, parse_revocations
from gateway.settings.values.configuration import RevocationSettings


@dataclass(frozen=True, slots=True)
class FetchedLists:
    """The *lists* that could be had, by name, and in words why the others could not."""

    lists: RevocationLists
    errors: tuple[str, ...]


async def find_lists(wanted: Sequence[RevocationSettings]) -> FetchedLists:
    """Return what the lists of *wanted* hold now; each takes at most its own fetch timeout."""
    lists: dict[str, RevocationList] = {}
    errors = []
    for one in wanted:
        read = _read if one.is_file else _fetch
        try:
            lists[one.rule.name] = RevocationList(await read(one))
        except FetchFailed as failure:
            errors.append(f"revocation list {one.rule.name}: {failure}")
    return FetchedLists(lists, tuple(errors))


async def _read(settings: RevocationSettings) -> tuple[Revocation, ...]:
    where, timeout_seconds = settings.location, settings.times.fetch_timeout_seconds
    try:
        async with asyncio.timeout(timeout_seconds):
            return _parse(await Files().read(where, MAX_LIST_BYTES), where)
    except TimeoutError:
        raise FetchFailed(f"{where}: not read in {timeout_seconds:g} s") from None


async def _fetch(settings: RevocationSettings) -> tuple[Revocation, ...]:
    # Only here, for what speaks HTTP takes longer to import than all the rest.
    from gateway.fetching.place import place  # noqa: PLC0415
    from gateway.fetching.session import make_session  # noqa: PLC0415
    from gateway.revocation.source import read_list  # noqa: PLC0415

    async with make_session() as session:
        return _parse(await read_list(session, Files(), settings), place(settings.location))


def _parse(body: bytes, where: str) -> tuple[Revocation, ...]:
    entries = parse_revocations(body)
    if isinstance(entries, str):
        raise FetchFailed(f"{where}: {entries}")
    return entries
