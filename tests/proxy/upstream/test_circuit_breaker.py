"""A service that fails too often gets nothing for a while; then a probe shows if it is back."""

import asyncio
from functools import partial

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, serve
from tests.proxy.wire import Wire

BREAKER = {"failures": 0.5, "requests": 4, "open": "1h"}


async def leave(service: Service, wire: Wire) -> None:
    """Read a request, and close."""
    await service.read_request(wire)
    wire.close()


async def hold(service: Service, wire: Wire) -> None:
    """Leave the first request to the test, and respond to those that follow."""
    await service.read_request(wire)
    await serve(make_answer(b"yes"))(service, wire)


async def send_probe(service: Service, gateway: RunningGateway) -> Wire:
    """Send requests until the service gets one; return its connection."""
    before = len(service.requests)
    seen = asyncio.ensure_future(service.request(before))
    while True:
        probe = await gateway.connect()
        probe.send(make_request("/open/"))
        refused = asyncio.ensure_future(probe.wait_for(partial(bool, probe.received)))
        await asyncio.wait({seen, refused}, return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()
        if seen.done():
            return probe


async def statuses(gateway: RunningGateway, count: int) -> list[int]:
    return [(await gateway.ask(make_request("/open/"))).status for _ in range(count)]


def is_open(gateway: RunningGateway) -> bool:
    return gateway.metric("gateway_upstream_breakers_open", upstream="main") == 1


async def test_an_open_breaker_rejects_at_once_and_sends_nothing(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = leave
    gateway = await start_gateway(upstream={"breaker": BREAKER})

    assert await statuses(gateway, 6) == [502] * 4 + [503] * 2
    answer = await gateway.ask(make_request("/open/"))

    assert b'"upstream_unavailable"' in answer.body
    assert answer.one(b"retry-after") == b"1"
    assert len(service.requests) == 4
    assert is_open(gateway)
    assert gateway.metric("gateway_upstream_breaker_opened_total", upstream="main") == 1
    assert gateway.metric("gateway_upstream_breaker_refused_total", upstream="main") == 3


async def test_responses_keep_the_breaker_closed(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = serve(make_answer(b"no", status=500))
    gateway = await start_gateway(upstream={"breaker": BREAKER})

    assert await statuses(gateway, 20) == [500] * 20
    assert not is_open(gateway)


async def test_responses_that_count_as_failures_open_the_breaker(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = serve(make_answer(b"no", status=503))
    gateway = await start_gateway(upstream={"breaker": BREAKER, "failure_statuses": [503]})

    await statuses(gateway, 6)

    assert len(service.requests) == 4
    assert is_open(gateway)


async def test_kept_connections_do_not_bypass_the_breaker(
    service: Service, start_gateway: StartGateway
) -> None:
    answers = [make_answer(b"yes")] * 3 + [make_answer(b"no", status=503)]
    service.script = serve(*answers)
    gateway = await start_gateway(upstream={"breaker": BREAKER, "failure_statuses": [503]})

    await statuses(gateway, 12)

    assert len(service.connections) == 1
    assert len(service.requests) == 6


async def test_failed_connections_open_the_breaker(
    closed_port: int, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(
        [f"http://127.0.0.1:{closed_port}"], upstream={"breaker": BREAKER}
    )

    assert await statuses(gateway, 6) == [502] * 4 + [503] * 2


async def test_a_probe_that_gets_a_response_closes_the_breaker(
    service: Service, start_gateway: StartGateway
) -> None:
    works = service.script
    service.script = leave
    gateway = await start_gateway(upstream={"breaker": {**BREAKER, "open": "100ms"}})
    await statuses(gateway, 4)
    service.script = works

    while (await statuses(gateway, 1)) == [503]:
        assert len(service.requests) == 4

    assert not is_open(gateway)
    assert await statuses(gateway, 5) == [200] * 5


async def test_a_probe_that_fails_keeps_the_breaker_open(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = leave
    gateway = await start_gateway(upstream={"breaker": {**BREAKER, "open": "100ms"}})
    await statuses(gateway, 4)

    while (await statuses(gateway, 1)) == [503]:
        assert len(service.requests) == 4

    assert len(service.requests) == 5
    assert is_open(gateway)


@pytest.mark.parametrize("end", ["answer", "break off", "leave"])
async def test_an_older_request_neither_closes_nor_opens_the_breaker(
    service: Service, start_gateway: StartGateway, end: str
) -> None:
    """It was sent before the breaker opened, and says nothing about the present."""
    gateway = await start_gateway(upstream={"breaker": {**BREAKER, "open": "100ms"}})
    older = await gateway.connect()
    service.script = hold
    older.send(make_request("/open/"))
    await service.request(0)
    service.script = leave
    await statuses(gateway, 4)
    assert is_open(gateway)
    service.script = hold
    probe = await send_probe(service, gateway)

    if end == "answer":
        service.connections[0].send(make_answer(b"at last"))
        assert (await read_answer(older)).status == 200
    elif end == "break off":
        service.connections[0].close()
        assert (await read_answer(older)).status == 502
    else:
        older.reset()
        await service.connections[0].wait_lost()

    assert is_open(gateway)
    assert gateway.metric("gateway_upstream_breaker_opened_total", upstream="main") == 1
    service.script = serve(make_answer(b"back"))
    service.connections[-1].send(make_answer(b"back"))
    assert (await read_answer(probe)).status == 200
    assert not is_open(gateway)
    assert await statuses(gateway, 3) == [200] * 3


async def test_a_second_server_keeps_the_breaker_closed(
    service: Service, closed_port: int, start_gateway: StartGateway
) -> None:
    """A request that another server responds to has not failed."""
    gateway = await start_gateway(
        [f"http://127.0.0.1:{closed_port}", service.url], upstream={"breaker": BREAKER}
    )

    assert await statuses(gateway, 20) == [200] * 20
    assert not is_open(gateway)


async def test_a_request_that_was_sent_is_not_reported_as_unsent(
    service: Service, start_gateway: StartGateway
) -> None:
    """503 would say that nobody can have acted on it."""
    service.script = leave
    gateway = await start_gateway(
        upstream={"breaker": {**BREAKER, "requests": 1}, "retries": {"methods": ["GET"]}}
    )

    assert await statuses(gateway, 2) == [502, 503]
    assert len(service.requests) == 1
