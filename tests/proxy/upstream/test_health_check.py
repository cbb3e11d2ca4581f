"""A server is healthy if its response to a check is in time, complete, and as configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import pytest

from gateway.proxy.upstream.health_check import check_health
from gateway.settings.values.balancing import HealthCheck
from gateway.settings.values.configuration import UpstreamProtocol
from tests.certificates import AUTHORITY, serving, trusting
from tests.proxy.messages import make_answer, make_chunked
from tests.proxy.pools import make_pool
from tests.proxy.service import Script, Service
from tests.proxy.stream_service import Call, StreamService, running_streams
from tests.proxy.wire import Wire

CHECK = HealthCheck("/healthz?deep=1", 5.0, 5.0, 3, 2, ((200, 299), (304, 304)), 0.0)


async def ask(url: str, check: HealthCheck = CHECK, **trust: object) -> str | None:
    pool = make_pool(url)
    (member,) = pool._members.all
    member.pool.tls = trusting() if trust else None
    return await check_health(member.pool, check)


def say(*pieces: bytes, close: bool = True) -> Script:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        for piece in pieces:
            wire.send(piece)
        if close:
            wire.close()

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"

WELL = {
    "200": make_answer(b"ok"),
    "299": make_answer(status=299),
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + make_chunked(b"a", b"b"),
    "until it closes": HEAD + b"\r\nall well",
    "103 first": b"HTTP/1.1 103 Early Hints\r\n\r\n" + make_answer(b"ok"),
}


@pytest.mark.parametrize("answer", WELL.values(), ids=WELL)
async def test_a_complete_response_with_an_expected_status_is_healthy(
    service: Service, answer: bytes
) -> None:
    service.script = say(answer)

    assert await ask(service.url) is None


ILL = {
    "500": (make_answer(status=500), "its health check got 500, not 200-299, 304"),
    "302": (make_answer(status=302), "its health check got 302, not 200-299, 304"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "its health check failed: expected http/"),
    "bytes": (bytes(range(256)), "its health check failed: "),
    "nothing": (b"", "its health check failed: the upstream closed the connection"),
    "cut short": (
        HEAD + b"Content-Length: 9\r\n\r\nwell",
        "its health check failed: the upstream cut its response short",
    ),
    "two lengths": (
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "its health check failed",
    ),
    "unasked": (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "its health check failed: switching protocols, unasked",
    ),
}


@pytest.mark.parametrize(("answer", "words"), ILL.values(), ids=ILL)
async def test_nonsense_and_other_responses_are_unhealthy(
    service: Service, answer: bytes, words: str
) -> None:
    service.script = say(answer)

    failure = await ask(service.url)

    assert failure is not None
    assert failure.startswith(words)


async def test_the_request_is_a_get_of_the_path_at_the_server(service: Service) -> None:
    await ask(service.url)

    request = await service.request()
    assert request.start == b"GET /healthz?deep=1 HTTP/1.1"
    assert request.one(b"host") == service.url.removeprefix("http://").encode()
    assert request.one(b"user-agent") == b"jwt-gateway"


@pytest.mark.parametrize("answer", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\n"])
async def test_a_response_that_is_late_or_has_no_end_times_out(
    service: Service, answer: bytes
) -> None:
    service.script = say(answer, close=False)

    failure = await ask(service.url, replace(CHECK, timeout_seconds=0.1))

    assert failure == "no response to its health check within 0.1 s"
    await (await service.connection()).wait_end()


async def test_a_refused_connection_is_unhealthy(closed_port: int) -> None:
    failure = await ask(f"http://127.0.0.1:{closed_port}")

    assert failure == "cannot connect (Connection refused)"


async def test_a_check_does_not_count_as_a_request(service: Service) -> None:
    pool = make_pool(service.url)
    (member,) = pool._members.all

    await check_health(member.pool, CHECK)

    assert pool.counts.requests == 0
    assert not pool.counts.times.by_method
    assert not member.pool.connections


@pytest.fixture
async def secret_service(service: Service) -> AsyncIterator[str]:
    """The URL of the service over TLS, with a certificate for 127.0.0.1."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Wire(service.take),
        "127.0.0.1",
        0,
        ssl=serving(AUTHORITY.issue_cert("127.0.0.1")),
    )
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_server_is_checked_over_tls_as_requests_are_sent(secret_service: str) -> None:
    assert await ask(secret_service, trusts=True) is None


