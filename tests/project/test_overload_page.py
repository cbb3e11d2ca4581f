"""`docs/overload.md`: its example behaves as it shows."""

import re
from pathlib import Path

import yaml

from gateway.limits.concurrency_limit import usable_slots
from gateway.settings.values.route_options import Priority
from tests.project.console import fence_of
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import bearer, load, running_gateway, write_config
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire

__all__ = ["pytest_asyncio_loop_factories"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "overload.md").read_text()
SHOWN = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "X-Request-Id": "xxxxxxxxxxxxxx-xxxxxxxxx"}


async def never_answer_a_first(service: Service, wire: Wire) -> None:
    while True:
        request = await service.read_request(wire)
        if len(service.requests) > 1:
            wire.send(make_answer(request.target))


async def test_the_example_runs_as_it_is_shown(tmp_path: Path) -> None:
    example = yaml.safe_load(fence_of(PAGE, "version: 1\n"))
    changes = {name: example[name] for name in ("limits", "routes", "upstreams")}
    report, order = (make_request(target, bearer()) for target in ("/reports/1", "/orders/1"))
    async with running_service() as service:
        service.script = never_answer_a_first
        changes["upstreams"]["shop"]["servers"] = [service.url]
        settings = load(write_config(tmp_path, [service.url], changes))
        async with running_gateway(settings) as gateway:
            first = await gateway.connect()
            first.send(report)
            await service.request()
            wire = await gateway.connect()
            wire.send(report)
            answer = await read_answer(wire)
            assert (await gateway.ask(order)).status == 200

    lines = [answer.start.decode()]
    for name, value in answer.fields:
        lines.append(f"{name.decode()}: {SHOWN.get(name.decode(), value.decode())}")
    assert "\n".join(lines) + "\n" == fence_of(PAGE, "HTTP/1.1 503")


def test_the_places_of_each_priority_are_those_described() -> None:
    low, normal, high = usable_slots(200, set(Priority))
    text = " ".join(PAGE.split())

    assert re.search(rf"\b{high}\b[^.]*`low`\D*{low}\b[^.]*`normal`\D*{normal}\b", text)
