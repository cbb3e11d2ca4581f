"""A gateway in front of services of HTTP/2: sharing, limits, failures, reloads, checks, TLS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes

from tests.certificates import AUTHORITY, serving
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ROUTES, RunningGateway, bearer
from tests.proxy.h2.frames import headers
from tests.proxy.h2.wire import api, speak
from tests.proxy.load import running_load
from tests.proxy.messages import make_chunked, make_request, parse_fields, read_answer
from tests.proxy.pools import eventually
from tests.proxy.stream_service import Call, StreamService, hold, running_streams

# Without upgrades, which no upstream of HTTP/2 has.
PLAIN = [route for route in ROUTES if "upgrades" not in route]
H2C = {"protocol": "h2c"}


@pytest.fixture
async def streams() -> AsyncIterator[StreamService]:
    async with running_streams() as started:
        yield started


@pytest.fixture
async def second() -> AsyncIterator[StreamService]:
    async with running_streams() as started:
        yield started


async def start(
    start_gateway: StartGateway, *services: StreamService, **upstream: Any
) -> RunningGateway:
    urls = [one.url for one in services]
    return await start_gateway(urls, upstream=H2C | upstream, routes=PLAIN)


def server_metric(gateway: RunningGateway, name: str, service: StreamService) -> float:
    return gateway.metric(
        f"gateway_upstream_server_{name}",
        upstream="main",
        server=service.url.partition("://")[2],
    )


def is_in_state(gateway: RunningGateway, service: StreamService, state: str) -> bool:
    name, server = "gateway_upstream_server_addresses", service.url.partition("://")[2]
    return bool(gateway.metric(name, upstream="main", server=server, state=state))


async def test_what_a_service_receives_is_a_request_of_http_2(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    """RFC 9113 §8.2.2, §8.3.1: no fields of connections, and pseudo-fields for the first line."""
    gateway = await start(start_gateway, streams)

    answer = await gateway.ask(
        make_request("/api/a?b=c", bearer(), b"Keep-Alive: 5", method="POST", body=b"hello")
    )

    assert (answer.status, answer.body) == (200, b"ok")
    (call,) = streams.calls
    assert bytes(call.body) == b"hello"
    assert call.head[b":method"] == b"POST"
    assert call.head[b":path"] == b"/api/a?b=c"
    assert call.head[b":scheme"] == b"http"
    assert call.head[b":authority"]
    assert call.head[b"content-length"] == b"5"
    left = {b"connection", b"keep-alive", b"host", b"transfer-encoding"} & call.head.keys()
    assert not left


TRAILERS = (b"X-Sum: 7", b"X-Gateway-Subject: mallory", b"Host: mallory", b"TE: trailers")


@pytest.mark.parametrize("content", [b"", b"hello"])
async def test_trailers_of_a_client_of_http_1_reach_a_service_of_http_2(
    streams: StreamService, start_gateway: StartGateway, content: bytes
) -> None:
    """9110.16."""
    gateway = await start(start_gateway, streams)
    head = make_request("/api/a", bearer(), b"Transfer-Encoding: chunked", method="POST")
    pieces = (content,) if content else ()

    answer = await gateway.ask(head + make_chunked(*pieces, trailers=TRAILERS))

    assert answer.status == 200
    (call,) = streams.calls
    assert (bytes(call.body), call.trailers) == (content, ((b"x-sum", b"7"),))


@pytest.mark.parametrize("content", [b"", b"hello"])
async def test_trailers_of_a_client_of_http_2_reach_a_service_of_http_2(
    streams: StreamService, start_gateway: StartGateway, content: bytes
) -> None:
    """9110.16."""
    gateway = await start(start_gateway, streams)
    client = await speak(gateway)
    client.send(headers(1, api(b"/api/a", method=b"POST"), ends=False))
    trailers = tuple((name.lower(), value) for name, value in parse_fields(TRAILERS))

    await client.upload(1, content, trailers=trailers)
    await client.wait_over(1)

    assert client.stream(1).status == 200
    (call,) = streams.calls
    assert (bytes(call.body), call.trailers) == (content, ((b"x-sum", b"7"),))


async def test_clients_share_one_connection_and_its_streams_are_counted(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    streams.answer = hold
    gateway = await start(start_gateway, streams)
    wires = [await gateway.connect() for _ in range(30)]
    for wire in wires:
        wire.send(make_request("/open/"))
    await streams.until(lambda: len(streams.calls) == 30)

    gateway.gateway.data._serving.pools[0].report()
    assert server_metric(gateway, "connections", streams) == 1
    assert server_metric(gateway, "in_flight", streams) == 30
    for call in streams.calls:
        call.respond()
    assert {(await read_answer(wire)).status for wire in wires} == {200}
    assert len(streams.connections) == 1
    assert server_metric(gateway, "requests_total", streams) == 30


async def test_beyond_max_connections_requests_wait_and_beyond_the_queue_they_are_refused(
    start_gateway: StartGateway,
) -> None:
    async with running_streams(most_streams=2) as streams:
        streams.answer = hold
        queue = {"size": 3, "timeout": "30s"}
        gateway = await start(start_gateway, streams, max_connections=1, queue=queue)
        wires = [await gateway.connect() for _ in range(8)]
        wires[0].send(make_request("/open/0"))  # from now on it is known what the service takes
        await streams.until(lambda: len(streams.calls) == 1)
        for wire in wires[1:]:
            wire.send(make_request("/open/"))
        await streams.until(lambda: len(streams.calls) == 2)
        refused = gateway.metric
        await eventually(lambda: refused("gateway_upstream_queue_full_total", upstream="main") == 3)

        for number in range(5):
            await streams.until(lambda n=number: len(streams.calls) > n)  # type: ignore[misc]
            streams.calls[number].respond()

        statuses = sorted([(await read_answer(wire)).status for wire in wires])
        assert statuses == [200] * 5 + [503] * 3
        assert len(streams.connections) == 1
        assert streams.connections[0].most_open == 2


async def test_a_connection_that_goes_away_under_load_loses_no_request(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    """RFC 9113 §6.8: what is above the last stream was not acted on, and is sent again."""
    gateway = await start(start_gateway, streams)

    async with running_load(gateway, 8) as going:
        for number in range(1, 6):
            await going.more(40)
            latest = streams.connections[-1]
            latest.go_away(max(latest.calls, default=0))
            await streams.until(lambda n=number: len(streams.connections) > n)  # type: ignore[misc]

    assert going.failed == set()
    await streams.until(lambda: len(streams.open) <= 1)


async def test_a_refused_stream_is_sent_again_whatever_the_method(
    streams: StreamService, second: StreamService, start_gateway: StartGateway
) -> None:
    """RFC 9113 §8.7: REFUSED_STREAM says that nothing was done."""
    gateway = await start(start_gateway, streams, second)

    def refuse(call: Call) -> None:
        call.refuse()

    streams.answer = refuse
    answers = [
        await gateway.ask(make_request("/open/", method=method)) for method in ("POST", "GET") * 3
    ]

    assert {answer.status for answer in answers} == {200}
    assert len(second.calls) == 6
    assert not any(one.is_closed for one in streams.connections)


async def test_a_server_whose_streams_fail_is_ejected(
    streams: StreamService, second: StreamService, start_gateway: StartGateway
) -> None:
    gateway = await start(start_gateway, streams, second, ejection={"after": 3, "time": "60s"})

    def fail(call: Call) -> None:
        call.refuse(ErrorCodes.INTERNAL_ERROR)

    streams.answer = fail
    for _ in range(6):
        await gateway.ask(make_request("/open/", method="POST"))
    gateway.gateway.data._serving.pools[0].report()
    assert is_in_state(gateway, streams, "ejected")
    calls = len(streams.calls)

    answers = [await gateway.ask(make_request("/open/", method="POST")) for _ in range(6)]

    assert [answer.status for answer in answers] == [200] * 6
    assert len(streams.calls) == calls


async def test_a_circuit_breaker_opens_for_failed_streams(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    breaker = {"failures": 0.5, "requests": 4, "open": "60s"}
    gateway = await start(start_gateway, streams, breaker=breaker, failure_statuses=[503])
    streams.answer = lambda call: call.respond(503, b"no")

    statuses = [(await gateway.ask(make_request("/open/"))).status for _ in range(5)]
    last = await gateway.ask(make_request("/open/"))

    assert statuses[:4] == [503] * 4
    assert b"upstream_unavailable" in last.body
    assert len(streams.calls) == 4


async def test_a_reload_lets_open_streams_finish(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    streams.answer = hold
    gateway = await start(start_gateway, streams, max_connections=1)
    old = await gateway.connect()
    old.send(make_request("/open/old"))
    await streams.until(lambda: len(streams.calls) == 1)
    data = gateway.gateway.data

    data.use(data._serving.settings, gateway.gateway.fetched.central)
    new = await gateway.connect()
    new.send(make_request("/open/new"))
    await streams.until(lambda: len(streams.calls) == 2)  # the old one holds no place

    for call in streams.calls:
        call.respond(body=call.head[b":path"])
    bodies = [(await read_answer(wire)).body for wire in (old, new)]
    assert bodies == [b"/open/old", b"/open/new"]
    await streams.until(lambda: streams.connections[0].is_closed)
    assert not streams.connections[1].is_closed


async def test_a_login_on_a_connection_is_refused(
    streams: StreamService, start_gateway: StartGateway
) -> None:
    """Others' requests share the connection, and would be sent in the name of whoever logged in."""
    gateway = await start(start_gateway, streams)

    answers = [
        await gateway.ask(make_request("/open/", b"Authorization: " + scheme + b" YIIJvwYG"))
        for scheme in (b"NTLM", b"Negotiate", b"Kerberos")
    ]

    assert [answer.status for answer in answers] == [501] * 3
    assert all(b'"not_supported"' in answer.body for answer in answers)
    assert streams.calls == []


