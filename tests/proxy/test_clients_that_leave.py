"""A client that closes its connection while its request is in flight has left.

Each is seen by the service: its connection ends, though it has not answered.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import trusting
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.recording.test_record import Log
from tests.proxy.service import Service, echo
from tests.proxy.test_attack_requests import raw_end, raw_send, until
from tests.proxy.test_tls import listen
from tests.proxy.wire import Cut, Wire

SMALL = 4096
ECHO_ROUTE = {
    "name": "echo",
    "match": {"path_prefix": "/"},
    "upstream": "main",
    "public": True,
    "upgrades": ["echo"],
}
UPGRADE = ("Connection: Upgrade", "Upgrade: echo")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Log:
    return Log(capfd)


async def never_answer(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await wire.wait_lost()


async def stop_in_the_answer(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    await wire.wait_lost()


async def read_nothing(service: Service, wire: Wire) -> None:
    await wire.read_until(b"\r\n\r\n")
    wire.stop_reading()
    await asyncio.Event().wait()


def open_connection(gateway: RunningGateway) -> asyncio.Transport:
    """Return the gateway's end of its only client's connection."""
    return gateway.only_client().transport


async def send_until_held(gateway: RunningGateway, client: Wire) -> None:
    """Send a body until the gateway reads no more of it."""
    transport = open_connection(gateway)
    while transport.is_reading():
        if not client.is_blocked:
            client.send(bytes(8192))
        await asyncio.sleep(0)
    # The end of the connection must not have to wait for room behind the body.
    await until(lambda: not client.transport.get_write_buffer_size())


def failures(gateway: RunningGateway) -> float:
    """Return how many requests came to nothing by the service's doing."""
    reasons = ("upstream_unreachable", "upstream_timeout", "upstream_invalid")
    name = "gateway_upstream_failures_total"
    return sum(gateway.metric(name, upstream="main", reason=reason) for reason in reasons)


# --- what it means


@pytest.mark.parametrize("leave", [Wire.end, Wire.close])
async def test_a_client_that_closes_while_its_request_waits_has_left(
    service: Service, start_gateway: StartGateway, log: Log, leave: Callable[[Wire], None]
) -> None:
    service.script = never_answer
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()

    leave(client)

    await (await service.connection()).wait_end()
    await client.wait_end()
    assert client.received == b""
    assert gateway.metric("http_server_active_requests") == 0
    assert (
        gateway.metric(
            "http_server_request_duration_seconds_count",
            http_request_method="GET",
            http_response_status_code="499",
            http_route="open",
        )
        == 1
    )
    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"], line["upstream_ms"]) == (499, None, None)


async def test_a_client_that_closes_in_the_segment_of_its_request_has_left(
    service: Service, gateway: RunningGateway, client: Wire
) -> None:
    service.script = never_answer
    raw = client.transport.get_extra_info("socket")
    request = make_request("/open/")
    twin = socket.socket(fileno=socket.dup(raw.fileno()))
    with twin:
        twin.send(request, socket.MSG_MORE)  # held back until the end comes
        twin.shutdown(socket.SHUT_WR)

    await client.wait_end()

    assert client.received == b""
    await until(lambda: gateway.metric("http_server_active_requests") == 0)
    assert service.requests == []
    assert failures(gateway) == 0


async def test_a_refusal_reaches_a_client_that_closed_after_its_request(
    service: Service, client: Wire
) -> None:
    """It is ready before the end of the connection is read."""
    raw_send(client, make_request("/api/x") * 2)
    raw_end(client)

    assert [(await read_answer(client)).status for _ in range(2)] == [401, 401]
    await client.wait_end()
    assert service.received == b""


