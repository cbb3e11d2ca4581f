"""Servers are checked periodically; an unhealthy one gets no requests until it is healthy again."""

import logging
from collections.abc import AsyncIterator

import pytest

from gateway.settings.values.balancing import HealthCheck
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.load import running_load
from tests.proxy.messages import make_answer, make_request
from tests.proxy.pools import eventually, make_pool
from tests.proxy.service import Service, running_service
from tests.proxy.test_failing_services import server_metric, state_of
from tests.proxy.wire import Wire

HEALTH = {
    "path": "/healthz",
    "interval": "20ms",
    "timeout": "2s",
    "unhealthy_after": 2,
    "healthy_after": 2,
}


class Patient:
    """Responds to checks with *status*, and to all else with 200; *served* counts the latter."""

    def __init__(self) -> None:
        self.status = 200
        self.checks = 0
        self.served = 0

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            if request.target == b"/healthz":
                self.checks += 1
                wire.send(make_answer(status=self.status) if self.status else b"nonsense\r\n\r\n")
            else:
                self.served += 1
                wire.send(make_answer(b"ok"))


@pytest.fixture
async def second() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def gateway(service: Service, second: Service, start_gateway: StartGateway) -> RunningGateway:
    service.script, second.script = Patient(), Patient()
    return await start_gateway([service.url, second.url], upstream={"health": HEALTH})


def patient(service: Service) -> Patient:
    assert isinstance(service.script, Patient)
    return service.script


@pytest.mark.parametrize("status", [500, 0], ids=["500", "nonsense"])
async def test_an_unhealthy_server_gets_nothing_until_it_is_healthy_again(
    service: Service,
    second: Service,
    gateway: RunningGateway,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ill, name = patient(service), service.url.removeprefix("http://")
    with caplog.at_level(logging.WARNING):
        async with running_load(gateway, 4) as load:
            ill.status = status
            await eventually(lambda: state_of(gateway, service) == "unhealthy")
            await load.more(8)  # those that had begun
            served = ill.served
            await load.more(50)
            assert ill.served == served

            ill.status = 200
            await load.until(lambda: ill.served > served + 10)

    assert load.failed == set()
    assert state_of(gateway, service) == "up"
    ill_words, well_words = caplog.messages
    assert ill_words.startswith(f"upstream main: {name} is unhealthy: its health check ")
    assert well_words == f"upstream main: {name} is healthy again"
    assert server_metric(gateway, "failed_checks_total", service) >= 2
    assert server_metric(gateway, "failed_checks_total", second) == 0
    assert server_metric(gateway, "checks_total", second) > 0


async def test_if_all_are_unhealthy_all_are_used(
    service: Service, second: Service, gateway: RunningGateway
) -> None:
    for one in (service, second):
        patient(one).status = 500
    await eventually(lambda: gateway.metric("gateway_upstream_panics", upstream="main") == 1)

    answers = [await gateway.ask(make_request("/open/")) for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4
    assert [patient(one).served for one in (service, second)] == [2, 2]


async def test_checks_end_with_the_gateway(
    service: Service, second: Service, gateway: RunningGateway
) -> None:
    await eventually(lambda: patient(service).checks > 0)

    await gateway.stop()

    (checks,) = (pool._checks for pool in gateway.gateway.data._serving.pools)
    assert checks is not None
    await eventually(lambda: not checks._running)


async def test_checks_of_a_former_configuration_end_with_it(
    service: Service, second: Service, gateway: RunningGateway
) -> None:
    data, fetched = gateway.gateway.data, gateway.gateway.fetched
    (former,) = (pool._checks for pool in data._serving.pools)
    assert former is not None

    data.use(data._serving.settings, fetched.central)

    await eventually(lambda: not former._running)
    checks = patient(service).checks
    await eventually(lambda: patient(service).checks > checks + 2)
    assert not former._running


async def test_the_first_checks_are_spread_over_time() -> None:
    check = HealthCheck("/healthz", 5.0, 2.0, 3, 2, ((200, 299),), 0.0)
    luck = iter((0.25, 0.75))
    pool = make_pool("http://10.0.0.1", "http://10.0.0.2", health=check, chance=lambda: next(luck))

    pool.expire(1000.0)

    assert [one.health.due_at for one in pool._members.all] == [1000.25, 1000.75]
    assert pool._checks is not None
    assert not pool._checks._running
