"""What all connections of the data port share."""

import asyncio
from pathlib import Path

from gateway.proxy.port import HostNames
from tests.proxy.gateways import RunningGateway, load, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import Service
from tests.test_serving import make, make_metrics


def test_a_host_is_known_in_its_canonical_form() -> None:
    """CVE-2026-27588, CVE-2021-39155."""
    hosts = HostNames()

    for spelling in (b"API.Example.com", b"api.example.com:8080", b"api.example.com."):
        assert hosts[spelling] == "api.example.com"
    for nonsense in (b"", b"a b", b"a@b", b"a,b", b"a/b"):
        assert hosts[nonsense] is None


def flood(hosts: HostNames, start: int = 0, count: int = 10_000) -> None:
    for number in range(start, start + count):
        assert hosts[b"h%d.test" % number] == f"h{number}.test"


def test_invented_hosts_do_not_fill_the_memory() -> None:
    hosts = HostNames()

    flood(hosts)

    assert hosts.evictable <= 4096


def test_after_a_flood_of_invented_hosts_a_host_is_remembered_again() -> None:
    """Before, those that came first stayed, and every other one was read anew."""
    hosts = HostNames()
    flood(hosts)

    assert hosts[b"API.example.com:8443"] == "api.example.com"

    assert hosts.get(b"API.example.com:8443") == "api.example.com"


def test_a_host_in_use_survives_a_flood_and_one_that_a_route_names_stays_for_ever() -> None:
    hosts = HostNames(["api.example.com"])
    hosts[b"in-use.test"]
    for start in range(0, 10_000, 1000):
        flood(hosts, start, 1000)
        assert hosts.get(b"api.example.com") == "api.example.com"
        assert hosts.get(b"in-use.test") or hosts.recall(b"in-use.test")


def test_an_invalid_host_is_not_remembered() -> None:
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


async def test_an_error_in_a_task_is_reported_and_ends_what_waits(
    tmp_path: Path,
) -> None:
    """Otherwise the client of that request would wait for ever."""
    settings = load(write_config(tmp_path, ["http://a"], {}))
    port = make(settings, make_metrics()).port
    ended = asyncio.Event()
    reports: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, report: reports.append(report["exception"])
    )

    async def fail() -> None:
        raise RuntimeError("a bug")

    port.spawn(fail(), ended.set)
    await ended.wait()

    assert [str(error) for error in reports] == ["a bug"]


async def test_a_task_that_succeeds_ends_nothing(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, ["http://a"], {}))
    port = make(settings, make_metrics()).port
    done, given_up = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        done.set()

    port.spawn(work(), given_up.set)
    await done.wait()
    await asyncio.sleep(0)

    assert not given_up.is_set()
