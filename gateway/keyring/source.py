"""Read an issuer's keys from wherever its configuration says they are, once."""

import asyncio
from typing import assert_never

from aiohttp import ClientSession

from gateway.decision.algorithms import HMAC_ALGORITHMS
from gateway.decision.keys import Key
from gateway.fetching.fetch import FetchFailed, fetch, place
from gateway.fetching.files import Files
from gateway.keyring.discovery import discover
from gateway.keyring.jwk import ParsedSet, parse_jwks
from gateway.keyring.pem import parse_pem
from gateway.settings.values import IssuerSettings, KeySource, SourceKind


async def read_keys(session: ClientSession, files: Files, settings: IssuerSettings) -> ParsedSet:
    """Return the keys that the issuer's source holds now, usable ones and others.

    Takes at most the issuer's fetch timeout, discovery included. Raises FetchFailed where
    the source cannot be read or is no key set.
    """
    timeout_seconds = settings.times.fetch_timeout_seconds
    source = settings.source
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _read(session, files, settings)
    except TimeoutError:
        where = place(source.location) if _is_url(source) else source.location
        raise FetchFailed(f"{where}: no complete answer in {timeout_seconds:g} s") from None


def secret_keys(secret: bytes) -> ParsedSet:
    """Return the HMAC key made of *secret*, for the algorithms it is long enough for.

    RFC 7518 §3.2: "A key of the same size as the hash output or larger MUST be used".
    """
    algorithms = frozenset(
        name for name in HMAC_ALGORITHMS if len(secret) * 8 >= int(name.removeprefix("HS"))
    )
    if not algorithms:
        return ParsedSet((), ("secret is shorter than 32 bytes",))
    return ParsedSet((Key(None, algorithms, secret),), ())


def _is_url(source: KeySource) -> bool:
    return source.kind in {SourceKind.DISCOVERY, SourceKind.JWKS_URL}


async def _read(session: ClientSession, files: Files, settings: IssuerSettings) -> ParsedSet:
    source, timeout_seconds = settings.source, settings.times.fetch_timeout_seconds
    match source.kind:
        case SourceKind.DISCOVERY:
            url = await discover(session, settings.issuer.issuer, timeout_seconds)
            parsed = parse_jwks(await fetch(session, url, timeout_seconds))
            where = place(url)
        case SourceKind.JWKS_URL:
            parsed = parse_jwks(await fetch(session, source.location, timeout_seconds))
            where = place(source.location)
        case SourceKind.JWKS_FILE:
            parsed = parse_jwks(await files.read(source.location))
            where = source.location
        case SourceKind.PEM_FILE:
            parsed = parse_pem(await files.read(source.location))
            where = source.location
        case SourceKind.SECRET:
            parsed, where = secret_keys(source.secret or b""), "secret"
        case _:
            assert_never(source.kind)
    if isinstance(parsed, str):
        raise FetchFailed(f"{where}: {parsed}")
    return parsed
