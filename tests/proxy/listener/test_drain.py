"""The gateway drains without losing a request."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from gateway.proxy.listener.drain import due
from gateway.proxy.streams.tunnel import CLOSE_SECONDS
from gateway.proxy.streams.websocket_frames import close_frame
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.exchange.test_response_stream import EVENT, HEAD, stream
from tests.proxy.gateways import EXPIRED, RunningGateway, bearer
from tests.proxy.handshakes import SWITCHED, UPGRADE, make_switch
from tests.proxy.listener.test_listener import connect_tls, tls_listen
from tests.proxy.messages import make_request, read_answer, read_chunk, read_head
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, echo
from tests.proxy.streams.test_tunnel import EchoServer, echo_url, open_socket
from tests.proxy.streams.test_websocket_tunnel import frame, open_tunnel, pass_on
from tests.proxy.wire import Wire

__all__ = ["echo_url", "log"]  # fixtures

AT_ONCE = {"deadline": "30s", "streams": "0s"}
GOODBYE = close_frame(1001, b"shutting down")
MASKED_REPLY = close_frame(1001, b"", b"\x11\x22\x33\x44")
REPLY = close_frame(1001, b"")


StartDrain = Callable[[RunningGateway], Awaitable[asyncio.Task[None]]]


@pytest.fixture
async def drains() -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        task.cancel()


@pytest.fixture
def start_drain(drains: list[asyncio.Task[None]]) -> StartDrain:
    """Begin to drain; the gateway is not ready when this returns."""

    async def start(gateway: RunningGateway) -> asyncio.Task[None]:
        drains.append(asyncio.create_task(gateway.gateway.drain()))
        await asyncio.sleep(0)
        assert gateway.gateway.ready().not_ready == ("draining",)
        return drains[-1]

    return start


# --- requests


async def test_during_the_delay_connections_are_accepted_and_responses_say_close(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    gateway = await start_gateway(drain={"deadline": "30s", "delay": "1h"})
    kept = await gateway.connect()
    kept.send(make_request("/open/"))
    assert not (await read_answer(kept)).has(b"connection")

    draining = await start_drain(gateway)
    for client in (kept, await gateway.connect(), await gateway.connect()):
        client.send(make_request("/open/"))
        answer = await read_answer(client)
        assert (answer.status, answer.one(b"connection")) == (200, b"close")
        await client.wait_end()
    refused = await gateway.ask(make_request("/api/"))

    assert (refused.status, refused.one(b"connection")) == (401, b"close")
    assert not draining.done()


async def test_connections_in_the_backlog_are_served(
    service: Service, gateway: RunningGateway, start_drain: StartDrain
) -> None:
    """Their clients are connected: a reset would lose what they sent."""
    (acceptor,) = gateway.gateway.data._listener._acceptors
    acceptor.pause()
    await asyncio.sleep(0)
    waiting = [await gateway.connect() for _ in range(20)]
    for client in waiting:
        client.send(make_request("/open/"))

    await start_drain(gateway)

    for client in waiting:
        answer = await read_answer(client)
        assert (answer.status, answer.one(b"connection")) == (200, b"close")
    with pytest.raises(ConnectionRefusedError):
        await gateway.connect()


async def test_an_idle_connection_may_still_bring_a_request(
    service: Service, gateway: RunningGateway, start_drain: StartDrain
) -> None:
    """RFC 9112 §9.5: it may be on its way, and is answered."""
    clients = [await gateway.connect() for _ in range(2)]
    for client in clients:
        client.send(make_request("/open/"))
        await read_answer(client)
    busy, idle = clients

    draining = await start_drain(gateway)
    busy.send(make_request("/open/"))
    answer = await read_answer(busy)

    assert (answer.status, answer.one(b"connection")) == (200, b"close")
    for client in clients:
        await client.wait_end()
        assert client.error is None
        client.close()
    assert idle.unread == b""
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def test_a_request_that_crosses_the_end_of_its_connection_does_not_reset_it(
    service: Service, gateway: RunningGateway, start_drain: StartDrain
) -> None:
    """RFC 9112 §9.6: a reset could discard the last response before it is read."""
    client = await gateway.connect()
    await start_drain(gateway)
    client.send(make_request("/open/"))
    assert (await read_answer(client)).one(b"connection") == b"close"
    await client.wait_end()

    for _ in range(20):
        client.send(make_request("/open/"))
        await asyncio.sleep(0)

    assert not client.is_lost
    assert client.unread == b""
    assert len(service.requests) == 1


async def test_a_response_that_has_begun_is_completed_and_its_connection_closed(
    service: Service, gateway: RunningGateway, start_drain: StartDrain
) -> None:
    """Its head could not say "close", and the idle timeout would be too long."""

    async def slowly(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")

    service.script = slowly
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await client.read_until(b"half")

    draining = await start_drain(gateway)
    (await service.connection()).send(b"rest")

    assert await client.read_to_end() == b"rest"
    client.close()
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def test_the_drain_waits_for_the_rest_of_a_head(
    service: Service, gateway: RunningGateway, start_drain: StartDrain
) -> None:
    client = await gateway.connect()
    client.send(make_request("/open/")[:-4])
    await gateway.wait_still(lambda: 0)

    await start_drain(gateway)
    await asyncio.sleep(0.1)
    client.send(b"\r\n\r\n")

    assert (await read_answer(client)).one(b"connection") == b"close"


async def test_connections_with_tls_are_closed_without_a_reset(
    service: Service, start_gateway: StartGateway, tmp_path: Path, start_drain: StartDrain
) -> None:
    authority = trustme.CA()
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    busy, idle = [await connect_tls(gateway, context) for _ in range(2)]
    shaking = await gateway.connect()  # its handshake has not begun

    draining = await start_drain(gateway)
    busy.send(make_request("/open/"))
    answer = await read_answer(busy)

    assert (answer.status, answer.one(b"connection")) == (200, b"close")
    for client in (busy, idle):
        await client.wait_lost()
        assert client.error is None
    assert not draining.done()  # which waits for the handshake, and would serve who made it
    shaking.close()
    await asyncio.wait_for(draining, LIMIT_SECONDS)


# --- the deadline


async def hang(service: Service, wire: Wire) -> None:
    await service.read_request(wire)


CUT = [
    ("sent", make_request("/open/"), 504, b"upstream_timeout"),
    ("not whole", make_request("/open/", method="POST", body=b"x" * 9)[:-1], 408,
     b"request_timeout"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "status", "reason"), [case[1:] for case in CUT], ids=[case[0] for case in CUT]
)
async def test_at_the_deadline_a_request_is_refused_with_the_best_reason(
    service: Service,
    start_gateway: StartGateway,
    request_: bytes,
    status: int,
    reason: bytes,
    start_drain: StartDrain,
) -> None:
    service.script = hang
    gateway = await start_gateway(drain="100ms")
    client = await gateway.connect()
    client.send(request_)
    await service.connection()

    await start_drain(gateway)

    answer = await read_answer(client)
    assert (answer.status, answer.one(b"connection")) == (status, b"close")
    assert reason in answer.body
    await client.wait_end()
    assert client.error is None


async def test_at_the_deadline_a_request_that_was_not_forwarded_may_be_retried(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """It waits for a connection that is never made: the backlog of the service is full."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        gateway = await start_gateway(
            [f"http://127.0.0.1:{full.getsockname()[1]}"],
            upstream={"connect_timeout": "1h"},
            drain="100ms",
        )
        client = await gateway.connect()
        client.send(make_request("/open/"))
        await gateway.wait_still(lambda: 0)

        await start_drain(gateway)

        answer = await read_answer(client)
    assert (answer.status, answer.one(b"connection")) == (503, b"close")
    assert int(answer.one(b"retry-after")) > 0
    assert b'"draining"' in answer.body


