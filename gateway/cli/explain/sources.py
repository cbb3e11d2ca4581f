"""Read the keys and revocation lists that decide about one issuer's tokens, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.decision.keys import KeySet
from gateway.decision.revocation import Revocation, RevocationList, RevocationLists
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.keyring.local_source import is_local, read_local_keys
from gateway.revocation.entries import MAX_LIST_BYTES, parse_revocations
from gateway.settings.values.configuration import IssuerSettings, RevocationSettings, Settings


@dataclass(frozen=True, slots=True)
class FetchedLists:
    """The *lists* that were read, by name, and *errors* for the others."""

    lists: RevocationLists
    errors: tuple[str, ...]


def find_keys_of(settings: IssuerSettings, *, is_online: bool) -> KeySet | str:
    """Return the current keys of an issuer, or why there are none."""
    if is_local(settings.source):
        try:
            parsed = asyncio.run(read_local_keys(Files(), settings))
        except FetchFailed as failure:
            return str(failure)
    elif is_online:
        # Imported here: an HTTP client takes longer to import than everything else takes to run.
        from gateway.cli.fetched_keys import find_keys  # noqa: PLC0415

        (finding,) = asyncio.run(find_keys([settings]))
        if finding.error is not None:
            return finding.error
        parsed = finding.parsed
    else:
        return "they are behind a URL, which --offline does not fetch"
    return KeySet(parsed.keys) if parsed.keys else "no usable key in the set"


def find_lists_of(
    settings: Settings, issuer_name: str, *, is_online: bool
) -> tuple[FetchedLists, tuple[str, ...]]:
    """Return the lists that apply to an issuer's tokens, and a note for each one that was skipped.

    A skipped list revokes no token.
    """
    rules = settings.policy.revocations.get(issuer_name, ())
    wanted = [settings.revocations[rule.name] for rule in rules]
    fetched = [one for one in wanted if one.is_file or is_online]
    skipped = [one.rule.name for one in wanted if one not in fetched]
    found = asyncio.run(find_lists(fetched))
    lists = {**dict.fromkeys(skipped, RevocationList([])), **found.lists}
    notes = tuple(f"the revocation list {name} is behind a URL: not fetched" for name in skipped)
    return FetchedLists(lists, found.errors), notes


async def find_lists(wanted: Sequence[RevocationSettings]) -> FetchedLists:
    """Return the current lists of *wanted*; each takes at most its own fetch timeout."""
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
    # Imported here, as above.
    from gateway.fetching.session import make_session  # noqa: PLC0415
    from gateway.fetching.shown_url import show_url  # noqa: PLC0415
    from gateway.revocation.source import read_list  # noqa: PLC0415

    async with make_session() as session:
        return _parse(await read_list(session, Files(), settings), show_url(settings.location))


def _parse(body: bytes, where: str) -> tuple[Revocation, ...]:
    entries = parse_revocations(body)
    if isinstance(entries, str):
        raise FetchFailed(f"{where}: {entries}")
    return entries