async def test_requests_pipelined_by_a_client_that_left_are_not_sent(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """The end of its connection is behind bytes that nobody reads yet."""
    service.script = never_answer
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(b"".join(make_request(f"/open/{number}") for number in range(3)))
    await service.request()
    await until(lambda: not open_connection(gateway).is_reading())

    client.close()

    peer = await service.connection()
    await peer.wait_end()
    await until(lambda: gateway.metric("gateway_connections_open") == 0)
    assert [request.target for request in service.requests] == [b"/open/0"]
    assert len(service.connections) == 1
    lines = await log.lines(gateway)
    assert [(line["path"], line["status"]) for line in lines] == [
        (f"/open/{number}", 499) for number in range(3)
    ]


@pytest.mark.parametrize("leave", [Wire.end, Wire.close, Wire.reset])
async def test_a_client_that_leaves_is_noticed_while_nothing_of_its_body_is_read(
    service: Service, start_gateway: StartGateway, leave: Callable[[Wire], None]
) -> None:
    """The service holds it up; the service gets no whole body out of it."""
    service.script = read_nothing
    gateway = await start_gateway(timeouts={"body": "1h"})
    client = await gateway.connect()
    client.send(make_request("/open/", "Content-Length: 100000000", method="POST"))
    await send_until_held(gateway, client)

    leave(client)

    await until(lambda: gateway.metric("http_server_active_requests") == 0)
    peer = await service.connection()
    peer.read_on()
    await peer.wait_end()
    assert len(peer.received) < 100_000_000
    assert failures(gateway) == 0


async def test_a_client_that_left_waits_in_no_queue(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = never_answer
    gateway = await start_gateway(
        upstream={"max_connections": 1, "queue": {"timeout": "1h"}}, timeouts={"body": "1h"}
    )
    busy = await gateway.connect()
    busy.send(make_request("/open/busy"))
    await service.request()
    waiting = await gateway.connect()
    waiting.send(make_request("/open/waiting"))
    await until(lambda: gateway.metric("gateway_upstream_queued", upstream="main") == 1)

    waiting.end()

    await until(lambda: gateway.metric("gateway_upstream_queued", upstream="main") == 0)
    await waiting.wait_end()
    busy.close()
    await until(lambda: gateway.metric("http_server_active_requests") == 0)
    assert [request.target for request in service.requests] == [b"/open/busy"]


async def test_a_client_that_left_holds_no_slot(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = never_answer
    gateway = await start_gateway(limits={"requests": 1})
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()
    assert (await gateway.ask(make_request("/open/"))).status == 503

    client.end()

    await client.wait_end()
    service.script = echo
    assert (await gateway.ask(make_request("/open/"))).status == 200


async def test_a_response_is_cut_if_its_client_closes_in_the_middle(
    service: Service, gateway: RunningGateway, client: Wire
) -> None:
    """With a reset: to HTTP/1.0 a mere close would be the end of the body."""
    service.script = stop_in_the_answer
    client.send(make_request("/open/"))
    await client.read_until(b"half\r\n")

    client.end()

    await (await service.connection()).wait_end()
    await client.wait_lost()
    assert isinstance(client.error, ConnectionResetError)
    assert gateway.metric("http_server_active_requests") == 0


async def test_responses_before_the_one_that_its_client_left_are_not_lost(
    service: Service, client: Wire
) -> None:
    async def answer_first(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"first"))
        await never_answer(service, wire)

    service.script = answer_first
    client.send(make_request("/open/1") + make_request("/open/2"))
    await service.request(1)

    client.end()

    assert (await client.read_to_end()).endswith(b"first")
    assert not client.is_lost  # by a reset


async def test_a_client_that_leaves_before_the_response_to_its_upgrade_is_noticed(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = never_answer
    gateway = await start_gateway(routes=[ECHO_ROUTE])
    client = await gateway.connect()
    client.send(make_request("/", *UPGRADE))
    await service.request()

    client.end()

    await (await service.connection()).wait_end()
    await client.wait_end()


async def test_a_tunnel_whose_client_resets_is_noticed_while_the_service_takes_nothing(
    service: Service, start_gateway: StartGateway
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)
        wire.stop_reading()
        await asyncio.Event().wait()

    service.script = switch
    gateway = await start_gateway(routes=[ECHO_ROUTE])
    client = await gateway.connect()
    client.send(make_request("/", *UPGRADE))
    await client.read_until(b"\r\n\r\n")
    await send_until_held(gateway, client)

    client.reset()

    await until(lambda: gateway.metric("gateway_connections_open") == 0)


@pytest.mark.parametrize(("requests", "leave"), [(1, Wire.close), (1, Wire.reset), (3, Wire.reset)])
async def test_a_client_over_tls_that_closes_while_its_request_waits_has_left(
    service: Service,
    start_gateway: StartGateway,
    tmp_path: Path,
    requests: int,
    leave: Callable[[Wire], None],
) -> None:
    """Where its end is behind requests that nobody reads yet, TCP's end says so, not TLS's."""
    service.script = never_answer
    gateway = await start_gateway(listen=listen(tmp_path))
    host, port = gateway.address
    _, client = await asyncio.get_running_loop().create_connection(
        Wire, host, port, ssl=trusting(), server_hostname=host
    )
    gateway.wires.append(client)
    client.send(make_request("/open/") * requests)
    await service.request()

    leave(client)

    await (await service.connection()).wait_end()
    await until(lambda: gateway.metric("http_server_active_requests") == 0)


# --- with `half_close: answer`


async def test_a_client_that_half_closes_gets_its_response_if_so_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    """As `nc -N` does."""
    released = asyncio.Event()

    async def wait_then_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await released.wait()
        wire.send(make_answer(b"late"))

    service.script = wait_then_answer
    gateway = await start_gateway(half_close="answer")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()
    client.end()
    await until(lambda: not open_connection(gateway).is_reading())
    await gateway.wait_still(lambda: len(service.requests))
    released.set()

    assert (await read_answer(client)).body == b"late"
    await client.wait_end()


async def test_all_requests_pipelined_before_a_half_close_get_a_response_if_so_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = echo
    gateway = await start_gateway(half_close="answer")
    client = await gateway.connect()
    client.send(make_request("/open/1") + make_request("/api/2") + make_request("/open/3"))
    client.end()

    answers = [await read_answer(client) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 401, 200]
    assert [answers[number].body for number in (0, 2)] == [b"/open/1 ", b"/open/3 "]
    await client.wait_end()


async def test_a_half_closed_client_that_leaves_for_good_is_noticed(
    service: Service, start_gateway: StartGateway
) -> None:
    """Nothing is read from it any more, so that nothing but the kernel says so."""
    service.script = never_answer
    gateway = await start_gateway(half_close="answer")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()
    client.end()
    await until(lambda: not open_connection(gateway).is_reading())

    client.reset()

    await (await service.connection()).wait_end()
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def test_a_request_cut_short_gets_no_response_however_half_close_is_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(half_close="answer")
    client = await gateway.connect()
    client.send(make_request("/open/", "Content-Length: 10", method="POST") + b"half")
    peer = await service.connection()
    await peer.wait_for(lambda: peer.received.endswith(b"half"))

    client.end()

    await peer.wait_end()
    with pytest.raises(Cut):
        await read_answer(client)
    assert service.requests == []


async def test_a_whole_request_gets_its_response_before_one_that_is_cut_short(
    service: Service, start_gateway: StartGateway
) -> None:
    """The end comes while the second head is being read, and the first request is in flight."""
    released = asyncio.Event()

    async def wait_then_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await released.wait()
        wire.send(make_answer(b"late"))

    service.script = wait_then_answer
    gateway = await start_gateway(half_close="answer")
    client = await gateway.connect()
    client.send(make_request("/open/1") + make_request("/open/2")[:-4])
    await service.request()
    client.end()
    await until(lambda: not open_connection(gateway).is_reading())
    released.set()

    assert (await read_answer(client)).body == b"late"
    assert await client.read_to_end() == b""
    assert len(service.requests) == 1
