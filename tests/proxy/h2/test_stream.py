"""A response on a stream is whole, or is seen not to be, and waits for its own client alone."""

import pytest

from gateway.http.reading.handshake import accept_value
from tests.keyring.peers import until
from tests.proxy.gateways import RunningGateway
from tests.proxy.h2.frames import (
    Code,
    Field,
    body,
    headers,
    window_update,
)
from tests.proxy.h2.wire import TOKEN, api, see, speak
from tests.proxy.handshakes import make_switch
from tests.proxy.messages import make_answer, make_chunked
from tests.proxy.service import Script, Service, serve
from tests.proxy.wire import Wire


def then_close(raw: bytes) -> Script:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(raw)
        wire.close()

    return script


TRAILED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nGrpc-Status: 0\r\nSet-Cookie: a=b\r\n\r\n"
)


@pytest.mark.parametrize("window", [None, 2])
async def test_trailers_come_after_the_body_if_the_client_reads_them(
    service: Service, gateway: RunningGateway, window: int | None
) -> None:
    """9110.15."""
    service.script = serve(TRAILED)
    client = await speak(gateway, window)
    stream = client.ask(api(b"/api/x", (b"te", b"trailers")))
    if window is not None:
        await see(client, lambda: len(client.stream(stream).body) == window)
        assert not client.stream(stream).is_over
        client.send(window_update(stream, 100))
    await client.wait_over(stream)

    got = client.stream(stream)
    assert (got.status, bytes(got.body), got.is_ended) == (200, b"hello", True)
    assert got.trailers == [(b"grpc-status", b"0")]


@pytest.mark.parametrize("content", [b"", b"hello"])
async def test_trailers_of_a_request_reach_the_service_behind_its_chunks(
    service: Service, gateway: RunningGateway, content: bytes
) -> None:
    """9110.16."""
    client = await speak(gateway)
    fields = api(b"/api/x", method=b"POST")
    client.send(headers(1, fields, ends=False))
    trailers = ((b"x-sum", b"7"), (b"x-gateway-subject", b"mallory"), (b"te", b"trailers"))
    await client.upload(1, content, trailers=trailers)
    await client.wait_over(1)

    (request,) = service.requests
    assert (request.body, request.trailers) == (content, ((b"x-sum", b"7"),))


