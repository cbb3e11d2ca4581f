"""Several gateways count exactly together in a real Redis, and go on when that is killed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis as Client

from tests.limits.redis_server import RedisServer, running_redis
from tests.proxy.gateways import (
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import Message, make_request
from tests.proxy.service import Service

# Of requests that are sent until something has become so; each waits for an answer.
PATIENCE = 400


class Start(Protocol):
    async def __call__(self, on_failure: str = ..., rate: str = ...) -> RunningGateway: ...


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
async def start(service: Service, redis: RedisServer, tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start_one(on_failure: str = "refuse", rate: str = "10/1h") -> RunningGateway:
            route: dict[str, Any] = {
                "name": "api",
                "match": {"path_prefix": "/"},
                "upstream": "main",
                "public": True,
                "rate_limits": ["all"],
            }
            changes = {
                "routes": [route],
                "rate_limits": {"all": {"rate": rate, "key": "route"}},
                "redis": {"url": redis.url, "on_failure": on_failure, "timeout": "5s"},
            }
            settings = load(write_config(tmp_path, [service.url], changes))
            return await stack.enter_async_context(running_gateway(settings))

        yield start_one


async def ask(gateway: RunningGateway) -> Message:
    return await gateway.ask(make_request("/x"))


async def until(gateway: RunningGateway, status: int, has_fields: bool) -> None:
    """Ask until an answer is like this."""
    for _ in range(PATIENCE):
        answer = await ask(gateway)
        if (answer.status, answer.has(b"ratelimit")) == (status, has_fields):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


async def redis_status(gateway: RunningGateway) -> Mapping[str, Any]:
    """Return what ``/status`` shows of Redis."""
    status: Mapping[str, Any] = await gateway.gateway.status()
    found: Mapping[str, Any] = status["rate_limits"]["redis"]
    return found


async def until_so(holds: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


async def test_three_gateways_allow_exactly_as_many_as_one(start: Start, service: Service) -> None:
    gateways = [await start() for _ in range(3)]

    answers = await asyncio.gather(*(ask(one) for _ in range(10) for one in gateways))

    assert sorted(one.status for one in answers) == [200] * 10 + [429] * 20
    assert len(service.requests) == 10
    assert all(one.has(b"ratelimit") for one in answers)


@pytest.mark.parametrize(("on_failure", "without"), [("allow", 200), ("refuse", 503)])
async def test_killed_under_load_it_loses_no_request_and_brought_back_it_counts(
    on_failure: str, without: int, start: Start, redis: RedisServer
) -> None:
    gateways = [await start(on_failure, "1000000/1h") for _ in range(2)]
    ends = asyncio.Event()
    statuses: list[int] = []

    async def load_it(gateway: RunningGateway) -> None:
        while not ends.is_set():
            statuses.append((await ask(gateway)).status)

    load = [asyncio.create_task(load_it(one)) for one in gateways for _ in range(4)]
    await until_so(lambda: len(statuses) >= 50)
    assert set(statuses) == {200}
    redis.kill()
    for gateway in gateways:
        await until(gateway, without, has_fields=False)
    assert gateways[0].metric("gateway_rate_limit_failures_total") > 0
    redis.start()
    for gateway in gateways:
        await until(gateway, 200, has_fields=True)
    ends.set()
    await asyncio.gather(*load)

    assert set(statuses) == {200, without}
    assert gateways[0].metric("gateway_rate_limit_processes_without_redis") == 0
    assert (await redis_status(gateways[0]))["answers"] is True


async def test_in_memory_each_gateway_holds_the_limit_by_itself_meanwhile(
    start: Start, redis: RedisServer, service: Service
) -> None:
    gateways = [await start("memory") for _ in range(2)]
    redis.kill()

    answers = [await ask(one) for one in gateways for _ in range(20)]

    assert [one.status for one in answers] == ([200] * 10 + [429] * 10) * 2
    assert all(one.has(b"ratelimit") for one in answers)
    assert len(service.requests) == 20


async def test_a_gateway_starts_without_its_redis_and_is_ready(
    start: Start, redis: RedisServer
) -> None:
    redis.kill()
    gateway = await start("refuse")

    for _ in range(3):
        answer = await ask(gateway)
        assert answer.status == 503
        assert answer.one(b"retry-after") == b"1"
        assert b"limits_unavailable" in answer.body
    assert gateway.gateway.ready().not_ready == ()
    assert await redis_status(gateway) == {"answers": False, "on_failure": "refuse", "failures": 3}


async def test_the_counted_value_is_in_redis_only_as_a_hash(
    redis: RedisServer, service: Service, tmp_path: Path
) -> None:
    changes = {
        "routes": [
            {
                "name": "api",
                "match": {"path_prefix": "/"},
                "upstream": "main",
                "require": {},
                "rate_limits": ["each"],
            }
        ],
        "rate_limits": {"each": {"rate": "10/1h", "key": ["subject", {"claim": "tenant"}]}},
        "redis": {"url": redis.url, "prefix": "edge:", "timeout": "5s"},
    }
    token = make_token(sub="S3CRET-subject", tenant="S3CRET-tenant" * 200)
    settings = load(write_config(tmp_path, [service.url], changes))
    async with running_gateway(settings) as gateway:
        assert (await gateway.ask(make_request("/x", bearer(token)))).status == 200

    client: Any = Client.from_url(redis.url)
    (key,) = await client.keys("*")
    value = await client.get(key)
    await client.aclose()
    assert re.fullmatch(rb"edge:[0-9a-f]{32}", key)
    assert re.fullmatch(rb"[0-9]{16}", value)


async def test_a_client_that_leaves_while_it_is_counted_ends_nothing_else(
    start: Start, redis: RedisServer, service: Service
) -> None:
    gateway = await start("refuse")
    await ask(gateway)
    redis.stall()
    wire = await gateway.connect()
    wire.send(make_request("/left"))
    await until_so(lambda: gateway.gateway.data.counts().requests_in_flight == 1)
    wire.reset()
    await until_so(lambda: gateway.gateway.data.counts().requests_in_flight == 0)
    redis.go_on()

    await until(gateway, 200, has_fields=True)
    assert all(request.target != b"/left" for request in service.requests)
