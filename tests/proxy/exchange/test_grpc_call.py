"""A call of gRPC: its refusals, deadline and end are statuses, and never a truncated success."""

import asyncio
import time

import pytest

from gateway.http.writing.grpc_status import GrpcStatus
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import EXPIRED, ROUTES, RunningGateway, make_token
from tests.proxy.grpc_calls import (
    HEAD,
    REPLY,
    TOKEN,
    call,
    chunk,
    is_trailers_only,
    message,
    see,
    speak,
    status_of,
    streaming,
)
from tests.proxy.h2.frames import Code, Field, body, headers, request_fields, rst_stream
from tests.proxy.messages import make_answer
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, serve
from tests.proxy.wire import Wire

__all__ = ["log"]  # a fixture


# --- refusals


@pytest.mark.parametrize(
    ("path", "fields", "status", "text"),
    [
        (b"/api/pkg.Svc/Do", (), 16, "token_missing: An access token is required"),
        (
            b"/api/pkg.Svc/Do",
            ((b"authorization", b"Bearer x.y.z"),),
            16,
            "token_malformed: The access token is malformed",
        ),
        (b"/admin/pkg.Svc/Do", (TOKEN,), 7, "scope_missing: This needs the scopes: admin"),
        (b"/pkg.Svc/Do", (TOKEN,), 12, "route_not_found: No route matches the request"),
        (b"/api/../Do", (TOKEN,), 3, "path_rejected: The path is not in canonical form"),
        (
            b"/api/pkg.Svc/Do",
            (TOKEN, (b"grpc-timeout", b"soon")),
            13,
            "request_malformed: The request is malformed",
        ),
    ],
    ids=["no token", "bad token", "scope", "no route", "path", "timeout"],
)
async def test_a_refusal_is_one_head_with_the_status_of_grpc(
    gateway: RunningGateway,
    service: Service,
    path: bytes,
    fields: tuple[Field, ...],
    status: int,
    text: str,
) -> None:
    client = await speak(gateway)

    stream = await client.fetch(call(path, *fields), message(b"hello"))

    assert is_trailers_only(stream)
    assert stream.status == 200
    assert status_of(stream) == (status, text)
    got = stream.message
    assert got.one(b"content-type") == b"application/grpc"
    assert len(got.one(b"x-request-id")) == 24
    assert not got.has(b"content-length")
    assert got.has(b"www-authenticate") is (status in (16, 7))
    assert service.received == b""


async def test_the_refusal_of_a_client_that_still_sends_ends_its_stream_without_an_error(
    gateway: RunningGateway,
) -> None:
    """RFC 9113 §8.1: the client has a whole response, and need not send the rest."""
    client = await speak(gateway)
    client.send(headers(1, call(), ends=False))
    await client.wait_over(1)
    await see(client, lambda: client.stream(1).reset is not None)

    stream = client.stream(1)
    assert (status_of(stream)[0], stream.is_ended) == (16, True)
    assert stream.reset == Code.NO_ERROR


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ((b"content-type", b"application/grpc-web"), message(b"x")),
        ((b"content-type", b"application/json"), b"{}"),
        ((b"content-type", b"application/grpc"), None),
    ],
    ids=["grpc-web", "json", "no body"],
)
async def test_what_is_no_call_is_refused_as_http_does(
    gateway: RunningGateway, fields: Field, content: bytes | None
) -> None:
    client = await speak(gateway)
    asked = request_fields(b"/api/x", fields, method=b"POST")
    stream = await client.fetch(asked, content)
    assert stream.label == "401 token_missing"


async def test_a_refused_call_is_recorded_with_both_statuses(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    await client.fetch(call(), message(b"hello"))

    counted = {"route": "api", "reason": "token_missing"}
    assert gateway.metric("gateway_decisions_total", **counted) == 1
    (line,) = await log.lines(gateway)
    assert (line["status"], line["grpc_status"], line["reason"]) == (401, 16, "token_missing")
    assert (line["route"], line["protocol"]) == ("api", "h2")


async def test_a_rate_limit_is_resource_exhausted_and_says_when_to_come_back(
    start_gateway: StartGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    limits = {"few": {"rate": "1/1h", "key": "subject"}}
    routes = [dict(ROUTES[1]) | {"rate_limits": ["few"]}]
    gateway = await start_gateway(rate_limits=limits, routes=routes)
    client = await speak(gateway)

    first = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    second = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))

    assert status_of(first)[0] == GrpcStatus.OK
    assert status_of(second) == (8, "rate_limited: Too many requests")
    assert second.message.has(b"retry-after")


async def test_a_service_that_cannot_be_reached_is_unavailable(
    start_gateway: StartGateway, closed_port: int
) -> None:
    gateway = await start_gateway([f"http://127.0.0.1:{closed_port}"])
    client = await speak(gateway)
    stream = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    assert is_trailers_only(stream)
    assert status_of(stream)[0] == GrpcStatus.UNAVAILABLE


# --- calls that pass


