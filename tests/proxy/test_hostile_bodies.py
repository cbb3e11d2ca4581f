"""Bodies that other parsers took for requests, or let grow without end."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import make_chunked, make_request, read_answer
from tests.proxy.service import Service, echo

_POST = b"POST /public/ HTTP/1.1\r\nHost: gateway.test\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_SMUGGLED = b"GET /public/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


async def test_chunk_extensions_are_not_forwarded(
    service: Service, gateway: RunningGateway
) -> None:
    """9112.11, CVE-2025-55315 Kestrel."""
    body = b'5;name=value;quoted="a;b"\r\nhello\r\n0;last\r\n\r\n'

    answer = await gateway.ask(_CHUNKED + body)

    assert answer.status == 200
    assert service.requests[0].body == b"hello"
    assert b"name=value" not in service.received
    assert b"last" not in service.received


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (b"X-Trailer: 1\r\n", Reason.HEADERS_TOO_LARGE),
        (b"X: " + b"a" * 4096 + b"\r\n", Reason.REQUEST_MALFORMED),
    ],
)
async def test_trailers_have_an_end(
    piece: bytes, expected: Reason, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-22815 aiohttp: trailers without end filled the memory."""
    wire = await gateway.connect()
    await pour(wire, _CHUNKED + b"5\r\nhello\r\n0\r\n")

    for _ in range(4096):
        await pour(wire, piece * 16)
        if wire.has_ended:
            break
    answers = await answers_until_end(wire)

    assert [reason(answer) for answer in answers] == [expected.code]
    assert service.requests == []


async def test_more_framing_than_body_is_refused(service: Service, gateway: RunningGateway) -> None:
    """CVE-2023-39326 Go: 4 KiB of extension on every byte of body."""
    wire = await gateway.connect()

    await pour(wire, _CHUNKED + (b"1;" + b"a" * 4096 + b"\r\nx\r\n") * 100)
    answers = await answers_until_end(wire)

    assert [reason(answer) for answer in answers] == [Reason.REQUEST_MALFORMED.code]
    await gateway.stop()
    for connection in service.connections:
        await connection.wait_end()
    assert service.requests == []


async def test_a_body_in_chunks_of_one_byte_arrives_whole(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-69229 aiohttp: others are answered in the meantime."""
    size = 100_000
    wire = await gateway.connect()
    other = await gateway.connect()

    await pour(wire, _CHUNKED + b"1\r\nx\r\n" * size)
    other.send(make_request("/public/other"))
    assert (await read_answer(other)).status == 200
    await pour(wire, b"0\r\n\r\n")

    assert (await read_answer(wire)).status == 200
    assert service.requests[-1].body == b"x" * size


async def test_a_name_that_only_begins_like_content_length_frames_nothing(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2021-40346 HAProxy: the length of the name spilled into its value."""
    name = b"Content-Length0" + b"a" * 255
    head = _POST + name + b":\r\nContent-Length: %d\r\n\r\n" % len(_SMUGGLED)

    answer = await gateway.ask(head + _SMUGGLED)

    assert answer.status == 200
    (request,) = service.requests
    assert request.body == _SMUGGLED
    assert len(request.all(b"content-length")) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "POST"])
async def test_a_body_never_becomes_the_next_request(
    method: str, service: Service, gateway: RunningGateway
) -> None:
    """CL.0: a service that ignores the body must see where it ends."""
    service.script = echo
    wire = await gateway.connect()
    wire.send(
        make_request("/public/1", method=method, body=_SMUGGLED)
        + make_request("/public/2", "Transfer-Encoding: chunked", method=method)
        + make_chunked(_SMUGGLED)
        + make_request("/public/3")
    )

    for _ in range(2):
        await read_answer(wire, is_head=method == "HEAD")
    await read_answer(wire)

    targets = [request.target for request in service.requests]
    assert targets == [b"/public/1", b"/public/2", b"/public/3"]
    assert [request.body for request in service.requests[:2]] == [_SMUGGLED] * 2


async def test_a_refused_body_is_not_read_as_a_request(
    service: Service, gateway: RunningGateway
) -> None:
    """9112.13: the refusal comes while the client still sends."""
    wire = await gateway.connect()
    head = b"POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"

    await pour(wire, head + _SMUGGLED)
    answer = await read_answer(wire)
    await pour(wire, _SMUGGLED * 100)

    assert reason(answer) == Reason.TOKEN_MISSING.code
    assert answer.one(b"connection") == b"close"
    assert await wire.read_to_end() == b""
    assert service.received == b""


@pytest.mark.parametrize(
    "body",
    [
        make_request("/api/", "Connection: close", method="POST", body=_SMUGGLED),
        make_request("/api/", "Transfer-Encoding: chunked", method="POST")
        + make_chunked(_SMUGGLED),
    ],
    ids=["length", "chunked"],
)
async def test_bytes_after_the_last_response_are_not_read(
    body: bytes, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 9.6: the answer said that the connection ends with it."""
    wire = await gateway.connect()

    await pour(wire, body + _SMUGGLED)
    answers = await answers_until_end(wire)

    assert [reason(answer) for answer in answers] == [Reason.TOKEN_MISSING.code]
    assert answers[0].one(b"connection") == b"close"
    assert service.received == b""


async def test_the_body_of_a_refused_request_is_not_the_next_request(
    service: Service, gateway: RunningGateway
) -> None:
    """A small body is read and dropped, and the connection serves on."""
    wire = await gateway.connect()
    refused = make_request("/api/", method="POST", body=_SMUGGLED)

    await pour(wire, refused + make_request("/public/", "Connection: close"))
    answers = await answers_until_end(wire)

    assert [answer.status for answer in answers] == [401, 200]
    assert service.received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("expectation", ["100-continue", "y 100-continue", "100-Continue", "x"])
async def test_the_body_is_not_asked_for_before_the_token_was_checked(
    expectation: str, service: Service, gateway: RunningGateway
) -> None:
    """9110.7: whatever is expected."""
    wire = await gateway.connect()
    head = make_request("/api/", f"Expect: {expectation}", "Content-Length: 5", method="POST")

    await pour(wire, head)
    answer = await read_answer(wire)

    assert reason(answer) == Reason.TOKEN_MISSING.code
    assert service.received == b""


async def test_an_unknown_expectation_is_ignored(service: Service, gateway: RunningGateway) -> None:
    """RFC 9110 10.1.1, CVE-2022-45059 Varnish."""
    answer = await gateway.ask(
        make_request("/public/", "Expect: y 100-continue", method="POST", body=b"hello")
    )

    assert answer.status == 200
    assert service.requests[0].body == b"hello"
