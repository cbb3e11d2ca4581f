"""A store that fails when a test wants it to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from gateway.login.store import SessionStore, StoreUnavailable
from tests.login.world import World


class Failing:
    """*store*, of which the methods named in *failing* raise."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self.is_shared = store.is_shared
        self.failing: set[str] = set()
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        async def method(*given: Any) -> Any:
            self.called.append(name)
            if name in self.failing:
                raise StoreUnavailable(f"{name}: no connection")
            return await found(*given)

        return method


@asynccontextmanager
async def failing_store(world: World) -> AsyncIterator[Failing]:
    """Let the logins of *world* use a store that fails as the test wants."""
    store = Failing(world.store)
    async with world.reloaded(store=cast("SessionStore", store)):
        yield store
