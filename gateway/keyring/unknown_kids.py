"""Limit fetches for unknown key ids."""

from collections.abc import Callable
from hashlib import blake2b

from cachetools import TTLCache

from gateway.settings.values.configuration import KeyTimes

MAX_REMEMBERED = 1024

# Strangers choose key ids of up to 1,024 characters; they cannot find two with one digest.
_DIGEST_BYTES = 16


class UnknownKids:
    """Key ids that an issuer did not have, each for *seconds* of *timer*; the oldest are evicted.

    They are kept as digests, so that a flood of long ones for many issuers costs little memory.
    """

    def __init__(self, seconds: float, timer: Callable[[], float]) -> None:
        self._digests: TTLCache[bytes, None] = TTLCache(MAX_REMEMBERED, ttl=seconds, timer=timer)

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, kid: str) -> bool:
        return _digest(kid) in self._digests

    def add(self, kid: str) -> None:
        """Remember that there is no key *kid* at present."""
        self._digests[_digest(kid)] = None


def _digest(kid: str) -> bytes:
    return blake2b(kid.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def may_ask_for_kid(asked_at: float | None, times: KeyTimes, now: float) -> bool:
    """Return whether an unknown `kid` may start a fetch: once per cooldown (CVE-2026-48524).

    *asked_at* is when one last did, or None; times are in seconds.
    """
    return asked_at is None or now >= asked_at + times.unknown_kid_cooldown_seconds
