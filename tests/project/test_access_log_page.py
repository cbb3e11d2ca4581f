"""`docs/access-log.md`: its lines are those that the gateway writes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.project.console import find_fences, settle
from tests.proxy.gateways import bearer, load, make_token, running_gateway, write_config
from tests.proxy.messages import make_answer, make_request
from tests.proxy.service import running_service, serve

PAGE = (Path(__file__).parents[2] / "docs" / "access-log.md").read_text()
EXAMPLES = {
    fence.tag.removeprefix("examples: "): fence.body
    for fence in find_fences(PAGE)
    if fence.tag.startswith("examples: ")
}

ROUTES: list[Mapping[str, Any]] = [
    {
        "name": "read-order",
        "match": {"path": "/tenants/{tenant}/orders/{id}"},
        "upstream": "main",
        "require": {"claims": {"tenant": {"equals": "{path.tenant}"}}},
    }
]

# The requests whose lines the page shows: of a browser, without a token, for another tenant's
# order, of a program, and malformed.
AGENT = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)"
PAGE_BEFORE = "Referer: https://shop.example.com/cart?id=7"
ORDER = "/tenants/acme/orders/7?expand=items"


def requests() -> list[bytes]:
    token = bearer(make_token(tenant="acme"))
    trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    host = "api.example.com"
    return [
        make_request(ORDER, token, AGENT, PAGE_BEFORE, host=host),
        make_request(ORDER, AGENT, PAGE_BEFORE, host=host),
        make_request("/tenants/globex/orders/7", token, trace, host=host),
        make_request("/tenants/acme/orders/8", token, 'User-Agent: a "b"', method="PUT", host=host,
                     body=b'{"count": 2}'),
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ]  # fmt: skip


async def lines(form: str, folder: Path, capture: pytest.CaptureFixture[str]) -> str:
    """Return the log lines of the requests of the page."""
    changes = {"access_log": {"to": "stdout", "format": form}, "routes": ROUTES}
    async with running_service() as service:
        service.script = serve(make_answer(b'{"id": 7, "status": "paid"}'))
        path = write_config(folder, [service.url], changes)
        async with running_gateway(load(path)) as gateway:
            for request in requests():
                await gateway.ask(request)
    return capture.readouterr().out


@pytest.mark.parametrize("form", ["json", "combined"])
async def test_the_lines_of_the_page_are_real(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written = await lines(form, tmp_path, capfd)

    assert clock(settle(written)) == clock(settle(EXAMPLES[form]))
    assert len(EXAMPLES[form].splitlines()) == len(requests())


def clock(text: str) -> str:
    return re.sub(r"\[\d\d/\w{3}/\d{4}(:\d\d){3} \+0000\]", "[time]", text)


def test_every_format_has_its_examples() -> None:
    assert set(EXAMPLES) == {"json", "combined"}


def test_the_members_of_the_json_lines_are_the_ones_described_in_their_order() -> None:
    section = PAGE.partition("## JSON")[2].partition("## Combined")[0]
    described = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    shown = [list(json.loads(line)) for line in EXAMPLES["json"].splitlines()]

    # The requests of the page have none of these.
    unseen = {"would_deny", "login", "also", "iss", "protocol", "grpc_status"}
    rare = {"trace_id", *unseen}
    for names in shown:
        assert [name for name in described if name in names] == names
        assert set(described) - set(names) <= rare
    assert {name for names in shown for name in names} >= set(described) - unseen
