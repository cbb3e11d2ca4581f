"""No server has more connections than the limit; further requests wait, and are served in order."""

import asyncio

import pytest

from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.load import running_load
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire


class Held:
    """Responds to each request with its target, once it is released."""

    def __init__(self) -> None:
        self._may_go = asyncio.Semaphore(0)

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            await self._may_go.acquire()
            wire.send(make_answer(request.target))

    def let_go(self, count: int = 1) -> None:
        for _ in range(count):
            self._may_go.release()


async def ask(gateway: RunningGateway, target: str) -> Wire:
    client = await gateway.connect()
    client.send(make_request(target))
    return client


async def until_queued(gateway: RunningGateway, count: int) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while gateway.metric("gateway_upstream_queued", upstream="main") != count:  # noqa: ASYNC110
            await asyncio.sleep(0)  # nobody tells us


async def test_requests_wait_for_a_connection_and_are_served_in_order(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 1, "queue": {"timeout": "1m"}})
    clients = []
    for number in range(4):
        clients.append(await ask(gateway, f"/open/{number}"))
        await until_queued(gateway, number)

    held.let_go(4)

    bodies = [(await read_answer(client)).body for client in clients]
    assert bodies == [b"/open/0", b"/open/1", b"/open/2", b"/open/3"]
    assert [request.target for request in service.requests] == bodies
    assert len(service.connections) == 1


async def test_a_request_that_finds_the_queue_full_is_rejected_at_once(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(
        upstream={"max_connections": 1, "queue": {"size": 1, "timeout": "1m"}}
    )
    clients = [await ask(gateway, "/open/0")]
    await service.request()
    clients.append(await ask(gateway, "/open/1"))
    await until_queued(gateway, 1)

    refused = await gateway.ask(make_request("/open/2"))

    assert refused.status == 503
    assert b'"overloaded"' in refused.body
    assert refused.one(b"retry-after") == b"1"
    held.let_go(2)
    assert [(await read_answer(client)).status for client in clients] == [200, 200]
    assert gateway.metric("gateway_upstream_queue_full_total", upstream="main") == 1
    assert len(service.requests) == 2


async def test_a_request_that_waits_too_long_is_rejected_and_never_sent(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 1, "queue": {"timeout": "200ms"}})
    first = await ask(gateway, "/open/0")
    await service.request()

    late = await gateway.ask(make_request("/open/1"))

    assert late.status == 503
    assert b'"overloaded"' in late.body
    assert gateway.metric("gateway_upstream_queue_late_total", upstream="main") == 1
    held.let_go()
    assert (await read_answer(first)).status == 200
    assert [request.target for request in service.requests] == [b"/open/0"]


async def test_a_connection_that_ends_makes_room_for_the_next(
    service: Service, start_gateway: StartGateway
) -> None:
    async def answer_once(service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        wire.send(make_answer(request.target, b"Connection: close"))
        wire.close()

    service.script = answer_once
    gateway = await start_gateway(upstream={"max_connections": 2, "queue": {"timeout": "1m"}})

    answers = await asyncio.gather(
        *(gateway.ask(make_request(f"/open/{number}")) for number in range(20))
    )

    assert [answer.status for answer in answers] == [200] * 20
    assert len(service.connections) == 20


async def test_a_client_that_leaves_while_it_waits_delays_nobody(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 1, "queue": {"timeout": "1m"}})
    first = await ask(gateway, "/open/0")
    await service.request()
    gone = await ask(gateway, "/open/1")
    await until_queued(gateway, 1)
    last = await ask(gateway, "/open/2")
    await until_queued(gateway, 2)

    gone.reset()
    held.let_go(2)

    assert [(await read_answer(client)).body for client in (first, last)] == [
        b"/open/0",
        b"/open/2",
    ]
    assert [request.target for request in service.requests] == [b"/open/0", b"/open/2"]


