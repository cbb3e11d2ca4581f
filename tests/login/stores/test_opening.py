"""A reload changes what the configuration changes, and forgets nothing else."""

from dataclasses import replace

import pytest

from gateway.login.store import Ended
from gateway.login.stores.cookie import CookieStore
from gateway.login.stores.memory import MemoryStore
from gateway.login.stores.opening import open_store, wait_longer
from gateway.login.stores.redis import RedisStore
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import OnFailure, Redis
from tests.login.sessions import ISSUER, Clock, make_session

REDIS = Redis("unix:///nowhere.sock", 1.0, OnFailure.REFUSE, "test:")
MEMORY = SessionSettings(SessionStoreKind.MEMORY, 100.0, 1000.0)


def cookie(*keys: bytes) -> SessionSettings:
    return SessionSettings(SessionStoreKind.COOKIE, 100.0, 1000.0, keys or (b"k" * 32,))


@pytest.mark.parametrize(
    ("settings", "redis", "kind", "is_shared"),
    [
        (MEMORY, None, MemoryStore, False),
        (MEMORY, REDIS, MemoryStore, False),
        (SessionSettings(SessionStoreKind.REDIS, 1.0, 1.0, (b"k" * 32,)), REDIS, RedisStore, True),
        (cookie(), None, CookieStore, False),
        (cookie(), REDIS, CookieStore, True),
    ],
)
async def test_the_store_is_the_one_of_the_configuration(
    settings: SessionSettings, redis: Redis | None, kind: type, is_shared: bool
) -> None:
    store = open_store(settings, redis)

    assert type(store) is kind
    assert store.is_shared is is_shared
    await store.close()


@pytest.mark.parametrize(("configured", "waited"), [(0.1, 1.0), (1.0, 1.0), (2.5, 2.5)])
def test_sessions_wait_for_redis_a_second_at_least(configured: float, waited: float) -> None:
    """A login failed if the first connection to Redis took longer than counting a request may."""
    redis = wait_longer(replace(REDIS, timeout_seconds=configured))

    assert redis == replace(REDIS, timeout_seconds=waited)


async def test_sessions_in_memory_survive() -> None:
    store = open_store(MEMORY, None)
    longer = SessionSettings(SessionStoreKind.MEMORY, 200.0, 2000.0)

    assert open_store(longer, REDIS, store) is store


async def test_ends_survive_with_other_keys() -> None:
    clock = Clock()
    store = open_store(cookie(), None, clock=clock)
    kept = await store.begin(make_session())
    other = await store.begin(make_session(sid="sid-2"))
    assert kept is not None
    assert other is not None
    await store.end(kept.session.id)
    renewed = open_store(cookie(b"n" * 32, b"k" * 32), None, store, clock)

    assert renewed is not store
    assert await renewed.read(kept.value or "") is None
    assert await renewed.end_all(Ended(ISSUER, sid="sid-2")) == {other.session.id}
    assert await store.read(other.value or "") is None


async def test_without_redis_nobody_knows_which_sessions_ended() -> None:
    """So all that began before the reload have."""
    clock = Clock()
    with_redis = open_store(cookie(), REDIS, clock=clock)
    assert isinstance(with_redis, CookieStore)
    alone = open_store(cookie(), None, with_redis, clock)
    old, new = make_session(clock.now - 61), make_session(clock.now - 1)

    assert await alone.begin(old) is None
    assert await alone.begin(new) is not None
    await with_redis.close()


async def test_another_kind_of_store_begins_empty() -> None:
    store = open_store(MEMORY, None)
    kept = await store.begin(make_session())
    assert kept is not None

    assert await open_store(cookie(), None, store).read(kept.value or "") is None
    assert open_store(MEMORY, None, open_store(cookie(), None, store)) is not store


def test_sessions_in_redis_need_a_redis() -> None:
    with pytest.raises(ValueError, match="need a Redis"):
        open_store(SessionSettings(SessionStoreKind.REDIS, 1.0, 1.0, (b"k" * 32,)), None)
