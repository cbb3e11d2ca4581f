"""New connections: refused over the limits, and otherwise left to the protocol of the client."""

import asyncio
import gc

from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.client.new_connection import NewConnection
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service


async def test_a_new_connection_stands_for_a_client_only_until_it_is_open(
    gateway: RunningGateway,
) -> None:
    """Of an idle connection, there is nothing else in memory."""
    client = await gateway.connect()
    client.send(make_request("/nowhere"))
    assert (await read_answer(client)).status == 404

    assert type(gateway.only_client()) is ClientConnection
    assert not any(type(item) is NewConnection for item in gc.get_objects())


async def test_a_connection_over_the_limit_is_refused(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(limits={"connections": 2})
    first, second = [await gateway.connect() for _ in range(2)]
    for client in (first, second):
        client.send(make_request("/open/"))
        assert (await read_answer(client)).status == 200

    refused = await gateway.connect()
    answer = await read_answer(refused)

    assert answer.status == 503
    assert b'"overloaded"' in answer.body
    await refused.wait_end()
    assert gateway.metric("gateway_connections_refused_total") == 1
    assert gateway.metric("gateway_connections_limit") == 2

    first.close()
    async with asyncio.timeout(LIMIT_SECONDS):
        while (await gateway.ask(make_request("/open/"))).status == 503:
            pass  # the gateway has not heard yet that the first one left
        while gateway.metric("gateway_connections_open") > 2:  # noqa: ASYNC110 - those told so
            await asyncio.sleep(0.01)


PER_ADDRESS = {"connections_per_address": 2}


async def test_a_connection_over_the_limit_of_its_address_is_refused(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(limits=PER_ADDRESS)
    clients = [await gateway.connect() for _ in range(2)]
    for client in clients:
        client.send(make_request("/nowhere"))
        assert (await read_answer(client)).status == 404

    refused = await gateway.connect()
    refused.send(make_request("/nowhere"))
    answer = await read_answer(refused)

    assert (answer.status, answer.one(b"connection")) == (503, b"close")
    assert b'"overloaded"' in answer.body
    assert gateway.metric("gateway_connections_refused_by_address_total") == 1
    assert gateway.metric("gateway_connections_refused_total") == 0

    clients[0].close()
    async with asyncio.timeout(LIMIT_SECONDS):
        # Those that are told so are not counted, though they are there for a while.
        while (await gateway.ask(make_request("/nowhere"))).status == 503:
            pass


async def test_the_limit_of_one_address_does_not_affect_another(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(limits=PER_ADDRESS)
    for _ in range(3):
        client = await gateway.connect()
        client.send(make_request("/nowhere"))
        last = await read_answer(client)
    assert last.status == 503

    reader, writer = await asyncio.open_connection(*gateway.address, local_addr=("127.0.0.2", 0))
    writer.write(make_request("/nowhere"))

    assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    writer.close()


async def test_connections_refused_for_their_address_count_toward_no_limit(
    start_gateway: StartGateway,
) -> None:
    """They stay until they have read why; one address could use up `limits.connections`."""
    gateway = await start_gateway(limits={**PER_ADDRESS, "connections": 4})
    for _ in range(10):
        client = await gateway.connect()
        client.send(make_request("/nowhere"))
        last = await read_answer(client)
    assert last.status == 503
    assert gateway.metric("gateway_connections_refused_total") == 0

    reader, writer = await asyncio.open_connection(*gateway.address, local_addr=("127.0.0.2", 0))
    writer.write(make_request("/nowhere"))

    assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    writer.close()


async def test_connections_of_a_trusted_proxy_are_not_counted(start_gateway: StartGateway) -> None:
    """All clients of a load balancer share its address."""
    gateway = await start_gateway(limits=PER_ADDRESS, trusted_proxies=["127.0.0.1"])
    clients = [await gateway.connect() for _ in range(5)]

    for client in clients:
        client.send(make_request("/nowhere"))
        assert (await read_answer(client)).status == 404


async def test_a_refused_client_can_read_why_whatever_it_sends(
    start_gateway: StartGateway,
) -> None:
    """To close with unread bytes would reset the connection (RFC 9112 §9.6)."""
    gateway = await start_gateway(limits={"connections": 1})
    first = await gateway.connect()
    first.send(make_request("/nowhere"))
    await read_answer(first)

    refused = await gateway.connect()
    refused.send(make_request("/open/", method="POST", body=bytes(1_000_000)))

    answer = await read_answer(refused)
    assert answer.status == 503
    assert answer.one(b"retry-after") == b"1"
    await refused.wait_end()
    assert refused.error is None
