"""Sessions in Redis: what is kept there, what happens without it, and what gateways share."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.login.sealing import KeyRing
from gateway.login.store import Ended, SessionStore, StoreUnavailable
from gateway.login.stores.redis import RedisStore
from gateway.login.stores.redis_commands import RedisCommands
from gateway.login.stores.redis_scripts import Names
from gateway.settings.values.rates import Redis
from tests.hanging import LIMIT_SECONDS
from tests.limits.redis_server import RedisServer
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session, make_tokens

RING = KeyRing([b"k" * 32])
NAMES = Names("test:")


@pytest.fixture
async def commands(redis: Redis) -> AsyncIterator[RedisCommands]:
    commands = RedisCommands(redis)
    yield commands
    await commands.close()


@pytest.fixture
async def stores(redis: Redis) -> AsyncIterator[list[RedisStore]]:
    """Those of two gateways."""
    clock = Clock()
    made = [RedisStore(redis, RING, clock) for _ in range(2)]
    yield made
    for one in made:
        await one.close()


async def log_in(store: RedisStore, **changes: object) -> tuple[str, bytes]:
    kept = await store.begin(make_session(**changes))  # type: ignore[arg-type]
    assert kept is not None
    assert kept.value is not None
    return kept.value, kept.session.id


async def everything(commands: RedisCommands) -> bytes:
    """Return all keys and values there are."""
    found = []
    for key in await commands.ask("KEYS", "*"):
        kind = await commands.ask("TYPE", key)
        read = {
            b"hash": ("HGETALL", key),
            b"zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
            b"string": ("GET", key),
        }[kind]
        found.append(key + repr(await commands.ask(*read)).encode())
    return b"\n".join(found)


async def test_redis_holds_neither_cookies_nor_tokens_nor_names(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    store = stores[0]
    value, session_id = await log_in(store, subject="a.lovelace", claims={"email": "x@y.example"})
    await store.replace(make_session(id=session_id, tokens=make_tokens(1), version=1))
    await store.end_all(Ended(ISSUER, subject="a.lovelace", before=BEGUN_AT - 1))
    await store.use_once(b"the-state", 60.0)
    await store.lock(session_id, 60.0)
    text = await everything(commands)

    for secret in (
        value,
        "access-",
        "refresh-",
        "id-0",
        "a.lovelace",
        "y.example",
        "sid-1",
        "login.t",
    ):
        assert secret.encode() not in text
    assert b"the-state" not in text
    assert session_id.hex().encode() in text


async def test_a_value_under_another_key_is_no_session(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    """Whoever may write to Redis gives no browser the session of another."""
    ada, ada_id = await log_in(stores[0])
    eve, eve_id = await log_in(stores[0], subject="eve")
    sealed = await commands.ask("HGET", NAMES.session(ada_id), "sealed")
    await commands.ask("HSET", NAMES.session(eve_id), "sealed", sealed)

    assert await stores[0].read(eve) is None
    assert await stores[0].read(ada) is not None


@pytest.mark.parametrize("sealed", ["", "x", "AQ", "\xff", "{}"])
async def test_a_value_that_was_not_sealed_is_no_session(
    stores: list[RedisStore], commands: RedisCommands, sealed: str
) -> None:
    value, session_id = await log_in(stores[0])
    await commands.ask("HSET", NAMES.session(session_id), "sealed", sealed)

    assert await stores[0].read(value) is None


async def test_a_session_of_a_key_that_was_removed_is_none(
    stores: list[RedisStore], redis: Redis
) -> None:
    value, _ = await log_in(stores[0])
    during = RedisStore(redis, KeyRing([b"n" * 32, b"k" * 32]), Clock())
    after = RedisStore(redis, KeyRing([b"n" * 32]), Clock())

    assert await during.read(value) is not None
    assert await after.read(value) is None
    assert await after.sessions(None, 10) == []
    await during.close()
    await after.close()


async def test_an_end_is_seen_by_the_next_read_elsewhere(stores: list[RedisStore]) -> None:
    here, there = stores
    first, first_id = await log_in(here)
    second, second_id = await log_in(here)
    third, _ = await log_in(here, subject="bob", sid="sid-2")
    assert None not in [await there.read(one) for one in (first, second, third)]
    await here.end(first_id)
    assert await there.read(first) is None
    assert await here.end_all(Ended(ISSUER, sid="sid-1")) == {second_id}
    assert await there.read(second) is None
    assert await there.read(third) is not None


async def test_of_gateways_that_refresh_at_once_one_wins(stores: list[RedisStore]) -> None:
    value, session_id = await log_in(stores[0])
    refreshed = [make_session(id=session_id, tokens=make_tokens(n), version=1) for n in range(10)]
    kept = await asyncio.gather(*(stores[n % 2].replace(one) for n, one in enumerate(refreshed)))
    tokens = {one.session.tokens for one in kept if one is not None}

    assert len(tokens) == 1
    for store in stores:
        read = await store.read(value)
        assert read is not None
        assert {read.session.tokens} == tokens


@pytest.mark.parametrize("seed", range(20))
async def test_a_login_and_a_logout_that_cross_leave_no_session(
    stores: list[RedisStore], seed: int
) -> None:
    """OpenID Connect Back-Channel Logout 1.0 §2.7: in whatever order they arrive."""

    async def log_in_after(turns: int) -> str | None:
        for _ in range(turns):
            await asyncio.sleep(0)
        kept = await stores[turns % 2].begin(make_session())
        return None if kept is None else kept.value

    logins = [log_in_after((seed * 7 + n * 3) % 40) for n in range(10)]
    logout = stores[0].end_all(Ended(ISSUER, subject="ada", before=BEGUN_AT + 1))
    *values, _ = await asyncio.gather(*logins, logout)

    read = [await stores[1].read(value) for value in values if isinstance(value, str)]
    assert set(read) <= {None}
    assert await stores[1].sessions("ada", 100) == []


async def test_a_login_too_many_ends_the_one_of_its_subject_used_least_recently(
    redis: Redis,
) -> None:
    store = RedisStore(redis, RING, Clock(), most_of_subject=3)
    first, second, third = [(await log_in(store)) for _ in range(3)]
    elsewhere, _ = await log_in(store, issuer="https://other.test/")
    other, _ = await log_in(store, subject="bob")
    session = await store.read(first[0])
    assert session is not None
    await store.touch(session.session, BEGUN_AT + 1)
    kept = await store.begin(make_session())

    assert kept is not None
    assert kept.displaced < {second[1], third[1]}
    assert len(kept.displaced) == 1
    read = [await store.read(one) is not None for one in (first[0], elsewhere, other)]
    assert read == [True, True, True]
    assert len(await store.sessions("ada", 10)) == 4
    await store.close()


async def test_all_that_is_kept_has_an_end(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    _, session_id = await log_in(stores[0])
    await log_in(stores[0], sid=None, ends_at=BEGUN_AT + 2000)
    await log_in(stores[0], subject="bob", ends_at=BEGUN_AT + 10)
    await stores[0].replace(make_session(id=session_id, version=1))
    await stores[0].touch(make_session(id=session_id), BEGUN_AT + 1)
    await stores[0].end_all(Ended(ISSUER, sid="none"))
    lives = {key: await commands.ask("PTTL", key) for key in await commands.ask("KEYS", "*")}

    assert lives
    assert min(lives.values()) > 0
    assert max(lives.values()) <= 2_000_000
    assert lives[NAMES.session(session_id)] <= 101_000


async def test_a_session_that_is_used_lives_longer_in_redis_as_well(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    _, session_id = await log_in(stores[0])
    key = NAMES.session(session_id)
    await commands.ask("PEXPIRE", key, 50_000)
    await stores[0].touch(make_session(id=session_id), BEGUN_AT + 1)

    assert await commands.ask("PTTL", key) > 60_000


async def test_a_refresh_leaves_nothing_of_a_session_that_ended(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    value, session_id = await log_in(stores[0])
    await stores[0].end(session_id)
    assert await stores[0].replace(make_session(id=session_id, version=1)) is None
    await stores[0].touch(make_session(id=session_id), BEGUN_AT + 1)

    assert await commands.ask("KEYS", "*") == []
    assert await stores[0].read(value) is None


async def test_lists_forget_what_is_over(stores: list[RedisStore], commands: RedisCommands) -> None:
    store = stores[0]
    clock = store._clock
    assert isinstance(clock, Clock)
    for _ in range(30):
        clock.now += 200
        await log_in(store, now=clock.now)
    for listed in (NAMES.everyone, NAMES.of_subject("ada"), NAMES.of_sid(ISSUER, "sid-1")):
        assert await commands.ask("ZCARD", listed) <= 6
    _, session_id = await log_in(store, now=clock.now)
    before = [await commands.ask("ZCARD", NAMES.everyone)]
    await store.end(session_id)
    assert await commands.ask("ZCARD", NAMES.everyone) == before[0] - 1


async def test_an_idle_session_goes_by_itself(stores: list[RedisStore]) -> None:
    value, session_id = await log_in(stores[0], idle_seconds=0.05)
    deadline = time.monotonic() + LIMIT_SECONDS
    while await stores[0].read(value) is not None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await stores[0].touch(make_session(id=session_id), BEGUN_AT + 0.01)
    assert await stores[0].read(value) is None


async def refusals(store: SessionStore, value: str, session_id: bytes) -> list[object]:
    """Return what each of a store's methods does."""
    session = make_session(id=session_id)
    asked = [
        store.begin(make_session()),
        store.read(value),
        store.get(session_id),
        store.replace(replace(session, version=9)),
        store.touch(session, BEGUN_AT + 50),
        store.end(session_id),
        store.end_all(Ended(ISSUER, sid="sid-1", subject="ada", before=BEGUN_AT + 99)),
        store.sessions(None, 9),
        store.sessions("ada", 9),
        store.use_once(b"x", 9.0),
        store.lock(session_id, 9.0),
        store.unlock(session_id, "x"),
    ]
    return [await asyncio.gather(one, return_exceptions=True) for one in asked]


