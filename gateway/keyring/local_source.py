"""Read an issuer's keys from a local file, or from its secret."""

import asyncio

from gateway.decision.algorithms import HMAC_ALGORITHMS
from gateway.decision.keys import Key
from gateway.decision.policy import Issuer
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.keyring.jwk import ParsedSet, parse_bundle, parse_jwks
from gateway.keyring.pem import parse_pem
from gateway.settings.values.configuration import IssuerSettings, KeySource, SourceKind

_REMOTE = frozenset(
    {
        SourceKind.DISCOVERY,
        SourceKind.DISCOVERY_URL,
        SourceKind.JWKS_URL,
        SourceKind.INTROSPECTION,
    }
)


def is_local(source: KeySource) -> bool:
    """Return whether the keys are read without a network."""
    return source.kind not in _REMOTE


async def read_local_keys(files: Files, settings: IssuerSettings) -> ParsedSet:
    """Return the keys that the issuer's local source holds now, usable ones and others.

    Takes at most the issuer's fetch timeout: a disk may hang. Raises FetchFailed if the source is
    unreadable or not a key set.
    """
    source, timeout_seconds = settings.source, settings.times.fetch_timeout_seconds
    if source.is_secret:
        return secret_keys(source.secret or b"")
    try:
        async with asyncio.timeout(timeout_seconds):
            body = await files.read(source.location)
    except TimeoutError:
        words = f"{source.location}: not read in {timeout_seconds:g} s"
        raise FetchFailed(words) from None
    is_pem = source.kind is SourceKind.PEM_FILE
    parsed = parse_pem(body) if is_pem else parse_published(body, settings.issuer)
    if isinstance(parsed, str):
        raise FetchFailed(f"{source.location}: {parsed}")
    return parsed


def parse_published(body: bytes, issuer: Issuer) -> ParsedSet | str:
    """Return the keys in the key set or SPIFFE bundle of *issuer*, or why *body* is none.

    Those of an issuer with tenants sign for all of them: a key for one tenant must not (Storm-0558,
    2023: a key for personal accounts signed for organizations).
    """
    if issuer.trust_domain is not None:
        return parse_bundle(body)
    return parse_jwks(body, () if issuer.tenants is None else issuer.tenants.patterns)


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
