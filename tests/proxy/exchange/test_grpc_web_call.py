"""A call of gRPC-Web, by both versions of HTTP, to a service that is called by gRPC."""

import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.build.routes.cors import for_grpc_web
from gateway.settings.values.configuration import Settings
from tests.proxy.gateways import (
    EXPIRED,
    ROUTES,
    RunningGateway,
    bearer,
    good_token,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.grpc_calls import HEAD, chunk, message, speak, streaming
from tests.proxy.h2.frames import Code, request_fields
from tests.proxy.messages import (
    Message,
    make_answer,
    make_request,
    read_answer,
    read_chunk,
    read_head,
)
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, serve
from tests.proxy.wire import Cut, Wire

__all__ = ["log"]  # a fixture

WEB = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
OK = b"grpc-status: 0\r\n"
REPLY = HEAD + chunk(message(b"yes")) + b"0\r\ngrpc-status: 0\r\n\r\n"
ORIGIN = "https://page.test"

StartWeb = Callable[..., Awaitable[RunningGateway]]


def trailers(block: bytes) -> bytes:
    return b"\x80" + len(block).to_bytes(4) + block


def with_grpc_web(settings: Settings) -> Settings:
    """Return *settings* as of an upstream with `grpc_web`, which is one of HTTP/1.1 here.

    So what reaches it can be read as text; the version of HTTP changes nothing of it.
    """
    options = (
        replace(one, grpc_web=True, cors=None if one.cors is None else for_grpc_web(one.cors))
        for one in settings.route_options
    )
    return replace(settings, route_options=tuple(options))


@pytest.fixture
async def start_web(service: Service, tmp_path: Path) -> AsyncIterator[StartWeb]:
    async with AsyncExitStack() as stack:

        async def start(servers: list[str] | None = None, **changes: Any) -> RunningGateway:
            path = write_config(tmp_path, servers or [service.url], changes)
            settings = with_grpc_web(load(path))
            return await stack.enter_async_context(running_gateway(settings))

        yield start


@pytest.fixture
async def web(start_web: StartWeb) -> RunningGateway:
    return await start_web()


def call(content: bytes, *lines: bytes | str, target: str = "/api/a.B/C", kind: str = WEB) -> bytes:
    about = (f"Content-Type: {kind}", bearer(), *lines)
    return make_request(target, *about, method="POST", body=content)


def decoded(text: bytes) -> bytes:
    return b"".join(b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


# --- calls that pass


async def test_a_call_passes_and_its_trailers_end_the_body(
    start_web: StartWeb, service: Service, log: Log
) -> None:
    service.script = serve(REPLY)
    gateway = await start_web(access_log="stdout")
    wire = await gateway.connect()

    for _ in range(2):  # on one connection
        wire.send(call(message(b"hello"), "X-Grpc-Web: 1"))
        answer = await read_answer(wire)
        assert (answer.status, answer.one(b"content-type")) == (200, WEB.encode())
        assert answer.body == message(b"yes") + trailers(OK)

    got = service.requests[0]
    assert got.one(b"content-type") == b"application/grpc+proto"
    assert got.body == message(b"hello")
    assert not got.has(b"authorization")
    for line in await log.lines(gateway):
        assert (line["status"], line["grpc_status"], line["reason"]) == (200, 0, None)


async def test_a_call_in_text_is_decoded_and_answered_in_text(
    web: RunningGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    wire = await web.connect()
    text = b64encode(message(b"hello")) + b64encode(b"and more")
    sent = call(text, f"Accept: {TEXT}", kind=TEXT)

    wire.send(sent[:-9])
    wire.send(sent[-9:])
    answer = await read_answer(wire)

    assert answer.one(b"content-type") == TEXT.encode()
    assert decoded(answer.body) == message(b"yes") + trailers(OK)
    got = service.requests[0]
    assert got.one(b"content-type") == b"application/grpc+proto"
    assert got.body == message(b"hello") + b"and more"
    assert not got.has(b"content-length")
    assert not got.has(b"accept")


@pytest.mark.parametrize("kind", [WEB, TEXT])
async def test_a_call_passes_by_http2(web: RunningGateway, service: Service, kind: str) -> None:
    service.script = serve(REPLY)
    client = await speak(web)
    fields = ((b"content-type", kind.encode()), (b"authorization", b"Bearer " + good_token()))
    sent, read = (b64encode, decoded) if kind == TEXT else (bytes, bytes)

    asked = request_fields(b"/api/a.B/C", *fields, method=b"POST")
    stream = await client.fetch(asked, sent(message(b"hello")))

    assert stream.message.one(b"content-type") == kind.encode()
    assert read(bytes(stream.body)) == message(b"yes") + trailers(OK)
    assert stream.is_ended
    assert stream.trailers == []
    assert service.requests[0].body == message(b"hello")


async def test_every_piece_of_a_stream_comes_at_once(web: RunningGateway, service: Service) -> None:
    service.script = serve(HEAD)
    wire = await web.connect()
    wire.send(call(b64encode(message(b"all")), kind=TEXT))
    assert (await service.request()).body == message(b"all")
    server = await service.connection()

    head = None
    for piece in (message(b"one")[:4], message(b"one")[4:], message(bytes(70_000))):
        server.send(chunk(piece))
        head = head or await read_head(wire)
        found = b""
        while len(found) < len(piece):
            found += decoded(await read_chunk(wire))
        assert found == piece
    server.send(b"0\r\ngrpc-status: 0\r\n\r\n")

    assert decoded(await read_chunk(wire)) == trailers(OK)
    assert await read_chunk(wire) == b""


async def test_a_status_in_the_head_alone_passes(web: RunningGateway, service: Service) -> None:
    lines = (b"Content-Type: application/grpc", b"grpc-status: 5", b"grpc-message: no such")
    service.script = serve(make_answer(b"", *lines))
    wire = await web.connect()

    wire.send(call(message(b"hello")))
    answer = await read_answer(wire)

    assert (answer.one(b"grpc-status"), answer.body) == (b"5", b"")
    assert answer.one(b"content-type") == WEB.encode()


async def test_a_response_that_is_no_grpc_passes_as_it_is(
    web: RunningGateway, service: Service
) -> None:
    service.script = serve(make_answer(b"oops", b"Content-Type: text/html", status=502))
    wire = await web.connect()

    wire.send(call(message(b"hello")))
    answer = await read_answer(wire)

    assert (answer.status, answer.body) == (502, b"oops")


async def test_a_client_of_http10_gets_the_same_to_the_end_of_its_connection(
    web: RunningGateway, service: Service
) -> None:
    service.script = serve(REPLY)
    wire = await web.connect()
    lines = (f"Content-Type: {WEB}", bearer())

    wire.send(make_request("/api/a.B/C", *lines, method="POST", body=b"", version="1.0")[:-2])
    wire.send(b"\r\n")
    assert (await read_answer(wire)).status  # a call without a message is none
    wire = await web.connect()
    body = message(b"hello")
    wire.send(make_request("/api/a.B/C", *lines, method="POST", body=body, version="1.0"))

    assert (await read_answer(wire)).body == message(b"yes") + trailers(OK)


async def test_an_upstream_without_grpc_web_gets_the_call_as_it_came(
    start_web: StartWeb, service: Service, tmp_path: Path
) -> None:
    """It speaks gRPC-Web itself: nothing is translated twice."""
    reply = message(b"yes") + trailers(OK)
    service.script = serve(make_answer(reply, b"Content-Type: application/grpc-web+proto"))
    settings = with_grpc_web(load(write_config(tmp_path, [service.url], {})))
    options = [
        replace(one, grpc_web=route.name != "api")
        for one, route in zip(settings.route_options, settings.policy.routes.routes, strict=True)
    ]
    async with running_gateway(replace(settings, route_options=tuple(options))) as gateway:
        wire = await gateway.connect()
        wire.send(call(b64encode(message(b"hello")), kind=TEXT))
        answer = await read_answer(wire)

    assert answer.body == reply
    got = service.requests[0]
    assert got.one(b"content-type") == TEXT.encode()
    assert got.body == b64encode(message(b"hello"))


# --- refusals


@pytest.mark.parametrize("kind", [WEB, TEXT])
@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        ("/api/a.B/C", (), 16),
        ("/admin/a.B/C", (bearer(),), 7),
        ("/nowhere", (bearer(),), 12),
        ("/api/../C", (), 3),
        ("/api/a.B/C", (bearer(), "Grpc-Timeout: soon"), 13),
    ],
    ids=["no token", "scope", "no route", "path", "timeout"],
)
async def test_a_refusal_is_one_head_with_the_type_of_the_call(
    web: RunningGateway,
    service: Service,
    target: str,
    lines: tuple[bytes | str, ...],
    status: int,
    kind: str,
) -> None:
    wire = await web.connect()
    about = (f"Content-Type: {kind}", *lines)

    wire.send(make_request(target, *about, method="POST", body=message(b"hello")))
    answer = await read_answer(wire)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.one(b"content-type") == kind.encode()
    assert int(answer.one(b"grpc-status")) == status
    assert answer.one(b"content-length") == b"0"
    assert answer.has(b"www-authenticate") is (status in (16, 7))
    assert service.received == b""


async def test_a_refusal_by_http2_has_the_type_of_the_call(web: RunningGateway) -> None:
    client = await speak(web)
    asked = request_fields(b"/api/x", (b"content-type", WEB.encode()), method=b"POST")

    stream = await client.fetch(asked, message(b"hello"))

    assert (stream.status, bytes(stream.body), stream.is_ended) == (200, b"", True)
    assert stream.message.one(b"content-type") == WEB.encode()
    assert stream.message.one(b"grpc-status") == b"16"


async def test_without_grpc_web_anywhere_a_refusal_is_one_of_http(
    gateway: RunningGateway,
) -> None:
    wire = await gateway.connect()
    wire.send(make_request("/api/x", f"Content-Type: {WEB}", method="POST", body=b"12345"))

    assert (await read_answer(wire)).status == 401


async def test_pages_of_other_origins_can_read_a_refusal(start_web: StartWeb) -> None:
    routes = [dict(ROUTES[1]) | {"cors": {"origins": [ORIGIN]}}]
    gateway = await start_web(routes=routes)
    wire = await gateway.connect()
    asked = ("Access-Control-Request-Method: POST", f"Origin: {ORIGIN}")

    wire.send(make_request("/api/a.B/C", *asked, method="OPTIONS"))
    granted = await read_answer(wire)
    about = (f"Content-Type: {WEB}", f"Origin: {ORIGIN}")
    wire.send(make_request("/api/a.B/C", *about, method="POST", body=message(b"hello")))
    refused = await read_answer(wire)

    assert b"X-Grpc-Web" in granted.one(b"access-control-allow-headers")
    assert refused.one(b"grpc-status") == b"16"
    assert refused.one(b"access-control-allow-origin") == ORIGIN.encode()
    exposed = refused.one(b"access-control-expose-headers").split(b", ")
    assert {b"Grpc-Status", b"Grpc-Message"} < set(exposed)


async def test_a_body_that_is_not_base64_is_refused_and_has_no_end_for_the_service(
    web: RunningGateway, service: Service
) -> None:
    """4648.1"""
    service.script = streaming()
    wire = await web.connect()
    text = b64encode(message(b"hello!"))
    head, _, _ = call(text + b"####", kind=TEXT).partition(b"\r\n\r\n")

    wire.send(head + b"\r\n\r\n" + text)
    server = await service.connection()
    await server.read_until(message(b"hello!")[:9])
    wire.send(b"####")
    answer = await read_answer(wire)
    await server.wait_end()

    assert answer.one(b"grpc-status") == b"13"
    assert answer.one(b"content-type") == TEXT.encode()
    assert server.received.endswith(b"\0\0\0\0\x06hello!\r\n")


async def test_text_that_ends_within_a_group_is_refused(
    web: RunningGateway, service: Service
) -> None:
    service.script = streaming()
    wire = await web.connect()

    wire.send(call(b64encode(message(b"hello!"))[:-1], kind=TEXT))
    answer = await read_answer(wire)
    await (await service.connection()).wait_end()

    assert answer.one(b"grpc-status") == b"13"
    assert not service.received.endswith(b"\r\n0\r\n\r\n")


async def test_a_body_over_the_limit_is_refused(start_web: StartWeb, service: Service) -> None:
    gateway = await start_web(limits={"body": "1KiB"})
    wire = await gateway.connect()

    wire.send(call(bytes(2000)))

    assert (await read_answer(wire)).one(b"grpc-status") == b"8"
    assert service.received == b""


# --- ends


async def read_to_cut(wire: Wire) -> bytes:
    """Return the body that came before the connection was cut."""
    found = b""
    while True:
        try:
            piece = await read_chunk(wire)
        except Cut:
            return found
        assert piece, "a truncated response looks complete"
        found += piece


@pytest.mark.parametrize("is_between", [True, False], ids=["after a message", "within one"])
async def test_a_stream_ends_with_its_token_and_never_looks_complete(
    start_web: StartWeb, service: Service, log: Log, is_between: bool
) -> None:
    sent = message(b"one") if is_between else message(b"one")[:6]
    service.script = streaming(HEAD, chunk(sent))
    gateway = await start_web(access_log="stdout")
    wire = await gateway.connect()
    token = bearer(make_token(exp=time.time() + 600))
    about = (f"Content-Type: {WEB}", token)
    wire.send(make_request("/api/a.B/C", *about, method="POST", body=message(b"hello")))
    await read_head(wire)
    assert await read_chunk(wire) == sent

    gateway.pass_time(EXPIRED)

    if is_between:
        frame = await read_chunk(wire)
        assert frame[:1] == b"\x80"
        assert frame[5:].startswith(b"grpc-status: 16\r\ngrpc-message: token_expired")
        assert await read_chunk(wire) == b""
    else:
        assert await read_to_cut(wire) == b""
    await (await service.connection()).wait_end()
    (line,) = await log.lines(gateway)
    assert (line["reason"], line["grpc_status"]) == ("token_expired", 16)


@pytest.mark.parametrize("is_between", [True, False], ids=["after a message", "within one"])
async def test_a_service_that_fails_is_no_success(
    start_web: StartWeb, service: Service, log: Log, is_between: bool
) -> None:
    sent = message(b"one") if is_between else message(b"one")[:6]

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(HEAD + chunk(sent))
        wire.close()

    service.script = script
    gateway = await start_web(access_log="stdout")
    wire = await gateway.connect()
    wire.send(call(message(b"hello")))
    await read_head(wire)

    if is_between:
        found = b""
        while piece := await read_chunk(wire):
            found += piece
        assert found.startswith(sent + b"\x80")
        assert b"grpc-status: 14\r\n" in found
    else:
        assert await read_to_cut(wire) == sent
    (line,) = await log.lines(gateway)
    assert (line["reason"], line["grpc_status"]) == ("upstream_invalid", 14)


async def test_trailers_within_a_message_are_no_success(
    start_web: StartWeb, service: Service, log: Log
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")[:-1]))
    gateway = await start_web(access_log="stdout")
    wire = await gateway.connect()

    wire.send(call(message(b"hello")))
    await read_head(wire)
    assert await read_chunk(wire) == message(b"one")[:-1]
    (await service.connection()).send(b"0\r\ngrpc-status: 0\r\n\r\n")
    assert await read_to_cut(wire) == b""

    (line,) = await log.lines(gateway)
    assert (line["reason"], line["grpc_status"]) == ("upstream_invalid", 14)


async def test_trailers_within_a_message_reset_the_stream_alone(
    web: RunningGateway, service: Service
) -> None:
    service.script = serve(HEAD + chunk(message(b"one")[:-1]) + b"0\r\ngrpc-status: 0\r\n\r\n")
    client = await speak(web)
    fields = ((b"content-type", WEB.encode()), (b"authorization", b"Bearer " + good_token()))
    asked = request_fields(b"/api/a.B/C", *fields, method=b"POST")

    stream = await client.fetch(asked, message(b"hello"))
    assert (stream.is_ended, stream.reset) == (False, Code.INTERNAL_ERROR)
    assert (await client.fetch(request_fields(b"/api/x"))).label == "401 token_missing"


async def test_a_deadline_ends_a_call_by_http11(web: RunningGateway, service: Service) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    wire = await web.connect()
    wire.send(call(message(b"hello"), "Grpc-Timeout: 5M"))
    await read_head(wire)
    assert await read_chunk(wire) == message(b"one")

    web.expire(301)

    assert b"grpc-status: 4\r\n" in await read_chunk(wire)
    assert await read_chunk(wire) == b""
    assert service.received.count(b"grpc-timeout") + service.received.count(b"Grpc-Timeout") == 1


async def test_a_silent_stream_by_http11_lives_as_long_as_a_tunnel(
    web: RunningGateway, service: Service
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    wire = await web.connect()
    wire.send(call(message(b"hello")))
    await read_head(wire)
    assert await read_chunk(wire) == message(b"one")

    for seconds in range(0, 3600, 20):
        web.expire(seconds)
    assert not wire.has_ended
    assert wire.unread == b""

    web.expire(3700)
    assert b"grpc-status: 4\r\n" in await read_chunk(wire)


async def test_a_client_that_leaves_cancels_its_call(
    start_web: StartWeb, service: Service, log: Log
) -> None:
    service.script = streaming(HEAD, chunk(message(b"one")))
    gateway = await start_web(access_log="stdout")
    wire = await gateway.connect()
    wire.send(call(message(b"hello")))
    await read_head(wire)

    wire.close()
    await (await service.connection()).wait_end()

    (line,) = await log.lines(gateway)
    assert (line["status"], line["grpc_status"]) == (499, 1)


async def test_a_large_message_streams_through_in_both_directions(
    web: RunningGateway, service: Service
) -> None:
    large = message(bytes(range(256)) * 12_000)

    async def script(service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        wire.send(HEAD + chunk(request.body) + b"0\r\ngrpc-status: 0\r\n\r\n")

    service.script = script
    wire = await web.connect()
    wire.send(call(b64encode(large), kind=TEXT))
    answer: Message = await read_answer(wire)

    assert b"".join(map(decoded, answer.chunks)) == large + trailers(OK)
    assert service.requests[0].body == large