def is_refused(results: list[object]) -> list[bool]:
    return [isinstance(one, list) and isinstance(one[0], StoreUnavailable) for one in results]


async def test_without_redis_no_method_says_that_there_is_no_session(
    stores: list[RedisStore], server: RedisServer
) -> None:
    value, session_id = await log_in(stores[0])
    server.kill()

    assert is_refused(await refusals(stores[0], value, session_id)) == [True] * 12


async def test_a_sealed_cookie_is_no_question_for_redis(
    stores: list[RedisStore], server: RedisServer
) -> None:
    """Else sessions in cookies would be unavailable whenever Redis is."""
    server.kill()

    assert await stores[0].read("A" * 500) is None


async def test_while_redis_hangs_every_method_is_refused_in_time(
    stores: list[RedisStore], redis: Redis, server: RedisServer
) -> None:
    value, session_id = await log_in(stores[0])
    store = RedisStore(replace(redis, timeout_seconds=0.05), RING, Clock())
    server.stall()
    try:
        assert is_refused(await refusals(store, value, session_id)) == [True] * 12
    finally:
        server.go_on()
    await store.close()
    assert await stores[0].read(value) is not None


async def test_a_redis_that_is_full_keeps_no_session_and_loses_none(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    value, _ = await log_in(stores[0])
    await commands.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StoreUnavailable, match="OutOfMemoryError"):
        await stores[0].begin(make_session())
    with pytest.raises(StoreUnavailable, match="OutOfMemoryError"):
        await stores[0].use_once(b"x", 9.0)
    assert await stores[0].read(value) is not None
    await commands.ask("CONFIG", "SET", "maxmemory", "0")


