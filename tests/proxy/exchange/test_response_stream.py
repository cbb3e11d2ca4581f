"""A tunnel or an event stream ends with its token, in a way that its reader understands."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import (
    AUDIENCE,
    EXPIRED,
    ISSUER,
    ROUTES,
    RunningGateway,
    bearer,
    load,
    make_token,
    write_config,
)
from tests.proxy.grpc_calls import HEAD as CALL_HEAD
from tests.proxy.grpc_calls import call, chunk, message, see, speak, streaming
from tests.proxy.h2.frames import headers
from tests.proxy.handshakes import make_switch
from tests.proxy.messages import make_request, read_answer, read_chunk, read_head
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

__all__ = ["log"]  # a fixture

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
EVENT = b"data: one\n\n"


def stream(head: bytes = HEAD, event: bytes = EVENT) -> Script:
    """Return a script that answers each request with *head*, one event, and silence."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(head + b"\r\n" + event)

    return script


def token(seconds: float = 600, **claims: Any) -> bytes:
    """Return a token with so many seconds left."""
    return bearer(make_token(exp=time.time() + seconds, **claims))


async def ask(gateway: RunningGateway, *lines: bytes | str, target: str = "/api/events") -> Wire:
    """Return a client that got one event of the stream it asked for."""
    client = await gateway.connect()
    client.send(make_request(target, *lines))
    assert (await read_head(client)).status == 200
    await client.read_until(b"\n\n")
    return client


# --- event streams