async def test_a_body_of_known_length_has_no_place_for_trailers(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    fields = api(b"/api/x", (b"content-length", b"5"), method=b"POST")
    client.send(headers(1, fields, ends=False))
    await client.upload(1, b"hello", trailers=((b"x-sum", b"7"),))
    await client.wait_over(1)

    (request,) = service.requests
    assert (request.body, request.one(b"content-length")) == (b"hello", b"5")
    assert b"x-sum" not in service.received


@pytest.mark.parametrize(
    "trailers", [((b"x", b"1"),) * 81, ((b"x", b"a" * 16384),) * 2], ids=["many", "large"]
)
async def test_trailers_over_the_limits_of_a_head_are_refused(
    service: Service, gateway: RunningGateway, trailers: tuple[Field, ...]
) -> None:
    client = await speak(gateway)
    client.send(headers(1, api(b"/api/x", method=b"POST"), ends=False))
    await client.upload(1, b"hello", trailers=trailers)
    await client.wait_over(1)

    assert client.stream(1).label == "431 headers_too_large"
    assert service.requests == []


async def test_a_client_that_does_not_read_trailers_gets_none(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.15."""
    service.script = serve(TRAILED)
    client = await speak(gateway)

    stream = await client.fetch(api())

    assert (stream.status, bytes(stream.body), stream.trailers) == (200, b"hello", [])


async def test_a_response_of_unknown_length_ends_with_its_stream(
    service: Service, gateway: RunningGateway
) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    service.script = serve(raw + make_chunked(b"one", b"two"))
    stream = await (await speak(gateway)).fetch(api())
    assert (bytes(stream.body), stream.is_ended) == (b"onetwo", True)
    assert not stream.message.all(b"transfer-encoding")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", id="by its length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n", id="in chunks"
        ),
    ],
)
async def test_a_truncated_response_never_looks_complete(
    service: Service, gateway: RunningGateway, raw: bytes
) -> None:
    """9113.17"""
    service.script = then_close(raw)
    client = await speak(gateway)
    stream = await client.fetch(api())
    assert (bytes(stream.body), stream.is_ended) == (b"four", False)
    assert stream.reset == Code.INTERNAL_ERROR
    service.script = serve(make_answer(b"next"))
    assert (await client.fetch(api())).body == b"next"


@pytest.mark.parametrize("method", [b"HEAD", b"GET"])
async def test_a_response_without_a_body_ends_with_its_head(
    service: Service, gateway: RunningGateway, method: bytes
) -> None:
    head = b"HTTP/1.1 %b\r\n\r\n" % (
        b"204 No Content" if method == b"GET" else b"200 OK\r\nContent-Length: 5"
    )
    service.script = serve(head)
    stream = await (await speak(gateway)).fetch(api(method=method))
    assert (stream.is_ended, stream.data_sizes) == (True, [])
    assert stream.status == (204 if method == b"GET" else 200)


async def test_interim_responses_are_passed_on(service: Service, gateway: RunningGateway) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    service.script = serve(early + make_answer(b"late"))
    stream = await (await speak(gateway)).fetch(api())
    assert [dict(head)[b":status"] for head in stream.heads] == [b"103", b"200"]
    assert (b"link", b"</a>") in stream.heads[0]


async def test_a_client_that_expects_it_is_told_to_continue(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    fields = api(b"/api/x", (b"expect", b"100-continue"), method=b"POST")
    client.send(headers(1, fields, ends=False))
    await see(client, lambda: bool(client.stream(1).heads))
    assert dict(client.stream(1).heads[0])[b":status"] == b"100"
    client.send(body(1, b"now"))
    await client.wait_over(1)
    assert client.stream(1).status == 200
    assert service.requests[0].body == b"now"


async def test_a_client_without_room_holds_back_its_own_stream(
    service: Service, gateway: RunningGateway
) -> None:
    """9113.18: its service waits, and another stream is served; then all of it arrives."""
    size = 8_000_000

    async def script(service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        wire.send(make_answer(bytes(size) if request.target == b"/api/large" else b"small"))

    service.script = script
    client = await speak(gateway, window=1000)
    large = client.ask(api(b"/api/large"))
    await see(client, lambda: len(client.stream(large).body) == 1000)
    assert (await client.fetch(api(b"/api/small"))).body == b"small"
    assert len(client.stream(large).body) == 1000
    client.send(window_update(large, size))
    await client.wait_over(large)
    assert len(client.stream(large).body) == size


async def test_a_client_that_makes_no_room_is_given_up_in_time(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(make_answer(bytes(100_000)))
    client = await speak(gateway, window=1000)
    number = client.ask(api())
    await see(client, lambda: len(client.stream(number).body) > 0)
    for seconds in range(60):
        gateway.expire(seconds)
    await client.wait_over(number)
    assert client.stream(number).reset is not None
    await until(lambda: gateway.metric("gateway_requests_in_flight") == 0)
    assert not client.is_gone


async def test_a_response_that_takes_too_long_is_a_timeout_of_its_stream(
    service: Service, gateway: RunningGateway
) -> None:
    async def silent(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await wire.wait_end()

    service.script = silent
    client = await speak(gateway)
    number = client.ask(api())
    await service.request(0)
    gateway.expire(3601)
    await client.wait_over(number)
    assert client.stream(number).label == "504 upstream_timeout"


# --- WebSocket


CONNECT = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"http"),
    (b":path", b"/socket/x"),
    (b":authority", b"gateway.test"),
    (b"sec-websocket-version", b"13"),
    TOKEN,
]


def accept(head: bytes) -> bytes:
    """Return the response to the handshake in *head*."""
    key = head.lower().partition(b"sec-websocket-key: ")[2].partition(b"\r\n")[0]
    at = head.lower().index(b"sec-websocket-key: ") + 19
    return make_switch(accept=b"Sec-WebSocket-Accept: " + accept_value(head[at : at + len(key)]))


async def websocket(service: Service, wire: Wire) -> None:
    """Accept a handshake, and send every byte back."""
    wire.send(accept(await wire.read_until(b"\r\n\r\n")))
    while data := await wire.read(1):
        wire.send(data)


async def test_a_websocket_is_a_stream_with_bytes_both_ways(
    service: Service, gateway: RunningGateway
) -> None:
    """8441.3: 200 accepts it, without the fields of HTTP/1.1's handshake."""
    service.script = websocket
    client = await speak(gateway)
    client.send(headers(1, CONNECT, ends=False))
    await see(client, lambda: bool(client.stream(1).heads))
    stream = client.stream(1)
    names = {name for name, _ in stream.final}
    assert stream.status == 200
    assert not names & {b"sec-websocket-accept", b"upgrade", b"connection"}
    frame_of_text = b"\x81\x82\0\0\0\0hi"
    client.send(body(1, frame_of_text, ends=False))
    await see(client, lambda: len(stream.body) == 8)
    assert bytes(stream.body) == frame_of_text
    client.send(body(1, b""))
    await client.wait_over(1)
    assert stream.is_ended


async def test_bytes_before_the_tunnel_are_refused(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-64763: some of them could be missing from the tunnel."""

    async def silent(service: Service, wire: Wire) -> None:
        await wire.read_until(b"\r\n\r\n")
        await wire.wait_end()

    service.script = silent
    client = await speak(gateway)
    client.send(headers(1, CONNECT, ends=False))
    await service.connection(0)
    client.send(body(1, b"\x81\x82\0\0\0\0hi", ends=False))
    await client.wait_over(1)
    assert client.stream(1).label == "400 request_malformed"
    client.send(headers(3, CONNECT, ends=False) + body(3, b"early", ends=False))
    await client.wait_over(3)
    assert client.stream(3).label == "400 request_malformed"


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_service_that_declines_a_websocket_with_success_opens_no_tunnel(
    service: Service, gateway: RunningGateway, status: int
) -> None:
    """8441.3: what it says would be taken for the bytes of the other side."""
    service.script = then_close(make_answer(b"", status=status))
    client = await speak(gateway)
    client.send(headers(1, CONNECT, ends=False))
    await client.wait_over(1)
    assert client.stream(1).reset == Code.CONNECT_ERROR
    assert client.stream(1).heads == []


async def test_a_service_that_declines_a_websocket_is_heard(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = then_close(make_answer(b"no", status=426))
    client = await speak(gateway)
    client.send(headers(1, CONNECT, ends=False))
    await client.wait_over(1)
    assert (client.stream(1).status, bytes(client.stream(1).body)) == (426, b"no")


async def test_a_websocket_without_a_token_is_refused(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    client.send(headers(1, CONNECT[:-1], ends=False))
    await client.wait_over(1)
    assert client.stream(1).label == "401 token_missing"
    assert service.received == b""


async def test_another_protocol_than_the_route_allows_is_refused(
    service: Service, gateway: RunningGateway
) -> None:
    client = await speak(gateway)
    fields = [one if one[0] != b":protocol" else (b":protocol", b"chat") for one in CONNECT]
    client.send(headers(1, fields, ends=False))
    await client.wait_over(1)
    assert client.stream(1).status == 501
    assert service.received == b""
