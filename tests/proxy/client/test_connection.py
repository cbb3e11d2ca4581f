"""Client connections: order of responses, timeouts, and clients that disconnect."""

import asyncio
from collections.abc import Callable

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.service import Service, echo, serve
from tests.proxy.wire import Cut, Wire


async def test_pipelined_requests_are_answered_in_the_order_they_came(
    service: Service, client: Wire
) -> None:
    service.script = echo

    client.send(b"".join(make_request(f"/open/{number}") for number in range(50)))

    bodies = [(await read_answer(client)).body for _ in range(50)]
    assert bodies == [b"/open/%d " % number for number in range(50)]


async def test_refusals_between_pipelined_requests_are_sent_in_order(
    service: Service, client: Wire
) -> None:
    service.script = echo
    client.send(
        make_request("/open/1")
        + make_request("/api/2")
        + make_request("/open/3", method="POST", body=b"three")
        + make_request("/nowhere")
        + make_request("/api/5", bearer())
    )

    answers = [await read_answer(client) for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 401, 200, 404, 200]
    assert [answers[number].body for number in (0, 2, 4)] == [
        b"/open/1 ",
        b"/open/3 three",
        b"/api/5 ",
    ]


async def test_a_pipelined_request_is_forwarded_after_the_response_to_the_one_before(
    service: Service, client: Wire
) -> None:
    """RFC 9112 §9.3.2: its response may depend on the request before."""
    released = asyncio.Event()

    async def wait_then_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await released.wait()
        wire.send(make_answer(b"first"))
        await service.read_request(wire)
        wire.send(make_answer(b"second"))

    service.script = wait_then_answer
    client.send(make_request("/open/1") + make_request("/open/2"))
    await service.request()

    peer = await service.connection()
    assert peer.received.count(b"GET ") == 1
    assert len(service.connections) == 1
    released.set()
    assert [(await read_answer(client)).body for _ in range(2)] == [b"first", b"second"]


async def test_three_thousand_pipelined_refusals_are_all_sent(
    service: Service, client: Wire
) -> None:
    """With recursion, a thousand would overflow the stack."""
    client.send(make_request("/api/x") * 3000)

    statuses = {(await read_answer(client)).status for _ in range(3000)}

    assert statuses == {401}
    assert service.received == b""


async def test_refusals_queued_behind_a_slow_response_are_all_sent(
    service: Service, client: Wire
) -> None:
    released = asyncio.Event()

    async def wait_then_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await released.wait()
        wire.send(make_answer(b"slow"))

    service.script = wait_then_answer
    client.send(make_request("/open/slow") + make_request("/api/x") * 3000)
    await service.connection()
    released.set()

    statuses = [(await read_answer(client)).status for _ in range(3001)]

    assert statuses == [200] + [401] * 3000


async def test_a_close_that_the_client_requests_follows_the_response(client: Wire) -> None:
    client.send(make_request("/open/", "Connection: close"))

    answer = await read_answer(client)

    assert (answer.status, answer.one(b"connection")) == (200, b"close")
    await client.wait_end()
    assert client.unread == b""


@pytest.mark.parametrize("extra", [(), ("Connection: keep-alive",)])
async def test_an_http_1_0_client_gets_its_response_and_a_closed_connection(
    client: Wire, extra: tuple[str, ...]
) -> None:
    client.send(make_request("/open/", *extra, version="1.0"))

    answer = await read_answer(client)

    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.one(b"connection") == b"close"
    await client.wait_end()


async def test_an_http_1_0_client_gets_no_chunks(service: Service, client: Wire) -> None:
    """RFC 9112 §6.1: the end of the connection is the end of the body."""
    service.script = serve(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )

    client.send(make_request("/open/", version="1.0"))

    answer = await read_answer(client)
    assert not answer.has(b"transfer-encoding")
    assert answer.body == b"onetwo"


async def test_a_head_that_does_not_arrive_in_time_is_answered_408(
    service: Service, start_gateway: StartGateway
) -> None:
    """Slowloris: the wait for the rest of a head is bounded."""
    gateway = await start_gateway(timeouts={"head": "200ms"})
    client = await gateway.connect()

    client.send(b"GET /open/ HTTP/1.1\r\nHost: gat")

    answer = await read_answer(client)
    assert answer.status == 408
    assert b'"request_timeout"' in answer.body
    assert answer.one(b"connection") == b"close"
    await client.wait_end()
    assert service.received == b""


