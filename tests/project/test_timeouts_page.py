"""`docs/timeouts.md`: its example has the limits that it shows."""

import re
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path

import pytest
import yaml

from gateway.settings.values.configuration import Settings
from tests.project.console import find_fences
from tests.proxy.gateways import bearer, load, make_token, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service
from tests.settings.configs import config
from tests.settings.configs import load as load_text

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "timeouts.md").read_text()
(EXAMPLE,) = (yaml.safe_load(fence.body) for fence in find_fences(TEXT) if fence.language == "yaml")
MIB = 1024**2


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose header begins with *heading*."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [re.split(r" *\| *", line.strip("| ")) for line in table.splitlines()]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
def settings(service: Service, tmp_path: Path) -> Settings:
    sections = {**EXAMPLE, "upstreams": {"files": {**EXAMPLE["upstreams"]["files"]}}}
    sections["upstreams"]["files"]["servers"] = [service.url]
    return load(write_config(tmp_path, [], sections))


def test_each_route_of_the_example_has_the_times_and_the_size_that_are_said(
    settings: Settings,
) -> None:
    said = {name: (response, total, body) for name, response, total, body in rows("route")}

    assert said == {
        route.name: (
            f"{options.response_timeout_seconds:g} s",
            "unlimited" if options.total_seconds == inf else f"{options.total_seconds:g} s",
            str(options.body_bytes),
        )
        for route, options in zip(
            settings.policy.routes.routes, settings.route_options, strict=True
        )
    }


async def test_an_upload_may_be_larger_than_all_else(settings: Settings, service: Service) -> None:
    body = b"x" * (2 * MIB)
    token = bearer(make_token("files:write"))
    async with running_gateway(settings) as gateway:
        upload = await gateway.ask(make_request("/uploads/a", token, method="PUT", body=body))
        other = await gateway.ask(make_request("/other", token, method="PUT", body=body))

    assert (upload.status, other.status) == (200, 413)
    assert [request.target for request in service.requests] == [b"/uploads/a"]
    assert service.requests[0].body == body


def test_without_any_of_it_a_body_has_no_limit(tmp_path: Path) -> None:
    assert load_text(tmp_path, config()).route_options[0].body_bytes is None
