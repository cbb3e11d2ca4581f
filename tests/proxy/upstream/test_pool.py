"""Connections to services are kept and reused, the newest first, and never twice for a request."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import pytest

from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.pools import Names, eventually, make_pool
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire


@pytest.fixture
async def second_service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


async def test_requests_of_different_clients_share_one_connection(
    service: Service, gateway: RunningGateway
) -> None:
    for _ in range(5):
        assert (await gateway.ask(make_request("/open/"))).status == 200

    assert len(service.connections) == 1
    assert gateway.metric("gateway_upstream_connections_opened_total", upstream="main") == 1
    assert gateway.metric("gateway_upstream_connections_reused_total", upstream="main") == 4


async def test_the_connection_used_last_is_used_first(
    service: Service, gateway: RunningGateway
) -> None:
    """The busy few stay warm, and the others can grow old."""
    turn = [asyncio.Event(), asyncio.Event()]

    async def answer_in_turn(service: Service, wire: Wire) -> None:
        number = service.connections.index(wire)
        await service.read_request(wire)
        await turn[number].wait()
        wire.send(make_answer(b"%d" % number))
        while True:
            await service.read_request(wire)
            wire.send(make_answer(b"%d" % number))

    service.script = answer_in_turn
    clients = [await gateway.connect() for _ in range(2)]
    for number, client in enumerate(clients):
        client.send(make_request("/open/"))
        await service.request(number)
    for number in (1, 0):  # connection 0 is given back last
        turn[number].set()
        await read_answer(clients[0 if service.requests and number == 0 else 1])

    bodies = [(await gateway.ask(make_request("/open/"))).body for _ in range(3)]

    assert bodies == [b"0"] * 3


async def test_an_idle_connection_is_closed_in_time(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(upstream={"idle_timeout": "200ms"})
    await gateway.ask(make_request("/open/"))

    await (await service.connection()).wait_end()

    assert (await gateway.ask(make_request("/open/"))).status == 200
    assert len(service.connections) == 2


async def test_servers_take_turns(
    service: Service, second_service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway([service.url, second_service.url])

    for _ in range(6):
        assert (await gateway.ask(make_request("/open/"))).status == 200

    assert (len(service.requests), len(second_service.requests)) == (3, 3)


async def test_a_refused_connection_is_502(closed_port: int, start_gateway: StartGateway) -> None:
    gateway = await start_gateway([f"http://127.0.0.1:{closed_port}"])

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 502
    assert b'"upstream_unreachable"' in answer.body


async def test_if_a_connection_fails_the_next_server_is_tried(
    service: Service, closed_port: int, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway([f"http://127.0.0.1:{closed_port}", service.url])

    answers = [
        await gateway.ask(make_request("/open/", method="POST", body=b"once")) for _ in range(4)
    ]

    assert [answer.status for answer in answers] == [200] * 4
    assert [request.body for request in service.requests] == [b"once"] * 4


class RawService:
    """A service of plain sockets: closing one is a system call, not a turn of the loop."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.url = "http://{}:{}".format(*listener.getsockname())
        self.sockets: list[socket.socket] = []
        self.received: list[bytes] = []

    async def answer(self, body: bytes, number: int = -1) -> socket.socket:
        """Read what comes on connection *number*, by default a new one, and respond."""
        loop = asyncio.get_running_loop()
        if number < 0:
            accepted, _ = await loop.sock_accept(self.listener)
            accepted.setblocking(False)
            self.sockets.append(accepted)
        raw = self.sockets[number]
        self.received.append(await loop.sock_recv(raw, 65536))
        await loop.sock_sendall(raw, make_answer(body))
        return raw


@pytest.fixture
def raw_service() -> Iterator[RawService]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        raw_service = RawService(listener)
        yield raw_service
        for raw in raw_service.sockets:
            raw.close()


