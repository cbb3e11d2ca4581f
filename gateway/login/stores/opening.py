"""Open the store of sessions that a configuration names."""

from collections.abc import Callable
from time import time

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


def open_store(
    settings: SessionSettings,
    redis: Redis | None,
    former: SessionStore | None = None,
    clock: Callable[[], float] = time,
) -> SessionStore:
    """Return the store for *settings*; *redis* is the one that gateways share, if any.

    It takes over what *former* has in memory, the store of the same login before a reload: sessions
    if both keep them there, else which ones have ended. *former* may be returned itself; if not, it
    is to be closed when nobody uses it any more. Raises ValueError if the store needs a Redis that
    is not configured.
    """
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