@pytest.mark.parametrize("balance", ["round_robin", "least_requests"])
async def test_no_server_ever_has_more_connections_than_the_limit(
    service: Service, start_gateway: StartGateway, balance: str
) -> None:
    async with running_service() as second:
        gateway = await start_gateway(
            [service.url, second.url],
            upstream={"balance": balance, "max_connections": 3, "queue": {"timeout": "1m"}},
        )
        async with running_load(gateway, 20) as load:
            await load.more(400)

        assert load.failed == set()
        assert 1 <= len(service.connections) <= 3
        assert 1 <= len(second.connections) <= 3
        assert service.requests
        assert second.requests


def reload(gateway: RunningGateway) -> None:
    """Reload the same configuration, which gets new pools."""
    serving, fetched = gateway.gateway.data._serving, gateway.gateway.fetched
    gateway.gateway.data.use(serving.settings, fetched.central)


async def test_a_reload_does_not_exceed_the_limit_of_connections(
    service: Service, start_gateway: StartGateway
) -> None:
    """A request in flight keeps its connection, and so takes the place of a later one."""
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 2, "queue": {"timeout": "1m"}})
    clients = [await ask(gateway, f"/open/{number}") for number in range(2)]
    await service.request(1)

    for number in range(2, 5):
        reload(gateway)
        clients.append(await ask(gateway, f"/open/{number}"))
        await until_queued(gateway, 1)  # of those that came since the last one
    assert len(service.connections) == 2

    held.let_go(5)
    assert [(await read_answer(client)).status for client in clients] == [200] * 5
    assert len(service.requests) == 5


async def test_a_request_that_waits_since_before_a_reload_is_not_delayed_by_an_idle_connection(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 1, "queue": {"timeout": "1m"}})
    clients = [await ask(gateway, "/open/0")]
    await service.request()
    clients.append(await ask(gateway, "/open/1"))
    await until_queued(gateway, 1)
    reload(gateway)
    clients.append(await ask(gateway, "/open/2"))
    await until_queued(gateway, 1)

    held.let_go(3)

    assert [(await read_answer(client)).status for client in clients] == [200] * 3


async def test_waiting_requests_end_with_the_configuration_that_they_began_with(
    service: Service, start_gateway: StartGateway
) -> None:
    held = service.script = Held()
    gateway = await start_gateway(upstream={"max_connections": 1, "queue": {"timeout": "1m"}})
    clients = [await ask(gateway, "/open/0")]
    await service.request()
    clients.append(await ask(gateway, "/open/1"))
    await until_queued(gateway, 1)

    reload(gateway)
    held.let_go(2)

    assert [(await read_answer(client)).status for client in clients] == [200, 200]


async def test_a_retry_after_a_reload_is_not_delayed_by_an_idle_connection(
    service: Service, start_gateway: StartGateway
) -> None:
    """Its own connection ended, and a later request has its place by then."""
    may_end = asyncio.Event()

    async def end_the_first(service: Service, wire: Wire) -> None:
        is_first = len(service.connections) == 1
        wire.send(make_answer((await service.read_request(wire)).target))
        while True:
            target = (await service.read_request(wire)).target
            if is_first:
                await may_end.wait()
                wire.close()
                return
            wire.send(make_answer(target))

    service.script = end_the_first
    upstream = {"max_connections": 1, "queue": {"timeout": "10m"}, "idle_timeout": "10m"}
    gateway = await start_gateway(upstream=upstream)
    assert (await gateway.ask(make_request("/open/0"))).status == 200
    again = await ask(gateway, "/open/again")
    await service.request(1)
    reload(gateway)
    later = await ask(gateway, "/open/later")
    await until_queued(gateway, 1)

    may_end.set()

    assert (await read_answer(later)).body == b"/open/later"
    assert (await read_answer(again)).body == b"/open/again"
    assert (await gateway.ask(make_request("/open/2"))).status == 200
