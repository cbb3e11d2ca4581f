"""Share stores of sessions among logins, and among the configurations that reloads bring."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Final

from gateway.login.store import SessionStore
from gateway.login.stores.opening import open_store
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import Redis

_Key = tuple[object, ...]

_IN_MEMORY: Final[_Key] = (SessionStoreKind.MEMORY,)


@dataclass(slots=True)
class _Open:
    store: SessionStore
    users: int


class OpenStores:
    """The stores that are in use, each opened once; *clock* returns seconds since the epoch.

    A store that replaces another of its kind takes over what that one has in memory: so a new key
    for sealing, or a shorter life of sessions, ends none.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self._clock = clock
        self._open: dict[_Key, _Open] = {}

    def open(self, settings: SessionSettings, redis: Redis | None) -> SessionStore:
        """Return the store for *settings*, to ``release`` later; raises as ``open_store``."""
        key = _key(settings, redis)
        found = self._open.get(key)
        if found is None:
            latest_first = reversed(self._open.items())
            former = next((one.store for kept, one in latest_first if kept[0] is key[0]), None)
            store = open_store(settings, redis, former, self._clock)
            found = self._open[key] = _Open(store, 0)
        found.users += 1
        return found.store

    async def release(self, store: SessionStore) -> None:
        """Close *store* if nobody else has opened it."""
        for key, one in tuple(self._open.items()):
            if one.store is store:
                one.users -= 1
                if one.users == 0:
                    del self._open[key]
                    await store.close()


def _key(settings: SessionSettings, redis: Redis | None) -> _Key:
    """Return what makes two stores one; first their kind."""
    match settings.store:
        case SessionStoreKind.MEMORY:
            return _IN_MEMORY
        case SessionStoreKind.REDIS:
            return (settings.store, settings.keys, redis)
        case SessionStoreKind.COOKIE:
            limits = (settings.cookie_bytes, settings.total_seconds)
            return (settings.store, settings.keys, redis, *limits)
