"""A connection of HTTP/2 serves its streams side by side, at the same decision as HTTP/1.1."""

import asyncio
import gc
import json
import socket
from secrets import token_urlsafe
from typing import Any

import pytest

from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.h2.connection import H2Connection
from gateway.proxy.h2.stream import Stream
from gateway.proxy.transport.framing import MAX_STREAMS, Framing
from tests.keyring.peers import until
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.h2.frames import (
    PREFACE,
    Code,
    Field,
    Flag,
    Kind,
    body,
    frame,
    headers,
    request_fields,
    rst_stream,
    settings,
)
from tests.proxy.h2.wire import Http2Client, api, see, speak
from tests.proxy.messages import make_answer
from tests.proxy.service import Service, echo, serve
from tests.proxy.wire import Wire


async def lines_of(
    gateway: RunningGateway, capture: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    """Stop *gateway* and return the lines of its access log."""
    await gateway.stop()
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


async def never(service: Service, wire: Wire) -> None:
    """Read requests, and answer none."""
    while True:
        await service.read_request(wire)


async def test_an_allowed_request_reaches_the_service_as_http_1_1(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    stream = await client.fetch(api(b"/api/orders?page=2"))
    assert (stream.status, bytes(stream.body)) == (200, b"hello")
    (request,) = service.requests
    assert request.start == b"GET /api/orders?page=2 HTTP/1.1"
    assert request.all(b"host") == [b"gateway.test"]
    assert [one[:4] for one in request.all(b"via")] == [b"2.0 "]


@pytest.mark.parametrize("size", [1, 5, 23, 24, 25])
async def test_the_preface_may_come_in_pieces(gateway: RunningGateway, size: int) -> None:
    """9113.11"""
    client = Http2Client(await gateway.connect())
    raw = PREFACE + settings() + headers(1, api())
    for at in range(0, len(raw), size):
        client.send(raw[at : at + size])
        await gateway.ask(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        if at > 60:
            client.send(raw[at + size :])
            break
    await client.wait_over(1)
    assert client.stream(1).status == 200


@pytest.mark.parametrize(
    "before", [b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"PRI  * HTTP/2.0\r\n\r\n"]
)
async def test_the_preface_comes_first_and_to_the_byte(
    gateway: RunningGateway, before: bytes
) -> None:
    """9113.11"""
    wire = await gateway.connect()
    rest = PREFACE if b"PRI" not in before else PREFACE[18:]
    wire.send(before + rest + settings())
    await wire.wait_end()
    assert b"HTTP/1.1 400 " in wire.received


async def test_without_http2_there_is_http_1_1_alone(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(http2=False)
    wire = await gateway.connect()
    wire.send(PREFACE + settings())
    await wire.wait_end()
    assert wire.received.startswith(b"HTTP/1.1 400 ")


async def test_as_many_streams_as_are_allowed_are_served_side_by_side(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = echo
    client = await speak(gateway)
    numbers = [client.ask(api(b"/api/%d" % number)) for number in range(MAX_STREAMS)]
    await client.wait_over(*numbers)
    bodies = [bytes(client.stream(number).body) for number in numbers]
    assert bodies == [b"/api/%d " % number for number in range(MAX_STREAMS)]


async def test_large_heads_of_as_many_streams_are_no_flood(
    service: Service, gateway: RunningGateway
) -> None:
    """On a connection of a load balancer, each request can have a token and cookies of its own."""
    service.script = never
    client = await speak(gateway)
    for number in range(MAX_STREAMS):
        cookie = token_urlsafe(6000).encode()
        client.ask(api(b"/api/%d" % number, (b"cookie", cookie)))
    assert await client.wait_read()
    assert client.goaways == []
    await until(lambda: len(service.requests) == MAX_STREAMS)


async def test_an_error_of_ours_ends_one_stream_alone(
    start_gateway: StartGateway,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gateway = await start_gateway(access_log="stdout")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.proxy.h2.connection.refusal_parts", fail)
    client = await speak(gateway)
    client.send(headers(1, request_fields(b"/api/x")) + headers(3, api()))
    await client.wait_over(1, 3)
    assert client.stream(1).label == "reset INTERNAL_ERROR"
    assert client.stream(3).status == 200
    assert gateway.metric("gateway_requests_in_flight") == 0
    failed, _ = await lines_of(gateway, capfd)
    assert (failed["status"], failed["reason"]) == (500, "internal_error")


@pytest.mark.parametrize(
    "where", ["data_received", "ended", "pass_on", "trailers_received", "head_received"]
)
async def test_an_error_of_ours_about_a_frame_ends_its_stream_alone(
    start_gateway: StartGateway,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    where: str,
) -> None:
    gateway = await start_gateway(access_log="stdout")
    service.script = never
    kind = Stream if hasattr(Stream, where) else H2Connection
    whole = getattr(kind, where)

    def fail(self: Stream | H2Connection, *args: Any) -> None:
        if 3 in (getattr(self, "id", 0), *args):
            raise ZeroDivisionError
        whole(self, *args)

    monkeypatch.setattr(kind, where, fail)
    client = await speak(gateway)
    other = client.ask(api(b"/api/other"))
    await service.request(0)
    trailers = headers(3, [(b"x-end", b"1")])
    client.send(headers(3, api(b"/api/fails", method=b"POST"), ends=False))
    client.send(body(3, b"some", ends=False) + (body(3, b"") if where == "ended" else trailers))
    await client.wait_over(3)
    assert client.stream(3).label == "reset INTERNAL_ERROR"
    (wire,) = [one for one in service.connections if b"/api/other" in bytes(one.received)]
    wire.send(make_answer(b"bye"))
    await client.wait_over(other)
    assert client.stream(other).status == 200
    assert client.goaways == []
    assert gateway.metric("gateway_requests_in_flight") == 0
    failed, _ = await lines_of(gateway, capfd)
    assert (failed["status"], failed["reason"]) == (500, "internal_error")
    assert failed["path"] == (None if where == "head_received" else "/api/fails")


async def test_a_refusal_is_that_of_http_1_1_and_is_logged_and_counted(
    start_gateway: StartGateway, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    stream = await client.fetch(request_fields(b"/api/x"))
    assert stream.label == "401 token_missing"
    assert service.received == b""
    assert gateway.metric("gateway_decisions_total", route="api", reason="token_missing") == 1
    (line,) = await lines_of(gateway, capfd)
    assert (line["status"], line["reason"], line["path"]) == (401, "token_missing", "/api/x")
    assert line["protocol"] == "h2"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(api(b"/api/x", (b"connection", b"close")), id="found by the library"),
        pytest.param(api(b"/api/x", (b"host", b"other.test")), id="found by the reader of heads"),
    ],
)
async def test_a_malformed_request_resets_its_stream_and_is_logged_and_counted(
    start_gateway: StartGateway,
    service: Service,
    capfd: pytest.CaptureFixture[str],
    fields: list[Field],
) -> None:
    """9113.1"""
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    stream = await client.fetch(fields)
    assert stream.reset == Code.PROTOCOL_ERROR
    assert (await client.fetch(api())).status == 200
    assert len(service.requests) == 1
    assert gateway.metric("gateway_decisions_total", route="", reason="request_malformed") == 1
    line, _ = await lines_of(gateway, capfd)
    assert (line["status"], line["reason"]) == (400, "request_malformed")


async def test_fields_over_the_limit_are_refused_for_their_stream_alone(
    service: Service, gateway: RunningGateway
) -> None:
    """9113.12: the decoder's table goes on, and later heads use what is in it."""
    client = await speak(gateway)
    stream = await client.fetch(api(b"/api/x", *[(b"x-many", b"y")] * 100))
    assert stream.label == "431 headers_too_large"
    assert (await client.fetch(api())).status == 200
    assert len(service.requests) == 1


async def test_a_reset_stream_gives_up_its_request_alone(
    start_gateway: StartGateway, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    """9113.13"""
    gateway = await start_gateway(access_log="stdout")
    service.script = never
    client = await speak(gateway)
    first, second = client.ask(api(b"/api/1")), client.ask(api(b"/api/2"))
    await service.request(1)
    client.send(rst_stream(first))
    await until(lambda: any(wire.has_ended for wire in service.connections))
    ended = [wire for wire in service.connections if wire.has_ended]
    assert [b"/api/1" in bytes(wire.received) for wire in ended] == [True]
    (other,) = [wire for wire in service.connections if not wire.has_ended]
    other.send(make_answer(b"late"))
    await client.wait_over(second)
    assert bytes(client.stream(second).body) == b"late"
    line, _ = await lines_of(gateway, capfd)
    assert (line["status"], line["path"]) == (499, "/api/1")


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_a_request_that_is_reset_in_the_same_breath_reaches_no_service_and_is_logged(
    start_gateway: StartGateway,
    service: Service,
    capfd: pytest.CaptureFixture[str],
    method: bytes,
) -> None:
    """CVE-2023-44487."""
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    first = headers(1, api(method=method), ends=method == b"GET")
    client.send(first + rst_stream(1) + headers(3, api(b"/api/after")))
    await client.wait_over(3)
    assert [request.start for request in service.requests] == [b"GET /api/after HTTP/1.1"]
    lines = await lines_of(gateway, capfd)
    assert [(one["path"], one["status"]) for one in lines] == [("/api/x", 499), ("/api/after", 200)]


async def test_requests_before_a_fault_of_the_connection_are_logged(
    start_gateway: StartGateway, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    flood = frame(Kind.CONTINUATION, 5, b"") * 20
    client.send(headers(1, api()) + headers(3, api(method=b"POST"), ends=False))
    client.send(frame(Kind.HEADERS, 5, b"") + flood)
    await client.wait_gone()
    lines = await lines_of(gateway, capfd)
    assert [one["status"] for one in lines if one["path"]] == [499, 499]


async def test_requests_that_are_reset_before_a_fault_of_the_connection_are_logged(
    start_gateway: StartGateway, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    """CVE-2023-44487, in one packet."""
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    opens = request_fields(b"/open/x")
    client.send(b"".join(headers(n, opens) + rst_stream(n) for n in range(1, 101, 2)))
    await client.wait_gone()
    assert service.received == b""
    lines = await lines_of(gateway, capfd)
    assert [(one["path"], one["status"]) for one in lines] == [("/open/x", 499)] * 50


async def test_a_refusal_of_head_has_no_body(gateway: RunningGateway) -> None:
    client = await speak(gateway)
    stream = await client.fetch(request_fields(b"/api/x", method=b"HEAD"))
    assert (stream.status, stream.data_sizes, stream.is_ended) == (401, [], True)


async def test_a_connection_that_resets_too_much_is_ended_and_all_its_requests_are(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    client.send(b"".join(headers(n, api()) + rst_stream(n) for n in range(1, 101, 2)))
    await client.wait_gone()
    assert client.goaways[-1][1] == Code.ENHANCE_YOUR_CALM
    assert service.received == b""
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def test_a_caller_that_cancels_too_much_does_not_end_the_requests_of_others(
    start_gateway: StartGateway, service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    """CVE-2023-44487 behind a load balancer: new streams are refused, the others finish."""
    gateway = await start_gateway(access_log="stdout")
    service.script = never
    client = await speak(gateway)
    others = [client.ask(api(b"/api/other", method=b"GET")) for _ in range(3)]
    cancelled = [client.ask(api(b"/api/cancelled")) for _ in range(40)]
    await until(lambda: len(service.requests) == 43)
    last = cancelled[-1] + 2
    client.send(b"".join(map(rst_stream, cancelled)) + headers(last, api(b"/api/new")))
    await client.wait_over(last)
    assert client.goaways == [(last, Code.ENHANCE_YOUR_CALM)]
    assert client.stream(last).reset == Code.ENHANCE_YOUR_CALM
    client.send(headers(last + 2, api(b"/api/newer")))
    assert await client.wait_read()
    assert not any(client.stream(one).is_over for one in others)
    for wire in service.connections:
        if b"/api/other" in bytes(wire.received):
            wire.send(make_answer(b"bye"))
    await client.wait_gone()
    assert [client.stream(one).label for one in others] == ["200"] * 3
    assert {code for _, code in client.goaways} == {Code.ENHANCE_YOUR_CALM}
    assert gateway.metric("gateway_http2_connections_ended_total", cause="calm") == 1
    assert len(service.requests) == 43
    paths = [line["path"] for line in await lines_of(gateway, capfd)]
    assert (paths.count("/api/new"), paths.count("/api/other"), len(paths)) == (1, 3, 44)


async def test_more_than_resets_ends_also_what_is_in_flight(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = never
    client = await speak(gateway)
    other = client.ask(api(b"/api/other"))
    await service.request(0)
    opens = request_fields(b"/open/x")
    client.send(b"".join(headers(n, opens) + rst_stream(n) for n in range(3, 101, 2)))
    assert await client.wait_read()
    assert client.goaways == [(99, Code.ENHANCE_YOUR_CALM)]
    client.send(frame(Kind.PING, 0, bytes(8), Flag.ACK) * 2000)
    await client.wait_gone()
    assert not client.stream(other).final
    assert len(service.requests) == 1


@pytest.mark.parametrize("path", [b"/api/x", b"/open/x", b"/api/%zz", b"/nowhere"])
async def test_every_line_of_the_access_log_says_the_protocol(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str], path: bytes
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    await client.fetch(api(path))
    await gateway.ask(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    first, second = await lines_of(gateway, capfd)
    assert (first["protocol"], second.get("protocol")) == ("h2", None)


# --- bodies


async def test_a_body_of_unknown_length_is_chunked(
    service: Service, gateway: RunningGateway
) -> None:
    """VU#357312: an empty DATA frame does not end it."""
    service.script = echo
    client = await speak(gateway)
    client.send(headers(1, api(method=b"POST"), ends=False))
    for piece in (b"one", b"", b"two"):
        client.send(body(1, piece, ends=False))
        await client.wait_read()
    client.send(body(1, b"", ends=True))
    await client.wait_over(1)
    assert bytes(client.stream(1).body) == b"/api/x onetwo"
    assert service.requests[0].all(b"transfer-encoding") == [b"chunked"]


async def test_the_end_of_a_body_that_came_in_one_piece_of_input_is_passed_on_once(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 §7.1: a second last chunk would be read as a part of the next request."""
    service.script = echo
    client = await speak(gateway)
    pieces = [body(1, piece, ends=False) for piece in (b"one", b"", b"two")]
    client.send(headers(1, api(method=b"POST"), ends=False) + b"".join(pieces) + body(1, b""))
    await client.wait_over(1)
    client.skip_to(3)
    assert (await client.fetch(api(b"/api/next"))).body == b"/api/next "
    assert bytes(client.stream(1).body) == b"/api/x onetwo"
    (connection,) = service.connections
    assert connection.received.count(b"\r\n0\r\n\r\n") == 1


@pytest.mark.parametrize("content", [b"four", b"a longer one"])
async def test_a_body_of_another_length_than_said_is_reset(
    service: Service, gateway: RunningGateway, content: bytes
) -> None:
    """9113.9"""
    client = await speak(gateway)
    fields = api(b"/api/x", (b"content-length", b"7"), method=b"POST")
    stream = await client.fetch(fields, content)
    assert stream.reset == Code.PROTOCOL_ERROR
    assert (await client.fetch(api(b"/api/next"))).status == 200
    assert [one.target for one in service.requests if one.body] == []


async def test_a_refused_upload_gets_its_response_and_then_a_reset_without_error(
    gateway: RunningGateway,
) -> None:
    """9113.14"""
    client = await speak(gateway)
    client.send(headers(1, request_fields(b"/api/x", method=b"POST"), ends=False))
    await client.wait_over(1)
    await client.wait_read()
    stream = client.stream(1)
    assert (stream.status, stream.is_ended, stream.reset) == (401, True, Code.NO_ERROR)


async def test_a_service_that_takes_nothing_holds_back_one_stream(
    service: Service, gateway: RunningGateway
) -> None:
    """9113.15: its window is used up, and no other's."""

    async def take_nothing(service: Service, wire: Wire) -> None:
        head = await wire.read_until(b"\r\n\r\n")
        if b"/api/slow" in head:
            wire.stop_reading()
            return
        wire.send(make_answer(b"fast"))

    service.script = take_nothing
    client = await speak(gateway)
    client.send(headers(1, api(b"/api/slow", method=b"POST"), ends=False))
    sent = 0
    while await client.wait_read() and sent + 16_000 <= 65_535 + client.window_updates.get(1, 0):
        client.send(body(1, bytes(16_000), ends=False))
        sent += 16_000
    client.skip_to(3)
    assert (await client.fetch(api(b"/api/fast"))).body == b"fast"


async def test_credit_comes_back_for_all_of_a_body(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(make_answer(b"done"))
    client = await speak(gateway)
    client.send(headers(1, api(method=b"POST"), ends=False))
    for _ in range(10):
        client.send(body(1, bytes(30_000), ends=False))
        await client.wait_read()
    client.send(body(1, b"", ends=True))
    await client.wait_over(1)
    assert client.stream(1).status == 200
    assert client.window_updates[1] >= 300_000 - 65_536
    assert len(service.requests[0].body) == 300_000


# --- deadlines


async def test_an_idle_connection_is_ended_without_an_error(gateway: RunningGateway) -> None:
    client = await speak(gateway)
    assert (await client.fetch(api())).status == 200
    gateway.expire(61)
    await client.wait_gone()
    assert client.goaways == [(1, Code.NO_ERROR)]


async def test_a_closed_connection_leaves_nothing_for_the_garbage_collector(
    gateway: RunningGateway,
) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            client = await speak(gateway)
            assert (await client.fetch(api())).status == 200
            assert (await client.fetch(request_fields(b"/api/x"))).status == 401
            client.wire.close()
        await until(lambda: gateway.metric("gateway_connections_open") == 0)
        kinds = {H2Connection, Framing, Stream, Exchange}
        await until(lambda: not any(type(one) in kinds for one in gc.get_objects()))
    finally:
        gc.enable()


async def test_a_client_that_says_nothing_after_the_preface_is_ended(
    gateway: RunningGateway,
) -> None:
    wire = await gateway.connect()
    wire.send(PREFACE)
    await wire.wait_for(lambda: bool(wire.received))
    gateway.expire(11)
    await wire.wait_end()


async def test_more_requests_are_no_reason_to_wait_longer_for_a_client_that_does_not_read(
    service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2019-9517: windows without end, but nothing is read from the socket."""
    service.script = serve(make_answer(bytes(20_000_000)))
    gateway = await start_gateway(timeouts={"body": "1s"})
    client = Http2Client(await gateway.connect(receive_bytes=4096))
    client.begin()
    client.ask(api())
    await client.wire.wait_for(lambda: len(client.wire.received) > 1000)
    client.wire.stop_reading()
    (connection,) = gateway.gateway.data._listener._clients
    assert isinstance(connection, H2Connection)
    await until(lambda: connection.write_blocked)
    client.ask(api())
    await until(lambda: len(connection._streams) == 2)
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def stuck(gateway: RunningGateway) -> tuple[Http2Client, H2Connection]:
    """Return a client that reads nothing any more, with little room for what it asks for."""
    client = Http2Client(await gateway.connect(receive_bytes=4096))
    client.begin()
    assert await client.wait_read()
    (connection,) = gateway.gateway.data._listener._clients
    assert isinstance(connection, H2Connection)
    raw = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client.wire.stop_reading()
    return client, connection


async def test_a_slow_reader_gets_all_of_its_last_response(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9113 §6.8: the client says that it is done, and its response is on its way."""
    service.script = serve(make_answer(bytes(60_000)))
    client, connection = await stuck(gateway)
    client.ask(request_fields(b"/open/x"))
    client.send(frame(Kind.GOAWAY, 0, bytes(8)))
    await until(lambda: connection._is_closing)
    connection.expire()
    client.wire.read_on()
    await client.wait_over(1)
    assert len(client.stream(1).body) == 60_000


async def test_a_client_that_half_closes_and_reads_nothing_is_given_up(
    service: Service, gateway: RunningGateway
) -> None:
    """Also with so little unread that nothing has to wait for it."""
    client, connection = await stuck(gateway)
    unsent = connection.transport.get_write_buffer_size

    async def drip(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while unsent() < 4000:
            wire.send(bytes(2000))
            await asyncio.sleep(0.01)
        await wire.wait_end()

    service.script = drip
    client.ask(request_fields(b"/open/x"))
    await until(lambda: unsent() >= 4000)
    client.wire.end()
    await until(connection.transport.is_closing)
    gateway.expire(60)
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def test_a_body_that_comes_too_slowly_is_refused_on_its_stream(
    gateway: RunningGateway,
) -> None:
    client = await speak(gateway)
    client.send(headers(1, api(method=b"POST"), ends=False) + body(1, b"x", ends=False))
    await client.wait_read()
    for seconds in range(60):
        gateway.expire(seconds)
    await client.wait_over(1)
    assert client.stream(1).label == "408 request_timeout"
    client.skip_to(3)
    assert (await client.fetch(api())).status == 200


# --- metrics


async def test_connections_are_counted_and_those_that_were_ended_by_their_cause(
    gateway: RunningGateway,
) -> None:
    await gateway.ask(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    client = await speak(gateway)
    assert (await client.fetch(api())).status == 200
    assert gateway.metric("gateway_http2_connections_total") == 1
    assert gateway.metric("gateway_http2_connections_ended_total", cause="calm") == 0
    client.send(frame(Kind.PING, 0, bytes(8), Flag.ACK) * 2000)
    await client.wait_gone()
    assert client.goaways[-1][1] == Code.ENHANCE_YOUR_CALM
    assert gateway.metric("gateway_http2_connections_ended_total", cause="calm") == 1
    assert gateway.metric("gateway_http2_connections_total") == 1


async def test_streams_over_the_limit_are_refused_and_counted(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9113 §5.1.2: until the client has acknowledged the limit; then it is an error."""
    service.script = never
    client = await speak(gateway)
    client.polite = False
    numbers = [client.ask(api()) for _ in range(MAX_STREAMS)]
    await client.wait_read()
    assert gateway.metric("gateway_http2_streams_refused_total") == 0
    over = [client.ask(api()) for _ in range(3)]
    await client.wait_over(*over)
    assert [client.stream(one).label for one in over] == ["reset REFUSED_STREAM"] * 3
    assert not any(client.stream(one).is_over for one in numbers)
    assert gateway.metric("gateway_http2_streams_refused_total") == 3
    client.send(frame(Kind.SETTINGS, 0, b"", Flag.ACK))
    client.ask(api())
    await client.wait_gone()
    assert client.goaways[-1][1] == Code.PROTOCOL_ERROR
    assert gateway.metric("gateway_http2_streams_refused_total") == 3


# --- drain


async def test_a_drain_is_announced_and_serves_what_is_on_its_way(
    service: Service, gateway: RunningGateway
) -> None:
    """9113.16: a notice, then after a round trip the last stream; then the connection closes."""
    service.script = never
    client = await speak(gateway)
    client.polite = False
    first = client.ask(api(b"/api/1"))
    await service.request(0)
    stopping = gateway.gateway.data._listener
    for client_connection in stopping._clients:
        client_connection.close_when_idle()
    await see(client, lambda: bool(client.goaways))
    assert client.goaways == [(2**31 - 1, Code.NO_ERROR)]
    second = client.ask(api(b"/api/2"))
    await service.request(1)
    pings = [one for one in client.frames if one.kind == Kind.PING and not one.has(Flag.ACK)]
    client.send(frame(Kind.PING, 0, pings[0].payload, Flag.ACK))
    await see(client, lambda: len(client.goaways) > 1)
    assert client.goaways[1] == (second, Code.NO_ERROR)
    for wire in service.connections:
        wire.send(make_answer(b"bye"))
    await client.wait_gone()
    assert [client.stream(one).status for one in (first, second)] == [200, 200]


async def test_what_comes_behind_the_end_does_not_reset_the_connection(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 §9.6: a client whose write fails may never read the end of its response."""
    service.script = never
    client = await speak(gateway)
    asked = client.ask(api())
    await service.request(0)
    (connection,) = gateway.gateway.data._listener._clients
    assert isinstance(connection, H2Connection)
    connection.end_now()
    await client.wire.wait_for(lambda: client.wire.has_ended)
    ping = frame(Kind.PING, 0, bytes(8))
    client.send(ping, ping)
    await until(lambda: connection._dropped_bytes >= 2 * len(ping))
    client.read()
    assert client.stream(asked).status == 504
    client.wire.end()
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def test_a_client_that_does_not_answer_to_the_notice_may_not_go_on_for_ever(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9113 §6.8: after a while, the last stream is the last one all the same."""
    service.script = never
    client = await speak(gateway)
    client.polite = False
    first = client.ask(api(b"/api/1"))
    await service.request(0)
    (connection,) = gateway.gateway.data._listener._clients
    connection.close_when_idle()
    second = client.ask(api(b"/api/2"))
    await service.request(1)
    gateway.expire(0)
    assert await client.wait_read()
    assert client.goaways == [(2**31 - 1, Code.NO_ERROR)]
    gateway.expire(6)
    await see(client, lambda: len(client.goaways) > 1)
    assert client.goaways[1] == (second, Code.NO_ERROR)
    client.ask(api(b"/api/3"))
    assert await client.wait_read()
    for wire in service.connections:
        wire.send(make_answer(b"bye"))
    await client.wait_gone()
    assert [client.stream(one).status for one in (first, second)] == [200, 200]
    assert len(service.requests) == 2
