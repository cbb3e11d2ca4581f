"""Every command has its own reply or StoreUnavailable, in time, and never another one's."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.login.store import StoreUnavailable
from gateway.login.stores.redis_commands import RedisCommands, Script
from gateway.settings.values.rates import OnFailure, Redis
from tests.hanging import LIMIT_SECONDS
from tests.limits.redis_server import RedisServer, running_redis

HASTY = 0.1
ECHO = Script("return ARGV[1]")


@pytest.fixture
async def commands(redis: Redis) -> AsyncIterator[RedisCommands]:
    commands = RedisCommands(redis)
    yield commands
    await commands.close()


async def until_it_responds(commands: RedisCommands) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            await commands.ask("PING")
        except StoreUnavailable:
            await asyncio.sleep(0.01)
        else:
            return
    raise AssertionError("it never responded")


async def test_commands_that_arrive_together_have_their_own_replies(
    commands: RedisCommands,
) -> None:
    replies = await asyncio.gather(*(commands.ask("ECHO", str(n)) for n in range(1000)))

    assert replies == [b"%d" % n for n in range(1000)]


async def test_callers_that_give_up_take_no_reply_of_others(commands: RedisCommands) -> None:
    """CVE-2023-28858 of redis-py: a reply that nobody waited for went to the next caller."""

    async def ask(number: int) -> None:
        task = asyncio.ensure_future(commands.ask("ECHO", str(number)))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        if number % 3:
            task.cancel()
        try:
            assert await task == b"%d" % number
        except asyncio.CancelledError:
            assert number % 3

    for start in range(0, 600, 100):
        await asyncio.gather(*(ask(n) for n in range(start, start + 100)))


async def test_a_script_runs_whether_redis_knows_it_or_not(
    commands: RedisCommands, server: RedisServer
) -> None:
    assert await commands.run(ECHO, [], ["a"]) == b"a"
    assert await commands.run(ECHO, [], ["b"]) == b"b"
    await commands.ask("SCRIPT", "FLUSH")
    replies = await asyncio.gather(*(commands.run(ECHO, [], [str(n)]) for n in range(10)))
    assert replies == [b"%d" % n for n in range(10)]


async def test_an_error_is_of_its_command_alone(commands: RedisCommands) -> None:
    await commands.ask("SET", "text", "x")
    asked = [commands.ask("HGET", "text", "field"), commands.ask("GET", "text")]
    replies = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(replies[0], StoreUnavailable)
    assert replies[1] == b"x"


async def test_an_error_says_its_kind_and_not_what_redis_said(commands: RedisCommands) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await commands.ask("NOSUCHCOMMAND", "s3cret")

    assert "ResponseError" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_without_redis_it_is_unavailable_and_afterwards_not(
    commands: RedisCommands, server: RedisServer
) -> None:
    await commands.ask("PING")
    server.kill()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await commands.ask("PING")
    server.start()
    assert await commands.ask("PING")


async def test_a_redis_that_was_restarted_costs_no_request(
    commands: RedisCommands, server: RedisServer
) -> None:
    """The connection was closed while nobody used it."""
    await commands.ask("PING")
    server.kill()
    server.start()
    await asyncio.sleep(0)

    assert await commands.ask("PING")


async def test_a_redis_that_hangs_is_waited_for_no_longer_than_said(
    redis: Redis, server: RedisServer
) -> None:
    commands = RedisCommands(replace(redis, timeout_seconds=HASTY))
    await until_it_responds(commands)
    server.stall()
    try:
        for _ in range(2):
            asked = [commands.ask("ECHO", str(n)) for n in range(300)]
            replies = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(one) for one in replies} == {StoreUnavailable}
    finally:
        server.go_on()
    await until_it_responds(commands)
    assert await asyncio.gather(*(commands.ask("ECHO", str(n)) for n in range(9))) == [
        b"%d" % n for n in range(9)
    ]
    await commands.close()


async def test_a_server_that_is_no_redis_is_unavailable() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    commands = RedisCommands(Redis(f"redis://127.0.0.1:{port}", 20.0, OnFailure.REFUSE, ""))
    with pytest.raises(StoreUnavailable):
        await commands.ask("PING")
    await commands.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("policy", "limit", "warns"),
    [
        ("allkeys-lru", "100mb", True),
        ("volatile-ttl", "100mb", True),
        ("allkeys-lru", "0", False),
        ("noeviction", "100mb", False),
    ],
)
async def test_a_redis_that_forgets_when_it_is_full_is_warned_of_once(
    commands: RedisCommands,
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
    policy: str,
    limit: str,
    warns: bool,
) -> None:
    await commands.ask("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", limit)
    caplog.clear()
    another = RedisCommands(redis)
    for _ in range(2):
        assert await another.ask("ECHO", "a") == b"a"
    await another.close()

    assert [policy in one.message for one in caplog.records] == [True] * warns


async def test_a_redis_that_does_not_say_what_it_forgets_serves_as_well(
    commands: RedisCommands, redis: Redis
) -> None:
    await commands.ask("ACL", "SETUSER", "default", "-info")
    another = RedisCommands(redis)
    replies = await asyncio.gather(*(another.ask("ECHO", str(n)) for n in range(3)))
    await another.close()

    assert replies == [b"0", b"1", b"2"]


async def test_a_wrong_password_is_shown_nowhere(tmp_path: Path) -> None:
    with running_redis(tmp_path, password="R1GHT-word") as server:
        url = server.url.replace("unix://", "unix://:WR0NG-word@")
        commands = RedisCommands(Redis(url, 20.0, OnFailure.REFUSE, ""))
        with pytest.raises(StoreUnavailable) as caught:
            await commands.ask("PING")
        await commands.close()

    assert "word" not in str(caught.value)
    assert "AuthenticationError" in str(caught.value)


async def test_those_that_wait_when_it_closes_are_refused(
    redis: Redis, server: RedisServer
) -> None:
    commands = RedisCommands(redis)
    await commands.ask("PING")
    server.stall()
    try:
        asked = [asyncio.ensure_future(commands.ask("PING")) for _ in range(300)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await commands.close()
        replies = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        server.go_on()

    assert {type(one) for one in replies} == {StoreUnavailable}