async def test_dripping_a_head_does_not_buy_more_time(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(timeouts={"head": "300ms", "idle": "1h"})
    client = await gateway.connect()
    head = make_request("/open/", *(f"X-{number}: 1" for number in range(90)))[:-2]

    for byte in head:
        if client.received:
            break
        client.send(bytes((byte,)))
        await asyncio.sleep(0.005)

    assert (await read_answer(client)).status == 408


async def test_a_connection_that_never_sends_is_closed_without_a_response(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(timeouts={"head": "200ms"})
    client = await gateway.connect()

    await client.wait_end()

    assert client.received == b""


async def test_an_idle_connection_is_closed_without_a_response(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(timeouts={"idle": "200ms"})
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await read_answer(client)

    await client.wait_end()

    assert client.unread == b""


async def test_a_body_that_stops_is_answered_408_and_the_upstream_connection_closed(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(timeouts={"body": "200ms"})
    client = await gateway.connect()

    client.send(make_request("/open/", "Content-Length: 10", method="POST") + b"half")

    answer = await read_answer(client)
    assert answer.status == 408
    await client.wait_end()
    peer = await service.connection()
    await peer.wait_end()
    assert peer.received.endswith(b"half")


async def test_a_client_that_stops_reading_is_eventually_reset(
    service: Service, start_gateway: StartGateway
) -> None:
    async def flood(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await wire.wait_writable()
            wire.send(bytes(65536))

    service.script = flood
    gateway = await start_gateway(timeouts={"body": "200ms"})
    client = await gateway.connect(receive_bytes=65536)
    client.send(make_request("/open/"))
    await client.wait_for(lambda: len(client.received) > 100)
    client.stop_reading()

    peer = await service.connection()
    await peer.wait_lost()

    client.read_on()
    with pytest.raises(Cut):
        await read_answer(client)


async def test_a_client_that_resets_before_its_response_closes_the_upstream_connection(
    service: Service, client: Wire, gateway: RunningGateway
) -> None:
    client_left = asyncio.Event()

    async def answer_too_late(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await client_left.wait()

    service.script = answer_too_late
    client.send(make_request("/open/"))
    await service.request()

    client.reset()

    await (await service.connection()).wait_end()
    assert gateway.metric("http_server_active_requests") == 0


async def test_a_client_that_disconnects_in_its_body_closes_the_upstream_connection(
    service: Service, client: Wire
) -> None:
    client.send(make_request("/open/", "Content-Length: 10", method="POST") + b"half")
    peer = await service.connection()
    await peer.wait_for(lambda: peer.received.endswith(b"half"))

    client.close()

    await peer.wait_end()
    assert service.requests == []


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset])
async def test_a_client_that_disconnects_in_its_response_closes_the_upstream_connection(
    service: Service, client: Wire, leave: Callable[[Wire], None]
) -> None:
    async def answer_on_and_on(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await wire.wait_writable()
            wire.send(b"4\r\nmore\r\n")
            await asyncio.sleep(0)

    service.script = answer_on_and_on
    client.send(make_request("/open/"))
    await client.read_until(b"more")

    leave(client)

    await (await service.connection()).wait_end()


async def test_a_head_cut_short_by_a_half_close_gets_no_response(
    service: Service, client: Wire
) -> None:
    client.send(b"GET /open/ HTTP/1.1\r\nHost: a\r\n")
    client.end()

    await client.wait_end()

    assert service.received == b""
    assert b" 200 " not in client.received


async def test_a_client_that_still_sends_its_body_can_read_a_refusal(
    service: Service, client: Wire
) -> None:
    """The rest of the body is not the next request (RFC 9112 §9.6)."""
    body = make_request("/open/smuggled") * 20_000
    client.send(make_request("/api/", method="POST", body=body))

    answer = await read_answer(client)

    assert (answer.status, answer.one(b"connection")) == (401, b"close")
    await client.wait_end()
    assert client.unread == b""
    assert service.received == b""


async def test_requests_behind_a_malformed_one_are_never_read(
    service: Service, client: Wire
) -> None:
    """RFC 9112 §6.3: whatever follows broken framing could be anything."""
    client.send(
        make_request("/open/1")
        + make_request("/open/2", "Content-Length: 5", "Content-Length: 6", method="POST")
        + make_request("/open/3")
    )

    answers = [await read_answer(client) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 400]
    assert answers[1].one(b"connection") == b"close"
    await client.wait_end()
    assert client.unread == b""
    assert [request.target for request in service.requests] == [b"/open/1"]


async def test_a_large_head_behind_pipelined_requests_is_refused(
    service: Service, client: Wire
) -> None:
    """9112.14: also if it begins in the middle of a piece."""
    large = make_request("/open/large", *(f"X-{number}: {'x' * 1000}" for number in range(40)))
    client.send(make_request("/open/1") * 20 + large)

    statuses = [(await read_answer(client)).status for _ in range(21)]

    assert statuses == [200] * 20 + [431]
    await client.wait_end()
    assert b"/open/large" not in service.received


async def test_empty_lines_before_a_request_are_ignored(client: Wire) -> None:
    """RFC 9112 §2.2."""
    client.send(b"\r\n\r\n" + make_request("/open/"))

    assert (await read_answer(client)).status == 200


async def test_a_request_that_comes_byte_by_byte_is_read_as_one(
    service: Service, client: Wire
) -> None:
    request = make_request("/open/slow", "X-Note: one", method="POST", body=b"body")
    for byte in request:
        client.send(bytes((byte,)))
        await asyncio.sleep(0)

    assert (await read_answer(client)).status == 200
    assert (service.requests[0].target, service.requests[0].body) == (b"/open/slow", b"body")
    assert service.requests[0].one(b"x-note") == b"one"


async def test_a_body_that_a_get_carries_is_forwarded_with_its_framing(
    service: Service, client: Wire
) -> None:
    """CL.0: it never becomes the next request on the upstream connection."""
    service.script = echo
    client.send(make_request("/open/", body=make_request("/open/smuggled")))
    client.send(make_request("/open/next"))

    first, second = [await read_answer(client) for _ in range(2)]

    assert first.body == b"/open/ " + make_request("/open/smuggled")
    assert second.body == b"/open/next "
    assert len(service.requests) == 2


async def test_the_head_of_a_response_reaches_the_client_before_its_body(
    service: Service, client: Wire
) -> None:
    async def head_only(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        await released.wait()
        wire.send(b"body")

    released = asyncio.Event()
    service.script = head_only
    client.send(make_request("/open/"))

    assert (await read_head(client)).status == 200
    released.set()
    assert await client.read(4) == b"body"


@pytest.mark.parametrize("begun", [False, True])
async def test_a_response_that_exceeds_the_total_timeout_is_given_up(
    service: Service, start_gateway: StartGateway, begun: bool
) -> None:
    """Each byte may come in time, and the response never end."""

    async def begin(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if begun:
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")

    service.script = begin
    gateway = await start_gateway(
        timeouts={"total": "1m"}, upstream={"response_timeout": "10m", "stall_timeout": "10m"}
    )
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()
    if begun:
        await client.read_until(b"\r\n\r\nx")

    gateway.expire(120)

    if begun:
        assert await client.read_to_end() == b""
    else:
        answer = await read_answer(client)
        assert (answer.status, b"upstream_timeout" in answer.body) == (504, True)
    await (await service.connection()).wait_end()


async def test_a_body_that_exceeds_the_total_timeout_is_given_up(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(timeouts={"total": "1m"})
    client = await gateway.connect()
    client.send(make_request("/open/", "Content-Length: 1000000", method="POST") + b"x")
    peer = await service.connection()
    await peer.wait_for(lambda: peer.received.endswith(b"x"))

    gateway.expire(120)

    answer = await read_answer(client)
    assert (answer.status, b"request_timeout" in answer.body) == (408, True)
    await (await service.connection()).wait_end()


async def test_a_tunnel_may_exceed_the_total_timeout(
    service: Service, start_gateway: StartGateway
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
        )
        while True:
            wire.send(await wire.read(1))

    service.script = switch
    routes = [
        {
            "name": "echo",
            "match": {"path_prefix": "/"},
            "upstream": "main",
            "public": True,
            "upgrades": ["echo"],
        }
    ]
    gateway = await start_gateway(timeouts={"total": "1m"}, routes=routes)
    client = await gateway.connect()
    client.send(make_request("/", "Connection: Upgrade", "Upgrade: echo"))
    await client.read_until(b"\r\n\r\n")

    for _ in range(3):
        client.send(b"x")
        assert await client.read(1) == b"x"
        gateway.expire(120)


async def test_a_client_that_goes_on_sending_can_read_a_refusal(
    gateway: RunningGateway, client: Wire
) -> None:
    """A reset at once would discard the response (RFC 9112 §9.6)."""
    client.send(make_request("/api/", "Content-Length: 10000000", method="POST") + b"x" * 1000)

    answer = await read_answer(client)
    client.send(b"x" * 100_000)
    await client.wait_end()

    assert answer.status == 401
    assert answer.one(b"connection") == b"close"


async def test_a_truncated_response_ends_with_a_reset(service: Service, client: Wire) -> None:
    """HTTP/1.0 would take a mere close for the end of the body."""
    cut = asyncio.Event()

    async def cut_short(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"x" * 1000)[:-500])
        await cut.wait()
        wire.reset()

    service.script = cut_short
    client.send(make_request("/open/", version="1.0"))
    await client.read_until(b"xxx")
    cut.set()

    await client.wait_lost()

    assert isinstance(client.error, ConnectionResetError)