async def test_a_redis_that_may_only_be_read_is_unavailable_for_what_writes(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    value, session_id = await log_in(stores[0])
    await commands.ask("REPLICAOF", "127.0.0.1", "1")
    for one in (
        stores[0].begin(make_session()),
        stores[0].end(session_id),
        stores[0].use_once(b"x", 9.0),
        stores[0].replace(make_session(id=session_id, version=3)),
    ):
        with pytest.raises(StoreUnavailable):
            await one
    await commands.ask("REPLICAOF", "NO", "ONE")
    assert await stores[0].read(value) is not None


async def test_a_key_of_another_type_is_no_missing_session(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    value, session_id = await log_in(stores[0])
    await commands.ask("SET", NAMES.session(session_id), "x")
    for one in (
        stores[0].read(value),
        stores[0].replace(make_session(id=session_id, version=3)),
        stores[0].touch(make_session(id=session_id), BEGUN_AT + 5),
    ):
        with pytest.raises(StoreUnavailable):
            await one


async def test_a_time_that_is_no_number_is_no_missing_session(
    stores: list[RedisStore], commands: RedisCommands
) -> None:
    value, session_id = await log_in(stores[0])
    await commands.ask("HSET", NAMES.session(session_id), "used", "soon")
    with pytest.raises(StoreUnavailable, match="not as it was written"):
        await stores[0].read(value)
