"""Gateways that share a Redis remember together; one that lost its memory lets nobody in."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from gateway.login.sealing import KeyRing
from gateway.login.store import Ended
from gateway.login.stores.redis_commands import RedisCommands
from gateway.login.stores.redis_ledger import RedisLedger
from gateway.login.stores.redis_scripts import Names
from gateway.settings.values.rates import Redis
from tests.hanging import LIMIT_SECONDS
from tests.limits.redis_server import RedisServer
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session

RING = KeyRing([b"k" * 32])
NAMES = Names("test:")
ID = b"i" * 32


@pytest.fixture
async def ledgers(redis: Redis) -> AsyncIterator[list[RedisLedger]]:
    """Those of two gateways."""
    clock = Clock()
    made = [RedisLedger(RedisCommands(redis), NAMES, RING, clock) for _ in range(2)]
    yield made
    for one in made:
        await one.close()


async def test_another_gateway_sees_each_end_at_once(ledgers: list[RedisLedger]) -> None:
    here, there = ledgers
    session = make_session(id=ID)
    assert await here.admits(session)
    assert await here.end(ID, BEGUN_AT + 100)
    assert (await there.standing(session)).has_ended
    assert not await there.end(ID, BEGUN_AT + 100)

    await here.end_all(Ended(ISSUER, sid="x"), BEGUN_AT + 100)
    assert not await there.admits(make_session(sid="x"))
    await here.end_all(Ended(ISSUER, subject="bob", before=BEGUN_AT + 1), BEGUN_AT + 100)
    assert not await there.admits(make_session(subject="bob"))


async def test_another_gateway_sees_the_successor(ledgers: list[RedisLedger]) -> None:
    here, there = ledgers
    old, new = (make_session(id=ID, version=version) for version in range(2))
    await here.admits(old)
    await here.succeed(new)

    assert (await there.standing(old)).successor == new
    assert await there.successor(ID) == new
    assert (await there.succeed(make_session(id=ID, subject="eve", version=1))).successor == new


async def test_of_gateways_that_refresh_at_once_one_wins(ledgers: list[RedisLedger]) -> None:
    versions = [make_session(id=ID, version=1, login=str(n)) for n in range(10)]
    await ledgers[0].admits(versions[0])
    found = await asyncio.gather(*(ledgers[n % 2].succeed(one) for n, one in enumerate(versions)))

    assert len({one.successor and one.successor.login for one in found}) == 1


async def test_a_redis_that_lost_its_memory_ends_the_sessions_before(
    ledgers: list[RedisLedger], server: RedisServer
) -> None:
    """Else a copy of a cookie whose owner logged out would be a session again."""
    here, there = ledgers
    clock = Clock()
    here._clock = there._clock = clock
    session = make_session(id=ID)
    await here.admits(session)
    await here.end(ID, BEGUN_AT + 1000)
    clock.now += 70
    server.kill()
    server.start()

    assert (await there.standing(session)).has_ended
    assert (await here.standing(make_session(BEGUN_AT + 9.9, id=b"o" * 32))).has_ended
    later = make_session(BEGUN_AT + 69, id=b"n" * 32)
    assert await here.admits(later)
    assert not (await there.standing(later)).has_ended


async def test_an_empty_redis_admits_a_login_that_took_its_time(
    ledgers: list[RedisLedger],
) -> None:
    session = make_session(BEGUN_AT - 300, id=ID)

    assert await ledgers[0].admits(session)
    assert not (await ledgers[1].standing(session)).has_ended


async def test_a_successor_of_unknown_keys_is_none(
    ledgers: list[RedisLedger], redis: Redis
) -> None:
    await ledgers[0].admits(make_session(id=ID))
    await ledgers[0].succeed(make_session(id=ID, version=1))
    other = RedisLedger(RedisCommands(redis), NAMES, KeyRing([b"o" * 32]), Clock())

    assert (await other.standing(make_session(id=ID))).successor is None
    assert await other.successor(ID) is None
    await other.close()


async def test_all_that_is_remembered_has_an_end(ledgers: list[RedisLedger], redis: Redis) -> None:
    """Since when it remembers is the one thing that Redis keeps for ever."""
    here, _ = ledgers
    await here.admits(make_session(id=ID))
    await here.succeed(make_session(id=ID, version=1))
    await here.end(b"e" * 32, BEGUN_AT + 10)
    await here.end_all(Ended(ISSUER, sid="x", subject="y", before=BEGUN_AT), BEGUN_AT + 10)
    await here.use_once(b"state", 10.0)
    await here.lock(ID, 10.0)
    commands = RedisCommands(redis)
    keys = await commands.ask("KEYS", "*")
    lives = {key: await commands.ask("PTTL", key) for key in keys}
    await commands.close()

    assert len(keys) == 7
    assert [key for key, life in lives.items() if life == -1] == [NAMES.since]
    assert max(lives.values()) <= 60_000


async def test_what_is_over_is_forgotten(ledgers: list[RedisLedger]) -> None:
    here, there = ledgers
    session = make_session(id=ID)
    await here.admits(session)
    await here.end(ID, BEGUN_AT + 0.05)
    await here.use_once(b"state", 0.05)
    await here.lock(ID, 0.05)
    deadline = time.monotonic() + LIMIT_SECONDS
    while not await there.use_once(b"state", 60.0) or not await there.lock(ID, 60.0):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    while (await there.standing(session)).has_ended:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_longer_end_is_not_shortened(ledgers: list[RedisLedger], redis: Redis) -> None:
    here, _ = ledgers
    for seconds in (5000.0, 1.0):
        await here.end(ID, BEGUN_AT + seconds)
        await here.end_all(Ended(ISSUER, sid="x"), BEGUN_AT + seconds)
    commands = RedisCommands(redis)
    for key in (NAMES.ended(ID), NAMES.ended_sid(ISSUER, "x")):
        assert await commands.ask("PTTL", key) > 4_000_000
    await commands.close()
