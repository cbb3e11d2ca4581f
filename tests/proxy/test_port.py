"""What all connections of the data port share."""

import asyncio

from gateway.proxy.port import HostNames
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request
from tests.proxy.service import Service


def test_a_host_is_known_in_its_canonical_form() -> None:
    """CVE-2026-27588, CVE-2021-39155."""
    hosts = HostNames()

    for spelling in (b"API.Example.com", b"api.example.com:8080", b"api.example.com."):
        assert hosts[spelling] == "api.example.com"
    for nonsense in (b"", b"a b", b"a@b", b"a,b", b"a/b"):
        assert hosts[nonsense] is None


def test_invented_hosts_do_not_fill_the_memory() -> None:
    hosts = HostNames()

    for number in range(10_000):
        assert hosts[b"h%d.test" % number] == f"h{number}.test"

    assert len(hosts) < 5000


def test_what_is_no_host_is_not_remembered() -> None:
    """It may be as long as a head."""
    hosts = HostNames()

    assert hosts[b"a" * 30_000] is None
    assert not hosts


async def test_two_gateways_do_not_take_each_other_for_a_loop(
    service: Service, gateway: RunningGateway, start_gateway: object
) -> None:
    host, port = gateway.address
    assert callable(start_gateway)
    outer: RunningGateway = await start_gateway([f"http://{host}:{port}"])

    answer = await outer.ask(make_request("/open/"))

    assert answer.status == 200
    first, second = service.requests[0].one(b"via").split(b", ")
    assert first != second


async def test_request_ids_differ_between_gateways(
    service: Service, gateway: RunningGateway, start_gateway: object
) -> None:
    assert callable(start_gateway)
    other: RunningGateway = await start_gateway()

    await asyncio.gather(*(one.ask(make_request("/open/")) for one in (gateway, other)))

    first, second = (request.one(b"x-request-id") for request in service.requests)
    assert first != second