async def test_a_call_passes_with_its_trailers_and_its_status_is_logged(
    start_gateway: StartGateway, service: Service, log: Log
) -> None:
    service.script = serve(REPLY)
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)

    stream = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))

    assert (stream.status, bytes(stream.body)) == (200, message(b"yes"))
    assert stream.trailers == [(b"grpc-status", b"0")]
    assert service.requests[0].body == message(b"hello")
    (line,) = await log.lines(gateway)
    assert (line["status"], line["grpc_status"], line["reason"]) == (200, 0, None)


async def test_trailers_reach_a_caller_that_does_not_say_that_it_reads_them(
    gateway: RunningGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    client = await speak(gateway)
    asked = [one for one in call(b"/api/a.B/C", TOKEN) if one[0] != b"te"]
    stream = await client.fetch(asked, message(b"hello"))
    assert stream.trailers == [(b"grpc-status", b"0")]


async def test_a_failure_of_the_service_in_one_head_passes_and_is_logged(
    start_gateway: StartGateway, service: Service, log: Log
) -> None:
    lines = (b"Content-Type: application/grpc", b"grpc-status: 5", b"grpc-message: no such")
    service.script = serve(make_answer(b"", *lines))
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)

    stream = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))

    assert status_of(stream) == (5, "no such")
    (line,) = await log.lines(gateway)
    assert (line["status"], line["grpc_status"], line["reason"]) == (200, 5, None)


async def test_unavailable_in_one_head_counts_against_the_server_like_a_503(
    start_gateway: StartGateway, service: Service
) -> None:
    lines = (b"Content-Type: application/grpc", b"grpc-status: 14")
    service.script = serve(make_answer(b"", *lines))
    breaker = {"failures": 0.5, "requests": 1, "open": "1h"}
    gateway = await start_gateway(upstream={"breaker": breaker, "failure_statuses": [503]})
    client = await speak(gateway)

    first = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    second = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))

    assert (first.status, status_of(first)) == (200, (14, ""))
    assert status_of(second) == (14, "upstream_unavailable: The service is not available")
    assert len(service.requests) == 1


# --- deadlines