async def test_an_untrusted_certificate_is_unhealthy(secret_service: str) -> None:
    pool = make_pool(secret_service)
    (member,) = pool._members.all

    member.pool.tls = ssl.create_default_context()

    failure = await check_health(member.pool, CHECK)

    assert failure is not None
    assert failure.startswith("its certificate is not trusted (")


# --- by HTTP/2 and gRPC


def called(status: int = 200, body: bytes = b"", **trailers: bytes) -> Callable[[Call], None]:
    """Return what answers a call."""
    fields = {name.replace("_", "-").encode(): value for name, value in trailers.items()}

    def answer(call: Call) -> None:
        call.respond(status, body, fields or None)

    return answer


async def ask_h2(service: StreamService, check: HealthCheck) -> str | None:
    pool = make_pool(service.url, protocol=UpstreamProtocol.H2C)
    (member,) = pool._members.all
    return await check_health(member.pool, check)


GRPC = replace(CHECK, grpc_service="shop.Shop")
IS_SERVING = b"\0\0\0\0\2\x08\x01"


async def test_a_check_by_http_uses_the_protocol_of_the_upstream() -> None:
    async with running_streams() as service:
        assert await ask_h2(service, CHECK) is None
        service.answer = called(503)
        assert await ask_h2(service, CHECK) == "its health check got 503, not 200-299, 304"

        head = service.calls[0].head
        assert (head[b":method"], head[b":path"]) == (b"GET", b"/healthz?deep=1")
        await service.until(lambda: not service.open)


async def test_a_check_by_grpc_calls_the_health_service() -> None:
    async with running_streams() as service:
        service.answer = called(body=IS_SERVING, grpc_status=b"0")

        assert await ask_h2(service, GRPC) is None
        assert await ask_h2(service, replace(CHECK, grpc_service="")) is None

        head = service.calls[0].head
        assert head[b":method"] == b"POST"
        assert head[b":path"] == b"/grpc.health.v1.Health/Check"
        assert (head[b"content-type"], head[b"te"]) == (b"application/grpc", b"trailers")
        assert [bytes(call.body) for call in service.calls] == [
            b"\0\0\0\0\x0b\x0a\x09shop.Shop",
            b"\0\0\0\0\0",
        ]
        await service.until(lambda: not service.open)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (called(body=b"\0\0\0\0\2\x08\x02", grpc_status=b"0"), "it is NOT_SERVING"),
        (
            called(grpc_status=b"12"),
            "its health check failed with gRPC status 12 (UNIMPLEMENTED)",
        ),
        (called(503), "its health check got 503, not 200 as a call of gRPC does"),
        (called(body=IS_SERVING), "its health check was answered without grpc-status"),
        (
            called(body=IS_SERVING * 2000, grpc_status=b"0"),
            "the answer to its health check is not one message of grpc.health.v1",
        ),
    ],
)
async def test_a_server_that_answers_a_call_otherwise_is_unhealthy(
    answer: Callable[[Call], None], failure: str
) -> None:
    async with running_streams() as service:
        service.answer = answer

        assert await ask_h2(service, GRPC) == failure


async def test_a_server_that_speaks_http_1_is_unhealthy_by_http_2() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = "http://{}:{}".format(*server.sockets[0].getsockname())
    (member,) = make_pool(url, protocol=UpstreamProtocol.H2C)._members.all

    failure = await check_health(member.pool, GRPC)

    assert failure == "its health check failed: the upstream violates HTTP/2"
    server.close()


@pytest.fixture
def grpcio_url() -> Iterator[str]:
    """A server of grpcio that knows the health of one service."""

    def check(request: bytes, context: grpc.ServicerContext) -> bytes:
        if request != b"\x0a\x09shop.Shop":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return b"\x08\x01"

    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        method: Any = grpc.unary_unary_rpc_method_handler(check)
        handler = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method})
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"http://127.0.0.1:{port}"
        server.stop(None).wait()


async def test_a_server_of_grpcio_is_asked_as_it_expects(grpcio_url: str) -> None:
    (member,) = make_pool(grpcio_url, protocol=UpstreamProtocol.H2C)._members.all

    verdicts = [
        await check_health(member.pool, replace(CHECK, grpc_service=service))
        for service in ("shop.Shop", "shop.Other")
    ]

    assert verdicts == [None, "its health check failed with gRPC status 5 (NOT_FOUND)"]