async def test_at_the_deadline_a_truncated_response_does_not_look_complete(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    async def half(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")

    service.script = half
    gateway = await start_gateway(drain="100ms")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await client.read_until(b"half\r\n")

    await start_drain(gateway)

    await client.wait_lost()
    assert client.unread == b""
    assert isinstance(client.error, ConnectionResetError)


async def test_at_the_deadline_queued_requests_are_not_started(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    service.script = hang
    gateway = await start_gateway(drain="100ms")
    client = await gateway.connect()
    client.send(make_request("/open/1") + make_request("/open/2"))
    await service.request()

    await start_drain(gateway)

    assert (await read_answer(client)).one(b"connection") == b"close"
    assert await client.read_to_end() == b""
    assert [request.target for request in service.requests] == [b"/open/1"]


# --- WebSockets


async def test_both_ends_of_a_websocket_get_a_close_frame(
    echo_url: tuple[EchoServer, str], start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """RFC 6455 §7.4.1. With the library at both ends, with a token and without."""
    echo_server, url = echo_url
    gateway = await start_gateway([url], drain=AT_ONCE)
    async with open_socket(gateway, None, "/open-socket/") as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"

        draining = await start_drain(gateway)
        with pytest.raises(ConnectionClosed):
            await socket.recv()

    assert (socket.close_code, socket.close_reason) == (1001, "shutting down")
    assert await echo_server.closed == (1001, "shutting down")
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def test_a_message_in_flight_is_completed_before_the_close_frame(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    gateway = await start_gateway(drain=AT_ONCE)
    client, peer = await open_tunnel(gateway, service)
    up, down = frame(70_000, masked=True), frame(70_000, masked=False)
    await pass_on(client, peer, up[:100])
    await pass_on(peer, client, down[:100])
    draining = await start_drain(gateway)
    await asyncio.sleep(0.1)

    gateway.pass_time(CLOSE_SECONDS)  # what is under way has all the time there is
    client.send(up[100:])
    peer.send(down[100:])

    assert await client.read(len(down) - 100 + len(GOODBYE)) == down[100:] + GOODBYE
    assert await peer.read(len(up) - 100) == up[100:]
    assert (await peer.read(len(GOODBYE) + 4))[:2] == bytes((0x88, 0x80 | 15))
    client.send(MASKED_REPLY)
    peer.send(REPLY)
    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    client.close()
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def test_ends_that_do_not_answer_a_close_frame_do_not_delay_the_drain(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    gateway = await start_gateway(drain={"deadline": "1h", "streams": "0s"})
    client, peer = await open_tunnel(gateway, service)
    draining = await start_drain(gateway)
    await client.read(len(GOODBYE))
    await peer.read(len(GOODBYE) + 4)

    gateway.pass_time(CLOSE_SECONDS)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    client.close()
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def test_a_token_that_expires_during_the_drain_sends_no_second_close_frame(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    gateway = await start_gateway(drain=AT_ONCE)
    client, peer = await open_tunnel(gateway, service)
    await start_drain(gateway)
    await client.read(len(GOODBYE))
    await peer.read(len(GOODBYE) + 4)

    gateway.pass_time(EXPIRED)
    gateway.pass_time(CLOSE_SECONDS)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


async def test_a_websocket_that_begins_during_the_drain_gets_a_close_frame(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)

    service.script = switch
    gateway = await start_gateway(drain=AT_ONCE)
    client = await gateway.connect()
    await start_drain(gateway)

    client.send(make_request("/open-socket/", *UPGRADE))

    assert (await read_head(client)).status == 101
    assert await client.read(len(GOODBYE)) == GOODBYE


async def test_streams_are_ended_one_after_the_other(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """Else thousands of clients would reconnect elsewhere at once."""
    gateway = await start_gateway(drain={"deadline": "2h", "streams": "1h"})
    ends = [await open_tunnel(gateway, service) for _ in range(3)]
    await start_drain(gateway)
    await asyncio.sleep(0.2)

    told = [bool(client.unread) for client, _ in ends]

    assert sum(told) == 1


@given(
    count=st.integers(0, 10_000),
    span=st.floats(0, 1000),
    moments=st.lists(st.floats(0, 2000)).map(sorted),
)
def test_the_first_stream_is_due_at_once_and_all_are_due_in_the_end(
    count: int, span: float, moments: list[float]
) -> None:
    told = [due(count, moment, span) for moment in [0, *moments, span]]

    assert told[0] >= min(count, 1)
    assert told[:-1] == sorted(told[:-1])
    assert told[-1] == count
    assert all(count * moment <= one * span for moment, one in zip(moments, told[1:], strict=False)
               if moment <= span)  # fmt: skip


# --- streams of events


async def test_a_client_of_an_event_stream_sees_a_complete_response(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """With a library that distinguishes a truncated response from a complete one."""
    service.script = stream()
    gateway = await start_gateway(drain=AT_ONCE)
    host, port = gateway.address
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{host}:{port}/open/events") as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == EVENT

        draining = await start_drain(gateway)

        assert await answer.content.read() == b""
        assert answer.content.is_eof()
    await (await service.connection()).wait_end()
    await asyncio.wait_for(draining, LIMIT_SECONDS)


async def ask_for_events(gateway: RunningGateway, service: Service, event: bytes) -> Wire:
    client = await gateway.connect()
    client.send(make_request("/api/events", bearer()))
    assert (await read_head(client)).status == 200
    assert await read_chunk(client) == event
    return client


async def test_an_event_in_flight_is_completed_and_no_other_started(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    service.script = stream(event=b"data: o")
    gateway = await start_gateway(drain=AT_ONCE)
    client = await ask_for_events(gateway, service, b"data: o")
    peer = await service.connection()
    await start_drain(gateway)
    await asyncio.sleep(0.1)

    peer.send(b"ne\ndata: and more\n")
    assert await read_chunk(client) == b"ne\ndata: and more\n"
    peer.send(b"\ndata: another\n\n")

    assert await read_chunk(client) == b"\n"
    assert await read_chunk(client) == b""
    assert await client.read_to_end() == b""
    await peer.wait_end()


async def test_the_wait_for_the_end_of_an_event_is_bounded(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """Its reader drops it, and continues after the one before (HTML Standard §9.2.6)."""
    service.script = stream(event=b"data: o")
    gateway = await start_gateway(drain=AT_ONCE)
    client = await ask_for_events(gateway, service, b"data: o")
    await start_drain(gateway)
    await asyncio.sleep(0.1)
    assert client.unread == b""

    gateway.pass_time(CLOSE_SECONDS)

    assert await read_chunk(client) == b""


async def test_a_stream_with_a_length_ends_by_itself(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    service.script = stream(HEAD + b"Content-Length: 22\r\n")
    gateway = await start_gateway(drain=AT_ONCE)
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await client.read_until(EVENT)
    await start_drain(gateway)
    await asyncio.sleep(0.1)

    (await service.connection()).send(EVENT)

    assert await client.read(len(EVENT)) == EVENT


async def test_a_stream_to_http_1_0_ends_with_the_connection(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    service.script = stream()
    gateway = await start_gateway(drain=AT_ONCE)
    client = await gateway.connect()
    client.send(make_request("/open/", version="1.0"))
    await client.read_until(EVENT)

    await start_drain(gateway)

    assert await client.read_to_end() == b""
    assert client.error is None


async def test_the_log_says_why_a_stream_has_ended(
    service: Service, start_gateway: StartGateway, log: Log, start_drain: StartDrain
) -> None:
    service.script = stream()
    gateway = await start_gateway(access_log="stdout", drain=AT_ONCE)
    client = await ask_for_events(gateway, service, EVENT)
    await start_drain(gateway)
    await client.wait_end()

    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"], line["subject"]) == (200, "draining", "alice")


# --- other tunnels

OTHER = make_switch(accept=b"", upgrade=b"Upgrade: chat")
CHAT = ({"name": "chat", "match": {"path_prefix": "/chat/"}, "upstream": "main", "public": True,
         "upgrades": ["chat"]},)  # fmt: skip


async def open_chat(gateway: RunningGateway, service: Service) -> tuple[Wire, Wire]:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(OTHER)

    service.script = switch
    client = await gateway.connect()
    client.send(make_request("/chat/", "Connection: Upgrade", "Upgrade: chat"))
    assert (await read_head(client)).status == 101
    return client, await service.connection()


async def test_a_tunnel_of_another_protocol_is_half_closed_on_both_sides(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    """The meaning of its bytes is unknown; none that was sent before is lost."""
    gateway = await start_gateway(routes=list(CHAT), drain=AT_ONCE)
    client, peer = await open_chat(gateway, service)
    client.send(b"up")
    peer.send(b"down")
    await peer.read(2)
    await client.read(4)
    draining = await start_drain(gateway)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    for end in (client, peer):  # nobody hears it, and nobody is reset for it
        end.send(b"too late")
    await asyncio.sleep(0.1)
    assert (client.is_lost, peer.is_lost) == (False, False)
    client.close()
    peer.close()

    await asyncio.wait_for(draining, LIMIT_SECONDS)
    assert (client.error, peer.error) == (None, None)


async def test_a_tunnel_of_another_protocol_that_stays_open_is_cut(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    gateway = await start_gateway(routes=list(CHAT), drain={"deadline": "1h", "streams": "0s"})
    client, peer = await open_chat(gateway, service)
    draining = await start_drain(gateway)
    await client.wait_end()
    await peer.wait_end()

    gateway.pass_time(CLOSE_SECONDS)

    client.close()
    peer.close()
    await asyncio.wait_for(draining, LIMIT_SECONDS)
    assert gateway.metric("gateway_tunnels_open") == 0


# --- all at once


async def test_clients_that_never_pause_lose_nothing(
    service: Service, start_gateway: StartGateway, start_drain: StartDrain
) -> None:
    service.script = echo
    gateway = await start_gateway()
    told: list[bool] = []
    begun: set[int] = set()

    async def ask_on(number: int) -> None:
        client = await gateway.connect()
        for turn in range(1_000_000):
            targets = [f"/open/{number}/{turn}/{one}" for one in range(number % 4 + 1)]
            client.send(b"".join(make_request(one) for one in ("/nowhere", *targets, "/nowhere")))
            first, *answers, last = [await read_answer(client) for _ in range(len(targets) + 2)]
            assert (first.status, last.status) == (404, 404)
            assert [answer.body for answer in answers] == [f"{one} ".encode() for one in targets]
            begun.add(number)
            if last.has(b"connection"):
                told.append(last.one(b"connection") == b"close")
                await client.wait_end()
                assert client.error is None
                client.close()
                return

    clients = [asyncio.create_task(ask_on(number)) for number in range(40)]
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(begun) < len(clients):  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)
    draining = await start_drain(gateway)
    await asyncio.gather(*clients)
    await asyncio.wait_for(draining, LIMIT_SECONDS)

    assert told == [True] * 40
