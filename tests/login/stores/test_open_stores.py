"""Stores that are shared: among logins, and over reloads."""

from dataclasses import replace

from gateway.login.stores.open_stores import OpenStores
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import OnFailure, Redis
from tests.login.sessions import Clock, make_session

REDIS = Redis("unix:///nowhere.sock", 1.0, OnFailure.REFUSE, "test:")
MEMORY = SessionSettings(SessionStoreKind.MEMORY, 100.0, 1000.0)
COOKIE = SessionSettings(SessionStoreKind.COOKIE, 100.0, 1000.0, (b"k" * 32,))
IN_REDIS = replace(COOKIE, store=SessionStoreKind.REDIS)


async def test_all_logins_in_memory_have_one_store_for_as_long_as_it_is_used() -> None:
    stores = OpenStores(Clock())
    first, second = stores.open(MEMORY, None), stores.open(replace(MEMORY, idle_seconds=5.0), None)
    kept = await first.begin(make_session())
    assert first is second
    assert kept is not None
    assert kept.value is not None

    await stores.release(first)
    again = stores.open(MEMORY, REDIS)
    assert await again.read(kept.value) is not None
    await stores.release(again)
    await stores.release(again)
    assert await stores.open(MEMORY, None).read(kept.value) is None


async def test_a_redis_is_connected_to_once_for_the_same_keys() -> None:
    stores = OpenStores(Clock())
    first = stores.open(IN_REDIS, REDIS)

    assert stores.open(replace(IN_REDIS, total_seconds=5.0), REDIS) is first
    assert stores.open(replace(IN_REDIS, keys=(b"n" * 32,)), REDIS) is not first


async def test_sessions_in_cookies_that_ended_stay_so_whichever_login_reads_them() -> None:
    stores = OpenStores(Clock())
    one, other = stores.open(COOKIE, None), stores.open(replace(COOKIE, total_seconds=2e3), None)
    kept = await one.begin(make_session())
    assert kept is not None
    assert kept.value is not None
    assert await other.read(kept.value) is not None

    await one.end(kept.session.id)
    await stores.release(one)
    assert await other.read(kept.value) is None
    renewed = stores.open(replace(COOKIE, keys=(b"n" * 32, *COOKIE.keys)), None)
    await stores.release(other)
    assert await renewed.read(kept.value) is None


async def test_a_store_that_nobody_opened_is_released_without_effect() -> None:
    stores, other = OpenStores(Clock()), OpenStores(Clock())
    store = stores.open(MEMORY, None)
    await other.release(store)

    assert stores.open(MEMORY, None) is store
