"""Open the store of sessions that a configuration names."""

from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Final

from gateway.login.sealing import KeyRing
from gateway.login.store import SessionStore
from gateway.login.stores.cookie import CookieStore
from gateway.login.stores.ledger import SINCE_LEEWAY_SECONDS, Ledger
from gateway.login.stores.memory import MemoryStore
from gateway.login.stores.memory_ledger import MemoryLedger
from gateway.login.stores.redis import RedisStore
from gateway.login.stores.redis_commands import RedisCommands
from gateway.login.stores.redis_ledger import RedisLedger
from gateway.login.stores.redis_scripts import Names
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import Redis

# A rate limit has something to fall back on while Redis is slow, a session has nothing: a person
# would see an error, and a login would be lost whose code the issuer has taken already.
LEAST_SECONDS: Final = 1.0


def open_store(
    settings: SessionSettings,
    redis: Redis | None,
    former: SessionStore | None = None,
    clock: Callable[[], float] = time,
) -> SessionStore:
    """Return the store for *settings*; *redis* is the one that gateways share, if any.

    It takes over what *former* has in memory, the store of the same login before a reload: sessions
    if both keep them there, else which ones have ended. *former* may be returned itself; if not, it
    is to be closed when nobody uses it any more. Redis has LEAST_SECONDS to respond, or more if it
    may take longer. Raises ValueError if the store needs a Redis that is not configured.
    """
    if redis is not None:
        redis = wait_longer(redis)
    match settings.store:
        case SessionStoreKind.MEMORY:
            return former if isinstance(former, MemoryStore) else MemoryStore(clock)
        case SessionStoreKind.REDIS:
            if redis is None:
                raise ValueError("sessions in Redis need a Redis")
            return RedisStore(redis, KeyRing(settings.keys), clock)
        case SessionStoreKind.COOKIE:
            ring = KeyRing(settings.keys)
            earlier = former if isinstance(former, CookieStore) else None
            ledger = _open_ledger(redis, ring, earlier, clock)
            return CookieStore(
                ring,
                ledger,
                settings.cookie_bytes,
                settings.total_seconds,
                former=earlier,
                clock=clock,
            )


def wait_longer(redis: Redis) -> Redis:
    """Return *redis* with at least LEAST_SECONDS for each answer."""
    return replace(redis, timeout_seconds=max(redis.timeout_seconds, LEAST_SECONDS))


def _open_ledger(
    redis: Redis | None, ring: KeyRing, former: CookieStore | None, clock: Callable[[], float]
) -> Ledger:
    if redis is not None:
        return RedisLedger(RedisCommands(redis), Names(redis.prefix), ring, clock)
    if former is None:
        return MemoryLedger(clock)
    if isinstance(former.ledger, MemoryLedger):
        return former.ledger
    # Redis knew which sessions have ended, and nobody does now.
    return MemoryLedger(clock, since=clock() - SINCE_LEEWAY_SECONDS)