def send_now(client: Wire, data: bytes) -> None:
    """Hand *data* to the kernel before anything else can happen on the loop."""
    raw = socket.socket(fileno=socket.dup(client.transport.get_extra_info("socket").fileno()))
    with raw:
        assert raw.send(data) == len(data)


RESENT = [
    make_request("/open/2"),
    make_request("/open/2", method="DELETE"),
    make_request("/open/2", "Content-Length: 0", method="POST"),
]


@pytest.mark.parametrize("request_bytes", RESENT, ids=["GET", "DELETE", "POST"])
async def test_a_request_that_met_a_closing_connection_is_retried(
    raw_service: RawService, start_gateway: StartGateway, request_bytes: bytes
) -> None:
    """9110.6: not one byte of it was acknowledged, so nothing can have acted on it."""
    gateway = await start_gateway([raw_service.url])
    client = await gateway.connect()
    client.send(make_request("/open/1"))
    kept = await raw_service.answer(b"one")
    await read_answer(client)

    send_now(client, request_bytes)
    kept.close()
    async with asyncio.timeout(LIMIT_SECONDS):
        await raw_service.answer(b"two")

    answer = await read_answer(client)
    assert (answer.status, answer.body) == (200, b"two")
    assert raw_service.received[1].startswith(request_bytes.split(b" HTTP/1.1")[0])


async def test_a_body_that_was_sent_on_a_closing_connection_is_not_retried(
    raw_service: RawService, start_gateway: StartGateway
) -> None:
    """The gateway keeps no copy of it."""
    gateway = await start_gateway([raw_service.url])
    client = await gateway.connect()
    client.send(make_request("/open/1"))
    kept = await raw_service.answer(b"one")
    await read_answer(client)

    send_now(client, make_request("/open/2", method="POST", body=b"once"))
    kept.close()

    assert (await read_answer(client)).status == 502


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("end", [Wire.close, Wire.reset])
async def test_a_request_that_was_read_is_never_retried_unless_it_is_safe(
    service: Service, client: Wire, method: str, end: object
) -> None:
    """9110.6: the service may have acted on it before it went away."""

    async def answer_once(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"one"))
        await service.read_request(wire)
        (Wire.reset if end is Wire.reset else Wire.close)(wire)

    service.script = answer_once
    client.send(make_request("/open/1"))
    await read_answer(client)

    client.send(make_request("/open/2", "Content-Length: 0", method=method))

    assert (await read_answer(client)).status == 502
    assert [request.target for request in service.requests] == [b"/open/1", b"/open/2"]
    assert len(service.connections) == 1


async def test_a_kept_connection_that_the_service_closed_is_not_used(
    service: Service, client: Wire
) -> None:
    async def answer_and_leave(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"hello"))
        wire.end()

    service.script = answer_and_leave
    for _ in range(3):
        client.send(make_request("/open/", "Content-Length: 0", method="POST"))
        assert (await read_answer(client)).status == 200
        await service.connections[-1].wait_end()

    assert len(service.requests) == 3


async def test_a_single_server_is_used_directly(service: Service) -> None:
    """What is not configured costs nothing."""
    pool = make_pool(service.url)
    (alone,) = (one.pool for one in pool._members.all)

    assert pool.take == alone.take
    assert alone.observe == pool.counts.times.observe
    assert alone.watcher is None
    pool.close()


async def test_the_last_address_of_a_name_is_used_directly(service: Service) -> None:
    names = Names(**{"orders.svc": ["127.0.0.1", "127.0.0.2"]})
    pool = make_pool(f"http://orders.svc:{service.address[1]}", names=names)
    await pool.connect()
    assert pool.take == pool._take_balanced

    names.addresses["orders.svc"] = ["127.0.0.1"]
    pool.expire(monotonic() + 3600.0)
    await eventually(lambda: len(pool._members.all) == 1)

    (left,) = (one.pool for one in pool._members.all)
    assert pool.take == left.take
    assert left.observe == pool.counts.times.observe
    pool.close()