async def test_a_server_that_is_not_serving_gets_no_calls(
    streams: StreamService, second: StreamService, start_gateway: StartGateway
) -> None:
    states = {streams: b"\x02", second: b"\x01"}

    def answer(service: StreamService) -> Any:
        def act(call: Call) -> None:
            if call.head[b":path"] == b"/grpc.health.v1.Health/Check":
                call.respond(
                    body=b"\0\0\0\0\2\x08" + states[service], trailers={b"grpc-status": b"0"}
                )
            else:
                call.respond()

        return act

    for service in (streams, second):
        service.answer = answer(service)
    health = {"grpc": True, "interval": "20ms", "unhealthy_after": 1, "healthy_after": 1}
    gateway = await start(start_gateway, streams, second, health=health)
    await eventually(lambda: is_in_state(gateway, streams, "unhealthy"))
    served = sum(call.head[b":path"] == b"/open/" for call in streams.calls)

    answers = [await gateway.ask(make_request("/open/")) for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4
    assert sum(call.head[b":path"] == b"/open/" for call in streams.calls) == served
    states[streams] = b"\x01"
    await eventually(lambda: is_in_state(gateway, streams, "up"))


async def test_a_server_that_does_not_select_h2_is_unreachable(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    """RFC 9113 §3.2: the gateway offers h2 alone, and never falls back to HTTP/1.1."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = serving(AUTHORITY.issue_cert("127.0.0.1"))
    upstream = {"protocol": "h2", "tls": {"ca": "ca.pem"}}
    async with running_streams(tls=context) as unwilling:
        gateway = await start_gateway([unwilling.url], upstream=upstream, routes=PLAIN)
        answer = await gateway.ask(make_request("/open/"))
        assert answer.status == 502
        assert b'"upstream_unreachable"' in answer.body
        assert unwilling.calls == []
        unwilling.faults.clear()


async def test_h2_is_spoken_over_tls(start_gateway: StartGateway, tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = serving(AUTHORITY.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    upstream = {"protocol": "h2", "tls": {"ca": "ca.pem"}}
    async with running_streams(tls=context) as streams:
        gateway = await start_gateway([streams.url], upstream=upstream, routes=PLAIN)

        answers = [await gateway.ask(make_request("/open/")) for _ in range(3)]

        assert [answer.status for answer in answers] == [200] * 3
        assert {call.head[b":scheme"] for call in streams.calls} == {b"https"}
        assert len(streams.connections) == 1
