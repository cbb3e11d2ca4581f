"""A drain closes each connection in the way that fits its state."""

import asyncio

import pytest

from gateway.proxy.client.connection import ClientConnection
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.streams.test_websocket_tunnel import open_tunnel
from tests.proxy.wire import Wire


async def opened(gateway: RunningGateway) -> tuple[Wire, ClientConnection]:
    wire = await gateway.connect()
    wire.send(make_request("/nowhere"))
    await read_answer(wire)
    return wire, gateway.only_client()


async def test_an_idle_connection_is_closed_after_the_idle_timeout_of_the_drain(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(timeouts={"idle": "1h"})
    wire, client = await opened(gateway)
    gateway.gateway.data._serving.port.cap_idle_timeout(0.0)

    client.close_when_idle()

    await wire.wait_end()
    assert wire.error is None


async def test_the_drain_only_shortens_the_idle_timeout(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(timeouts={"idle": "1h"})
    _, client = await opened(gateway)
    before = client.deadline
    gateway.gateway.data._serving.port.cap_idle_timeout(7200.0)

    client.close_when_idle()

    assert client.deadline == before


@pytest.mark.parametrize("part", [b"GET /open/ HT", b"GET /open/ HTTP/1.1\r\nHost: a\r\n"])
async def test_a_connection_with_half_a_head_is_not_idle(
    service: Service, gateway: RunningGateway, part: bytes
) -> None:
    wire, client = await opened(gateway)
    wire.send(part)
    other = await gateway.connect()
    other.send(make_request("/nowhere"))
    await read_answer(other)  # by then the part was read
    before = client.deadline
    gateway.gateway.data._serving.port.cap_idle_timeout(0.0)

    client.close_when_idle()

    assert client.deadline == before


async def test_only_tunnels_and_event_streams_are_ended(
    service: Service, gateway: RunningGateway
) -> None:
    wire, client = await opened(gateway)

    client.end_lasting()

    assert not client.lasts()
    wire.send(make_request("/open/"))
    assert (await read_answer(wire)).status == 200


async def test_a_tunnel_lasts(service: Service, gateway: RunningGateway) -> None:
    await open_tunnel(gateway, service)

    assert gateway.only_client().lasts()


@pytest.mark.parametrize("part", [b"", b"GET /open/ HT"])
async def test_at_the_deadline_a_connection_without_a_request_is_closed_without_a_reset(
    gateway: RunningGateway, part: bytes
) -> None:
    wire, client = await opened(gateway)
    wire.send(part)
    await asyncio.sleep(0.05)

    client.end_now()
    client.end_now()

    await wire.wait_end()
    assert (wire.error, wire.unread) == (None, b"")
