"""A server is healthy if its response to a check is in time, complete, and as configured."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.proxy.upstream.health_checks import check_health
from gateway.settings.values.balancing import HealthCheck
from tests.certificates import AUTHORITY, serving, trusting
from tests.proxy.messages import make_answer, make_chunked
from tests.proxy.pools import make_pool
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

CHECK = HealthCheck("/healthz?deep=1", 5.0, 5.0, 3, 2, ((200, 299), (304, 304)), 0.0)


async def ask(url: str, check: HealthCheck = CHECK, **trust: object) -> str | None:
    pool = make_pool(url)
    (member,) = pool._members.all
    context = trusting() if trust else None
    return await check_health(member.pool, check, context)


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

    await check_health(member.pool, CHECK, None)

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

    failure = await check_health(member.pool, CHECK, ssl.create_default_context())

    assert failure is not None
    assert failure.startswith("its certificate is not trusted (")
