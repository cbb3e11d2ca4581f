"""Validate every file with keys or revocations that a configuration names."""

import asyncio
from collections.abc import Awaitable, Iterator

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.keyring.describe import describe_unfit
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.kid_text import kid_text
from gateway.keyring.local_source import is_local, read_local_keys
from gateway.revocation.entries import MAX_LIST_BYTES, parse_revocations
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import (
    IssuerSettings,
    RevocationSettings,
    Settings,
)

# Reading one takes a thread and a descriptor.
_AT_ONCE = 200
_SHOWN_REASONS = 3


async def find_in_files(settings: Settings, places: Places) -> tuple[Fault, ...]:
    """Return the faults of the files of issuers and revocation lists.

    A file without which no token can be accepted is an error, a single unusable key a warning.
    Each file is read for at most its fetch timeout.
    """
    files, turns = Files(), asyncio.Semaphore(_AT_ONCE)

    async def run(trial: Awaitable[Fault | None]) -> Fault | None:
        async with turns:
            return await trial

    trials = [*_issuers(settings, places, files), *_lists(settings, places, files)]
    found = await asyncio.gather(*map(run, trials))
    return tuple(fault for fault in found if fault is not None)


def _issuers(settings: Settings, places: Places, files: Files) -> Iterator[Awaitable[Fault | None]]:
    for name, one in settings.issuers.items():
        kind = one.source.kind
        if is_local(one.source) and not one.source.is_secret:
            yield _judge_keys(one, places.issuer(name).child(kind.value), files)


async def _judge_keys(one: IssuerSettings, part: Part, files: Files) -> Fault | None:
    try:
        parsed = await read_local_keys(files, one)
    except FetchFailed as failure:
        return part.fault(Code.KEYS_UNUSABLE, str(failure))
    missing = describe_no_key(parsed, one.issuer.algorithms)
    if missing is not None:
        return part.fault(Code.KEYS_UNUSABLE, missing)
    useless = _useless(parsed, one.issuer.algorithms)
    if not useless:
        return None
    shown = "; ".join(useless[:_SHOWN_REASONS])
    more = f"; and {len(useless) - _SHOWN_REASONS} more" if len(useless) > _SHOWN_REASONS else ""
    return part.warning(Code.UNUSABLE_KEY, f"unusable: {shown}{more}")


def describe_no_key(parsed: ParsedSet, allowed: frozenset[str]) -> str | None:
    """Return why no key of *parsed* fits an *allowed* algorithm; None if one does."""
    if any(key.algorithms & allowed for key in parsed.keys):
        return None
    if parsed.keys:
        return describe_unfit(parsed.keys, allowed)
    reasons = "; ".join(parsed.unusable[:_SHOWN_REASONS])
    return f"no usable key ({reasons})" if reasons else "no usable key: the set is empty"


def _useless(parsed: ParsedSet, allowed: frozenset[str]) -> list[str]:
    """Return, for each key that fits no *allowed* algorithm, why."""
    unfit = [
        f"{kid_text(key.kid)} is for {', '.join(sorted(key.algorithms))} alone"
        for key in parsed.keys
        if not key.algorithms & allowed
    ]
    return [*parsed.unusable, *unfit]


def _lists(settings: Settings, places: Places, files: Files) -> Iterator[Awaitable[Fault | None]]:
    for name, one in settings.revocations.items():
        if one.is_file:
            part = places.main().child("revocations").child(name).child("file")
            yield _judge_list(one, part, files)


async def _judge_list(one: RevocationSettings, part: Part, files: Files) -> Fault | None:
    timeout_seconds = one.times.fetch_timeout_seconds
    try:
        async with asyncio.timeout(timeout_seconds):
            body = await files.read(one.location, MAX_LIST_BYTES)
    except FetchFailed as failure:
        return part.fault(Code.REVOCATIONS_UNUSABLE, str(failure))
    except TimeoutError:
        message = f"{one.location}: not read in {timeout_seconds:g} s"
        return part.fault(Code.REVOCATIONS_UNUSABLE, message)
    entries = parse_revocations(body)
    if isinstance(entries, str):
        return part.fault(Code.REVOCATIONS_UNUSABLE, f"{one.location}: {entries}")
    return None
