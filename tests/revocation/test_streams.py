"""Tunnels and event streams end when a list comes in that has their token."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from gateway.proxy.streams.websocket_frames import close_frame
from tests.keyring.peers import IssuerPeer, MovableClock, body, until
from tests.proxy.gateways import ROUTES, bearer, make_token
from tests.proxy.grpc_calls import HEAD, call, chunk, message, see, speak, status_of, streaming
from tests.proxy.h2.frames import headers
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_answer, read_chunk, read_head
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire
from tests.revocation.lists import listing
from tests.revocation.stage import Stage, stage, stage_settings

TOKEN = make_token(jti="t1")
OTHER = make_token(jti="t2")
T1 = {"jti": "t1"}
EVENT = b"data: one\n\n"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


async def send_events(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + EVENT)


async def switch(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(SWITCHED)


async def open_events(running: Stage, token: bytes) -> Wire:
    """Return a client that got one event of the stream it asked for."""
    client = await running.gateway.connect()
    client.send(make_request("/api/events", bearer(token)))
    assert (await read_head(client)).status == 200
    assert await read_chunk(client) == EVENT
    return client


async def open_socket(running: Stage, token: bytes = TOKEN) -> Wire:
    """Return a client whose WebSocket stands."""
    client = await running.gateway.connect()
    client.send(make_request("/socket/", bearer(token), *UPGRADE))
    assert (await read_head(client)).status == 101
    return client


@pytest.mark.parametrize("timeouts", [{}, {"token_grace": "unlimited"}], ids=["usual", "grace"])
async def test_an_event_stream_ends_whole_and_another_goes_on(
    timeouts: dict[str, Any],
    peer: IssuerPeer,
    service: Service,
    tmp_path: Path,
    clock: MovableClock,
) -> None:
    peer.answer, service.script = body(listing()), send_events
    settings = stage_settings(tmp_path, service, {"url": peer.url}, timeouts=timeouts)
    async with stage(settings, clock) as running:
        client, other = await open_events(running, TOKEN), await open_events(running, OTHER)
        peer.answer = body(listing(T1))

        await running.refresh()

        assert await read_chunk(client) == b""
        client.send(make_request("/api/events", bearer(TOKEN)))
        assert (await read_answer(client)).status == 401
        (await service.connection(1)).send(EVENT)
        assert await read_chunk(other) == EVENT
        assert running.gateway.metric("gateway_streams_expired_total", route="api") == 1
        reason = {"route": "api", "reason": "token_revoked"}
        assert running.gateway.metric("gateway_decisions_total", **reason) == 2


@pytest.mark.parametrize("has_begun", [False, True], ids=["no response", "a response"])
async def test_a_call_of_grpc_ends_with_a_status(
    has_begun: bool,
    peer: IssuerPeer,
    service: Service,
    tmp_path: Path,
    clock: MovableClock,
) -> None:
    begun = (HEAD, chunk(message(b"one"))) if has_begun else ()
    peer.answer, service.script = body(listing()), streaming(*begun)
    settings = stage_settings(tmp_path, service, {"url": peer.url})
    async with stage(settings, clock) as running:
        client = await speak(running.gateway)
        client.send(headers(1, call(b"/api/a.B/C", bearer_field(TOKEN)), ends=False))
        client.send(headers(3, call(b"/api/a.B/C", bearer_field(OTHER)), ends=False))
        for number in (0, 1):
            await (await service.connection(number)).read_until(b"\r\n\r\n")
        if has_begun:
            await see(client, lambda: len(client.stream(1).body) + len(client.stream(3).body) > 15)
        peer.answer = body(listing(T1))

        await running.refresh()
        await client.wait_over(1)

        assert status_of(client.stream(1)) == (16, "token_revoked: The access token was revoked")
        assert await client.wait_read()
        assert not client.stream(3).is_over


def bearer_field(token: bytes) -> tuple[bytes, bytes]:
    return b"authorization", b"Bearer " + token


@pytest.mark.parametrize("timeouts", [{}, {"token_grace": "unlimited"}], ids=["usual", "grace"])
async def test_a_websocket_is_told_why_it_ends(
    timeouts: dict[str, Any],
    peer: IssuerPeer,
    service: Service,
    tmp_path: Path,
    clock: MovableClock,
) -> None:
    peer.answer, service.script = body(listing()), switch
    settings = stage_settings(tmp_path, service, {"url": peer.url}, timeouts=timeouts)
    async with stage(settings, clock) as running:
        client = await open_socket(running)
        said = Frame(Opcode.TEXT, b"hello").serialize(mask=True)
        client.send(said)
        assert await (await service.connection()).read(len(said)) == said
        peer.answer = body(listing(T1))

        await running.refresh()

        goodbye = close_frame(1008, b"token revoked")
        assert await client.read(len(goodbye)) == goodbye


async def test_a_list_that_cannot_be_had_ends_no_stream(
    peer: IssuerPeer, service: Service, tmp_path: Path, clock: MovableClock
) -> None:
    """Requests are refused meanwhile, but nothing says that this token was revoked."""
    peer.answer, service.script = body(listing({"jti": "other"})), send_events
    settings = stage_settings(tmp_path, service, {"url": peer.url, "stale": "0s"})
    async with stage(settings, clock) as running:
        client = await open_events(running, TOKEN)
        peer.answer = body(b"", status=500)
        await running.refresh()
        clock.advance(60.0)
        await until(lambda: running.metric("entries") == 0)
        assert await running.reason(TOKEN) == "revocations_unavailable"
        running.gateway.gateway.data._serving.port.streams.check_revocation()
        running.gateway.pass_time(0.0)

        (await service.connection()).send(EVENT)
        assert await read_chunk(client) == EVENT


async def test_a_stream_from_before_a_reload_is_compared_with_the_lists_of_now(
    peer: IssuerPeer, service: Service, tmp_path: Path, clock: MovableClock
) -> None:
    service.script = send_events
    async with stage(stage_settings(tmp_path, service, None), clock) as running:
        client, other = await open_events(running, TOKEN), await open_events(running, OTHER)
        peer.answer = body(listing(T1))
        with_list = stage_settings(tmp_path, service, {"url": peer.url})

        assert await running.gateway.gateway.reload(with_list) is None
        assert await read_chunk(client) == b""

        peer.answer = body(listing({"jti": "t2"}))
        await running.refresh()
        assert await read_chunk(other) == b""


async def test_where_refusals_are_only_reported_a_stream_goes_on(
    peer: IssuerPeer, service: Service, tmp_path: Path, clock: MovableClock
) -> None:
    routes = [
        {**route, "mode": "report"} if route["name"] == "api" else dict(route) for route in ROUTES
    ]
    peer.answer, service.script = body(listing()), send_events
    settings = stage_settings(tmp_path, service, {"url": peer.url}, routes=routes)
    async with stage(settings, clock) as running:
        client = await open_events(running, TOKEN)
        peer.answer = body(listing(T1))

        await running.refresh()
        running.gateway.pass_time(0.0)

        (await service.connection()).send(EVENT)
        assert await read_chunk(client) == EVENT
        client.reset()
        await (await service.connection()).wait_end()
        would = {"route": "api", "reason": "token_revoked"}
        assert running.gateway.metric("gateway_would_deny_total", **would) == 1