async def test_what_is_left_of_the_deadline_is_forwarded(
    gateway: RunningGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    client = await speak(gateway)
    asked = call(b"/api/a.B/C", TOKEN, (b"grpc-timeout", b"60S"))

    await client.fetch(asked, message(b"hello"))

    forwarded = service.requests[0].one(b"grpc-timeout")
    assert forwarded.endswith(b"u")
    assert 0 < int(forwarded[:-1]) < 60_000_000


async def test_a_call_whose_deadline_has_passed_reaches_no_service(
    gateway: RunningGateway, service: Service
) -> None:
    client = await speak(gateway)
    asked = call(b"/api/a.B/C", TOKEN, (b"grpc-timeout", b"0n"))
    stream = await client.fetch(asked, message(b"hello"))
    assert status_of(stream) == (4, "deadline_exceeded: The deadline of the call has passed")
    assert b"POST" not in service.received


@pytest.mark.parametrize("has_begun", [False, True], ids=["no response", "a response"])
async def test_a_deadline_ends_the_call_whatever_has_come(
    start_gateway: StartGateway, service: Service, log: Log, has_begun: bool
) -> None:
    service.script = streaming(*((HEAD, chunk(message(b"one"))) if has_begun else ()))
    gateway = await start_gateway(access_log="stdout", upstream={"response_timeout": "1h"})
    client = await speak(gateway)
    number = client.ask(call(b"/api/a.B/C", TOKEN, (b"grpc-timeout", b"5M")), message(b"hello"))
    wire = await service.connection()
    await wire.read_until(b"\r\n\r\n")
    if has_begun:
        await see(client, lambda: bytes(client.stream(number).body) == message(b"one"))
    gateway.expire(299)
    assert not client.stream(number).is_over

    gateway.expire(301)
    await client.wait_over(number)

    stream = client.stream(number)
    assert status_of(stream)[0] == GrpcStatus.DEADLINE_EXCEEDED
    assert (stream.is_ended, stream.reset) == (True, None)
    await wire.wait_end()
    (line,) = await log.lines(gateway)
    assert (line["reason"], line["grpc_status"]) == ("deadline_exceeded", 4)


# --- silence


async def test_a_silent_stream_lives_as_long_as_a_tunnel_and_then_ends_with_a_status(
    gateway: RunningGateway, service: Service
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    client = await speak(gateway)
    client.send(headers(1, call(b"/api/a.B/C", TOKEN), ends=False))
    client.send(body(1, message(b"hi"), ends=False))
    await see(client, lambda: bytes(client.stream(1).body) == message(b"one"))

    for seconds in range(0, 3600, 20):
        gateway.expire(seconds)
    assert not client.stream(1).is_over

    gateway.expire(3700)
    await client.wait_over(1)
    assert status_of(client.stream(1))[0] == GrpcStatus.DEADLINE_EXCEEDED


async def test_a_call_without_a_response_ends_in_time_once_all_was_sent(
    start_gateway: StartGateway, service: Service
) -> None:
    service.script = streaming()
    gateway = await start_gateway(upstream={"response_timeout": "1h"}, timeouts={"total": "5m"})
    client = await speak(gateway)
    number = client.ask(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    await (await service.connection()).read_until(b"\r\n0\r\n\r\n")

    gateway.expire(299)
    assert not client.stream(number).is_over
    gateway.expire(301)
    await client.wait_over(number)

    assert status_of(client.stream(number))[0] == GrpcStatus.DEADLINE_EXCEEDED


# --- the token, revocation, drain


@pytest.mark.parametrize("has_begun", [False, True], ids=["client streams", "both stream"])
async def test_a_call_ends_with_its_token_and_never_looks_complete(
    start_gateway: StartGateway, service: Service, log: Log, has_begun: bool
) -> None:
    service.script = streaming(*((HEAD, chunk(message(b"one"))) if has_begun else ()))
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    token = (b"authorization", b"Bearer " + make_token(exp=time.time() + 600))
    client.send(headers(1, call(b"/api/a.B/C", token), ends=False))
    client.send(body(1, message(b"hi"), ends=False))
    wire = await service.connection()
    await wire.read_until(message(b"hi"))
    if has_begun:
        await see(client, lambda: bytes(client.stream(1).body) == message(b"one"))

    gateway.pass_time(EXPIRED)
    await client.wait_over(1)

    stream = client.stream(1)
    assert status_of(stream) == (16, "token_expired: The access token has expired")
    assert stream.is_ended
    assert is_trailers_only(stream) is not has_begun
    await wire.wait_end()
    assert wire.received.endswith(b"hi\r\n")  # the service does not take it for the end either
    assert gateway.metric("gateway_streams_expired_total", route="api") == 1
    (line,) = await log.lines(gateway)
    assert (line["reason"], line["grpc_status"]) == ("token_expired", 16)


async def test_a_truncated_response_has_a_status_and_is_no_success(
    gateway: RunningGateway, service: Service
) -> None:
    """A part of a message may have come: clients take what a status other than OK follows for a
    failed call.
    """

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(HEAD + chunk(message(b"whole") + message(b"truncated")[:7]))
        wire.close()

    service.script = script
    client = await speak(gateway)
    stream = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    assert bytes(stream.body) == message(b"whole") + message(b"truncated")[:7]
    assert status_of(stream) == (14, "upstream_invalid: The service sent an invalid response")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\nfour\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nContent-Length: 9\r\n\r\nfour",
    ],
    ids=["no gRPC", "a length"],
)
async def test_a_response_without_a_place_for_a_status_is_cut(
    gateway: RunningGateway, service: Service, head: bytes
) -> None:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(head)
        wire.close()

    service.script = script
    client = await speak(gateway)
    stream = await client.fetch(call(b"/api/a.B/C", TOKEN), message(b"hello"))
    assert (bytes(stream.body), stream.is_ended) == (b"four", False)
    assert stream.reset == Code.INTERNAL_ERROR


async def test_a_drain_lets_calls_end_and_then_says_unavailable(
    gateway: RunningGateway, service: Service
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    client = await speak(gateway)
    client.send(headers(1, call(b"/api/a.B/C", TOKEN), ends=False))
    await see(client, lambda: bytes(client.stream(1).body) == message(b"one"))

    draining = asyncio.create_task(gateway.gateway.data._listener.drain(0.5))
    await see(client, lambda: bool(client.goaways))
    assert not client.stream(1).is_over
    await client.wait_over(1)

    assert status_of(client.stream(1)) == (14, "draining: The gateway is shutting down")
    await draining


async def test_a_cancelled_call_leaves_its_service_and_is_logged_as_cancelled(
    start_gateway: StartGateway, service: Service, log: Log
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    gateway = await start_gateway(access_log="stdout")
    client = await speak(gateway)
    client.send(headers(1, call(b"/api/a.B/C", TOKEN), ends=False))
    await see(client, lambda: bytes(client.stream(1).body) == message(b"one"))

    client.send(rst_stream(1, Code.CANCEL))
    await (await service.connection()).wait_end()

    (line,) = await log.lines(gateway)
    assert (line["status"], line["grpc_status"], line["reason"]) == (499, 1, None)


async def test_a_stream_that_lasts_holds_no_place_among_the_requests_in_flight(
    start_gateway: StartGateway, service: Service
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    routes = [dict(ROUTES[1]) | {"limits": {"requests": 1}}]
    gateway = await start_gateway(routes=routes)
    client = await speak(gateway)

    async def open_stream(number: int) -> None:
        client.send(headers(number, call(b"/api/a.B/C", TOKEN), ends=False))
        await see(client, lambda: bytes(client.stream(number).body) == message(b"one"))

    await open_stream(1)
    await open_stream(3)

    assert gateway.metric("http_server_active_requests") == 2
