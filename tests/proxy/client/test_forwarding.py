"""The forwarding fields that upstreams receive."""

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire


async def test_each_request_is_forwarded_with_its_own_host(service: Service, client: Wire) -> None:
    """Fields remembered for one host are not sent for another (CVE-2026-27588)."""
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


async def test_a_received_via_stays_in_front_and_is_not_added_to_the_next_request(
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