async def test_an_event_stream_ends_whole_when_its_token_has_expired(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = stream()
    client = await ask(gateway, token())
    assert await client.read(2) == b"\r\n"

    gateway.clocks.ahead_seconds = EXPIRED  # and the listener looks at the clock by itself
    assert await read_chunk(client) == b""
    await (await service.connection()).wait_end()

    assert gateway.metric("gateway_streams_expired_total", route="api") == 1
    client.send(make_request("/api/events", token()))
    assert (await read_answer(client)).status == 401


async def test_an_expired_stream_is_one_line_that_says_why(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    service.script = stream()
    gateway = await start_gateway(access_log="stdout")
    client = await ask(gateway, token())

    gateway.pass_time(EXPIRED)
    await client.read_until(b"0\r\n\r\n")
    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"], line["route"]) == (200, "token_expired", "api")
    assert (line["subject"], line["sent_bytes"]) == ("alice", len(EVENT))


async def test_leeway_and_grace_are_given(service: Service, start_gateway: StartGateway) -> None:
    service.script = stream()
    issuer = {
        "issuer": ISSUER,
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "leeway": "5m",
    }
    gateway = await start_gateway(issuers={"main": issuer}, timeouts={"token_grace": "1h"})
    later = await ask(gateway, token(100))
    sooner = await ask(gateway, token(10))

    gateway.pass_time(10 + 300 + 3600 + 1)
    await sooner.read_until(b"0\r\n\r\n")
    assert later.unread == b"\r\n"

    gateway.pass_time(90)
    await later.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("grace", "target", "has_token"),
    [
        ("0s", "/open/", False),
        ("0s", "/open/", True),
        ("0s", "/maybe/", False),
        ("unlimited", "/api/", True),
    ],
)
async def test_a_stream_without_a_token_or_with_unlimited_grace_goes_on(
    service: Service,
    start_gateway: StartGateway,
    grace: str,
    target: str,
    has_token: bool,
) -> None:
    service.script = stream()
    gateway = await start_gateway(timeouts={"token_grace": grace})
    # Made here: a token that is made while tests are collected may be over when it is used.
    client = await ask(gateway, *((token(),) if has_token else ()), target=target)

    gateway.pass_time(1e9)

    (await service.connection()).send(b"data: two\n\n")
    await client.read_until(b"data: two\n\n")


EVENT_STREAMS = [
    b"Content-Type: text/event-stream",
    b"content-type: text/event-stream;charset=utf-8",
    b"CONTENT-TYPE:Text/Event-Stream ; charset=utf-8",
    b"X-First: 1\r\nContent-Type: text/event-stream\r\nX-Last: 1",
]

OTHER_ANSWERS = [
    b"Content-Type: text/event-streams",
    b"Content-Type: text/plain",
    b"Content-Type: application/json; like=text/event-stream",
    b"X-Content-Type: text/event-stream",
    b"X: content-type: text/event-stream",
    b"",
]


@pytest.mark.parametrize("line", EVENT_STREAMS)
async def test_an_event_stream_is_known_by_its_type(
    service: Service, gateway: RunningGateway, line: bytes
) -> None:
    service.script = stream(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n")
    client = await ask(gateway, token())

    gateway.pass_time(EXPIRED)

    await client.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize("line", OTHER_ANSWERS)
async def test_another_response_that_has_begun_is_finished(
    service: Service, start_gateway: StartGateway, line: bytes
) -> None:
    service.script = stream(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n" * bool(line))
    gateway = await start_gateway()
    client = await ask(gateway, token())

    gateway.pass_time(1e9)

    peer = await service.connection()
    peer.send(b"the rest\n\n")
    peer.close()
    await client.read_until(b"the rest\n\n\r\n0\r\n\r\n")


async def test_a_stream_without_an_event_yet_ends_too(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = stream(event=b"")
    client = await gateway.connect()
    client.send(make_request("/api/events", token()))
    assert (await read_head(client)).status == 200

    gateway.pass_time(EXPIRED)

    assert await read_chunk(client) == b""


async def test_a_stream_with_a_length_is_cut(service: Service, gateway: RunningGateway) -> None:
    """What is not complete must not look as if it were (RFC 9112 §8)."""
    service.script = stream(HEAD + b"Content-Length: 1000\r\n")
    client = await ask(gateway, token())

    gateway.pass_time(EXPIRED)

    assert await client.read_to_end() == b""


@pytest.mark.parametrize("kind", [b"grpc", b"grpc+proto", b"grpc-web", b"grpc-web-text"])
async def test_what_a_service_took_for_a_call_is_cut_with_its_token(
    service: Service, gateway: RunningGateway, kind: bytes
) -> None:
    """A service may answer calls by HTTP/1.1, too, and what it streams must not outlive the token.

    It has no status yet, so it must not look complete.
    """
    service.script = stream(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/"
        + kind
        + b"\r\n",
        b"5\r\none\n\n\r\n",
    )
    client = await ask(gateway, token())

    gateway.pass_time(EXPIRED)

    assert await client.read_to_end() == b"\r\n"
    await (await service.connection()).wait_end()
    assert gateway.metric("gateway_streams_expired_total", route="api") == 1


async def test_a_call_without_a_body_is_cut_with_its_token(
    service: Service, gateway: RunningGateway
) -> None:
    """No library sends one; a client that does gets no stream that outlives its token."""
    service.script = streaming(CALL_HEAD, chunk(message(b"one")))
    client = await speak(gateway)
    expiring = (b"authorization", b"Bearer " + make_token(exp=time.time() + 600))
    client.send(headers(1, call(b"/api/a.B/C", expiring), ends=True))
    await see(client, lambda: bytes(client.stream(1).body) == message(b"one"))

    gateway.pass_time(EXPIRED)
    await client.wait_over(1)

    assert client.stream(1).label == "reset INTERNAL_ERROR"
    await (await service.connection()).wait_end()


async def test_a_stream_to_http_1_0_ends_with_the_connection(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = stream()
    client = await gateway.connect()
    client.send(make_request("/api/events", token(), version="1.0"))
    await client.read_until(EVENT)

    gateway.pass_time(EXPIRED)

    assert await client.read_to_end() == b""


async def test_a_stream_outlives_a_reload_but_not_its_token(
    service: Service, gateway: RunningGateway, tmp_path: Path
) -> None:
    service.script = stream()
    client = await ask(gateway, token())
    for _ in range(2):
        settings = load(write_config(tmp_path, [service.url], {"routes": ROUTES[::-1]}))
        assert await gateway.gateway.reload(settings) is None
    (await service.connection()).send(b"data: two\n\n")
    await client.read_until(b"data: two\n\n")

    gateway.pass_time(EXPIRED)

    await client.read_until(b"0\r\n\r\n")
    assert gateway.metric("gateway_streams_expired_total", route="api") == 1


async def test_a_stream_may_take_longer_than_the_total_timeout(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = stream()
    gateway = await start_gateway(timeouts={"total": "1m"}, upstream={"stall_timeout": "10m"})
    client = await ask(gateway, token())
    other = await gateway.connect()
    service.script = stream(b"HTTP/1.1 200 OK\r\n")
    other.send(make_request("/open/"))
    await other.read_until(EVENT)

    gateway.expire(120)

    await other.wait_end()

    (await service.connection()).send(b"data: two\n\n")
    await client.read_until(b"data: two\n\n")


async def test_a_stream_that_is_over_before_its_token_ends_nothing_else(
    service: Service, start_gateway: StartGateway
) -> None:
    """The connection serves another request by then."""
    gateway = await start_gateway()
    service.script = stream()
    client = await ask(gateway, token())
    (await service.connection()).close()
    await client.read_until(b"0\r\n\r\n")
    service.script = stream(b"HTTP/1.1 200 OK\r\n")
    client.send(make_request("/open/"))
    await client.read_until(EVENT)

    gateway.pass_time(EXPIRED)

    (await service.connection(1)).send(b"more")
    await client.read_until(b"more")
    assert gateway.metric("gateway_streams_expired_total", route="api") == 0


async def test_a_stream_that_ended_is_not_ended_again(
    service: Service, gateway: RunningGateway
) -> None:
    """The connection is idle by then, and the exchange still known to it."""
    service.script = stream()
    client = await ask(gateway, token())
    (await service.connection()).close()
    await client.read_until(b"0\r\n\r\n")

    gateway.pass_time(EXPIRED)

    assert gateway.metric("gateway_streams_expired_total", route="api") == 0
    client.send(make_request("/nowhere"))
    assert (await read_answer(client)).status == 404


# --- tunnels whose bytes mean nothing to us

CHAT_ROUTES = [
    {
        "name": "chat",
        "match": {"path_prefix": "/chat/"},
        "upstream": "main",
        "require": {},
        "upgrades": ["chat"],
    }
]


async def open_chat(gateway: RunningGateway, service: Service) -> tuple[Wire, Wire]:
    """Return both ends of a tunnel."""

    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_switch(upgrade=b"Upgrade: chat", accept=b""))

    service.script = switch
    client = await gateway.connect()
    client.send(make_request("/chat/", token(), "Connection: Upgrade", "Upgrade: chat"))
    assert (await read_head(client)).status == 101
    peer = await service.connection()
    await peer.read_until(b"\r\n\r\n") if peer.unread else None
    return client, peer


async def test_a_tunnel_of_bytes_ends_at_both_ends_after_what_was_sent(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(routes=CHAT_ROUTES, access_log="stdout")
    client, peer = await open_chat(gateway, service)
    client.send(b"to the service")
    peer.send(b"to the client")
    await peer.read(14)
    await client.read(13)

    gateway.pass_time(EXPIRED)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    assert gateway.metric("gateway_streams_expired_total", route="chat") == 1
    assert gateway.metric("gateway_tunnels_open") == 0
    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"]) == (101, "token_expired")
    assert (line["sent_bytes"], line["received_bytes"]) == (13, 14)


async def test_what_a_slow_upstream_has_not_read_yet_still_reaches_it(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """The end of a tunnel is no reason to lose what was said before."""
    gateway = await start_gateway(routes=CHAT_ROUTES, access_log="stdout")
    client, peer = await open_chat(gateway, service)
    peer.stop_reading()
    while not client.is_blocked:
        client.send(bytes(65536))
        await asyncio.sleep(0)
    await gateway.wait_still(client.transport.get_write_buffer_size)

    gateway.pass_time(EXPIRED)
    peer.read_on()
    received = await peer.read_to_end()
    lines = await log.lines(gateway)

    (line,) = (line for line in lines if line["route"] == "chat")
    assert len(received) == line["received_bytes"]
