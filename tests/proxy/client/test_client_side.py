"""The client's side of exchanges: who is said to ask, the order of answers, and the close."""

import asyncio

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire


async def test_each_request_says_for_which_host_it_was_whatever_came_before(
    service: Service, client: Wire
) -> None:
    """What is remembered of one host is not said of another (CVE-2026-27588)."""
    hosts = ["a.test", "b.test", "b.test", "a.test"]
    for host in hosts:
        client.send(make_request("/open/", host=host))
        await read_answer(client)

    told = [request.one(b"x-forwarded-host").decode() for request in service.requests]
    assert told == hosts
    assert all(
        f'host="{host}"'.encode() in request.one(b"forwarded")
        for host, request in zip(hosts, service.requests, strict=True)
    )


async def test_a_via_that_came_is_kept_in_front_and_not_for_the_next(
    service: Service, client: Wire
) -> None:
    for lines in ([b"Via: 1.0 edge"], []):
        client.send(make_request("/open/", *lines))
        await read_answer(client)

    first, second = (request.one(b"via") for request in service.requests)
    assert first == b"1.0 edge, " + second


@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_trusted_peer_is_believed(
    service: Service, start_gateway: StartGateway, trusted: bool
) -> None:
    networks = ["127.0.0.1/32"] if trusted else ["10.0.0.0/8"]
    gateway = await start_gateway(trusted_proxies=networks)

    await gateway.ask(make_request("/open/", b"X-Forwarded-For: 192.0.2.7"))

    expected = b"192.0.2.7, 127.0.0.1" if trusted else b"127.0.0.1"
    assert service.requests[0].one(b"x-forwarded-for") == expected


async def test_answers_come_in_the_order_of_the_requests(service: Service, client: Wire) -> None:
    service.script = echo
    targets = ["/open/1", "/nowhere", "/open/2", "/api/refused", "/open/3"]
    client.send(b"".join(make_request(target) for target in targets))

    answers = [await read_answer(client) for _ in targets]

    assert [answer.status for answer in answers] == [200, 404, 200, 401, 200]
    assert [answers[number].body for number in (0, 2, 4)] == [b"/open/1 ", b"/open/2 ", b"/open/3 "]


async def test_a_half_closed_client_gets_every_answer_it_asked_for_where_that_is_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = echo
    client = await (await start_gateway(half_close="answer")).connect()
    client.send(make_request("/open/1") + make_request("/open/2"))
    client.end()

    assert [(await read_answer(client)).body for _ in range(2)] == [b"/open/1 ", b"/open/2 "]
    await client.wait_end()


async def test_nothing_behind_a_request_that_closes_is_answered(
    service: Service, client: Wire
) -> None:
    client.send(make_request("/open/", "Connection: close") + make_request("/open/behind"))

    answer = await read_answer(client)

    assert answer.one(b"connection") == b"close"
    assert await client.read_to_end() == b""
    assert len(service.requests) == 1


async def test_a_refusal_is_read_by_a_client_that_goes_on_sending(
    gateway: RunningGateway, client: Wire
) -> None:
    """A reset at once would take the answer from it (RFC 9112 §9.6)."""
    client.send(make_request("/api/", "Content-Length: 10000000", method="POST") + b"x" * 1000)

    answer = await read_answer(client)
    client.send(b"x" * 100_000)
    await client.wait_end()

    assert answer.status == 401
    assert answer.one(b"connection") == b"close"


async def test_an_answer_cut_short_is_a_reset_to_the_client(service: Service, client: Wire) -> None:
    """A mere close would be the end of the body to HTTP/1.0."""
    cut = asyncio.Event()

    async def cut_short(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"x" * 1000)[:-500])
        await cut.wait()
        wire.reset()

    service.script = cut_short
    client.send(make_request("/open/", version="1.0"))
    await client.read_until(b"xxx")
    cut.set()

    await client.wait_lost()

    assert isinstance(client.error, ConnectionResetError)
