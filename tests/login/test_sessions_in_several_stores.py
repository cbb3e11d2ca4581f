"""Each login has its own store: none is asked, or fails, for the sessions of another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.cookies import SESSION_COOKIE
from gateway.login.kept import LoginsKept
from gateway.login.session import SessionView, Tokens
from gateway.login.sessions import Sessions
from gateway.login.store import SessionStore
from gateway.login.stores.open_stores import OpenStores
from gateway.settings.values.login import SessionSettings, SessionStoreKind
from gateway.settings.values.rates import OnFailure, Redis
from tests.decision.policies import NOW
from tests.limits.redis_server import running_redis
from tests.login.sessions import make_session
from tests.login.world import WallClock, World, login_settings, make_client, open_world

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOWHERE = Redis("unix:///nowhere.sock", 20.0, OnFailure.REFUSE, "test:")
HOUR = 3600.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as made:
        yield made


def settings(kind: SessionStoreKind, total: float, *keys: bytes) -> SessionSettings:
    return SessionSettings(kind, total, total, keys)


def make_sessions(
    world: World, redis: Redis, **logins: SessionSettings
) -> tuple[Sessions, dict[str, SessionStore]]:
    """Return the sessions of *logins*, and their stores, by the name of the login."""
    opened = OpenStores(world.clock)
    stores = {
        name: opened.open(one, redis if one.store is SessionStoreKind.REDIS else None)
        for name, one in logins.items()
    }
    clients = {
        name: make_client(world, login_settings(name=name, session=one))
        for name, one in logins.items()
    }
    return Sessions(clients, stores, LoginsKept(), world.clock), stores


async def begin(world: World, stores: dict[str, SessionStore], login: str) -> str:
    """Return the cookie of a new session of *login*, good for as long as the store lets it be."""
    tokens = Tokens(b"access", NOW + 24 * HOUR, NOW + 24 * HOUR)
    session = make_session(
        NOW,
        login=login,
        issuer=world.provider.url,
        tokens=tokens,
        idle_seconds=8 * HOUR,
        ends_at=NOW + 8 * HOUR,
    )
    kept = await stores[login].begin(session)
    assert kept is not None
    assert kept.value is not None
    return kept.value


async def close(stores: dict[str, SessionStore]) -> None:
    for store in stores.values():
        await store.close()


async def test_an_end_is_remembered_as_long_as_the_login_of_the_session_lets_it_be(
    world: World,
) -> None:
    """Two logins share their keys, and the sessions of one last longer."""
    sessions, stores = make_sessions(
        world,
        NOWHERE,
        brief=settings(SessionStoreKind.COOKIE, HOUR, KEY),
        long=settings(SessionStoreKind.COOKIE, 8 * HOUR, KEY),
    )
    value = await begin(world, stores, "long")
    copy = {SESSION_COOKIE: value}
    held = await sessions.read(copy)
    assert held is not None
    await sessions.end(held, "logout")
    clock = world.clock
    assert isinstance(clock, WallClock)
    for _ in range(9):
        assert await sessions.read(copy) is None
        assert await stores["long"].read(value) is None
        clock.at += HOUR - 1


@pytest.mark.parametrize("kind", [SessionStoreKind.MEMORY, SessionStoreKind.COOKIE])
async def test_without_redis_sessions_that_are_not_there_go_on(
    world: World, kind: SessionStoreKind
) -> None:
    keys = () if kind is SessionStoreKind.MEMORY else (KEY,)
    sessions, stores = make_sessions(
        world,
        NOWHERE,
        far=settings(SessionStoreKind.REDIS, 8 * HOUR, KEY),
        near=settings(kind, 8 * HOUR, *keys),
    )
    value = await begin(world, stores, "near")

    assert isinstance(await sessions.find({SESSION_COOKIE: value}), SessionView)
    assert await sessions.find({SESSION_COOKIE: "A" * 43}) is Reason.SESSIONS_UNAVAILABLE
    await close(stores)


async def test_stores_with_a_key_in_common_list_each_session_once(
    world: World, tmp_path: Path
) -> None:
    with running_redis(tmp_path) as server:
        redis = Redis(server.url, 60.0, OnFailure.REFUSE, "test:")
        sessions, stores = make_sessions(
            world,
            redis,
            one=settings(SessionStoreKind.REDIS, 8 * HOUR, KEY),
            two=settings(SessionStoreKind.REDIS, 8 * HOUR, OTHER_KEY, KEY),
        )
        await begin(world, stores, "one")
        await begin(world, stores, "two")

        assert sorted(one.login for one in await sessions.listed(None)) == ["one", "two"]
        await close(stores)
