"""A reload keeps the slots in use and what was learned; an unlimited route has no limits."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.limits.adaptive_limit import START
from gateway.settings.values.configuration import Settings
from tests.proxy.concurrency.test_concurrency_limits import (
    WHOLE,
    Script,
    has_one_slot,
    hold,
    route,
)
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, serve

LATE = {"overload": {"target": "10s"}}


@pytest.fixture
def script(service: Service) -> Script:
    service.script = script = Script()
    return script


def reload(gateway: RunningGateway, **limits: Any) -> None:
    """Go on under the same settings, but for *limits*."""
    settings: Settings = gateway.gateway.data._serving.settings
    fetched = gateway.gateway.fetched
    wanted = replace(settings, limits=replace(settings.limits, **limits))
    gateway.gateway.data.use(wanted, fetched.central)


def allowed(gateway: RunningGateway) -> float:
    return gateway.metric("gateway_upstream_requests_allowed", upstream="main")


async def test_a_reload_keeps_the_slots_of_requests_in_flight(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(routes=[route("api", 1)], limits={"requests": 1})
    held = await hold(gateway, service)

    reload(gateway)

    assert (await gateway.ask(WHOLE)).status == 503
    script.may_go.release()
    assert (await read_answer(held)).status == 200
    await has_one_slot(gateway, service, script)


async def test_a_lowered_limit_cuts_no_request_and_admits_none(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(routes=[route("api")], limits={"requests": 2})
    first, second = [await hold(gateway, service) for _ in range(2)]

    reload(gateway, requests=1)
    script.may_go.release()
    assert (await read_answer(first)).status == 200

    assert (await gateway.ask(WHOLE)).status == 503
    script.may_go.release()
    assert (await read_answer(second)).status == 200
    await has_one_slot(gateway, service, script)


async def test_a_limit_that_was_removed_and_added_again_counts_from_then_on(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(routes=[route("api")], limits={"requests": 1})
    held = await hold(gateway, service)

    reload(gateway, requests=None)
    assert (await gateway.ask(WHOLE)).status == 200
    reload(gateway, requests=1)
    script.may_go.release()
    assert (await read_answer(held)).status == 200

    await has_one_slot(gateway, service, script)


async def test_without_limits_no_route_has_concurrency_limits(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(routes=[route("api"), route("other", priority="high")])

    port = gateway.gateway.data._serving.port
    assert [one.limits for one in port.routes] == [None, None]
    assert allowed(gateway) == 0


async def test_what_was_learned_about_an_upstream_survives_a_reload(
    start_gateway: StartGateway, service: Service
) -> None:
    service.script = serve(make_answer(b"too much to do", status=503))
    gateway = await start_gateway(routes=[route("api")], upstream=LATE)
    assert allowed(gateway) == START

    assert (await gateway.ask(WHOLE)).status == 503
    assert allowed(gateway) == START - 1
    reload(gateway)

    assert allowed(gateway) == START - 1
    assert (await gateway.ask(make_request("/api/x"))).body == b"too much to do"
