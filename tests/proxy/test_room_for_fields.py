"""What the gateway adds counts toward no limit of what came, and services have room for it.

Gunicorn, Tomcat, Apache httpd and Python's own ``http.client`` refuse a head with more than 100
fields unless they are told otherwise.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.schema.models import LimitsModel
from tests.assertion.callers import signing_pem
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import Message, make_answer, make_request, read_head
from tests.proxy.service import Service, echo, serve
from tests.telemetry.collector import Collector, running_collector

# The smallest limit that is usual among services, and ours.
SERVICE_FIELDS = 100
OUR_FIELDS = LimitsModel().fields

# What a request may have besides the fields that are counted.
TRACE = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FORWARDED = [
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: shop.example",
    "Forwarded: for=203.0.113.9",
    "Via: 1.1 front",
]
BASIC = "Authorization: Basic YTpi"


def made_up(count: int) -> list[bytes | str]:
    return [f"X-Made-Up-{number}: {number}" for number in range(count)]


@pytest.fixture(name="collector")
async def make_collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


async def start(
    start_gateway: StartGateway, directory: Path, collector: Collector, **changes: Any
) -> RunningGateway:
    """Start a gateway that adds all that it can without being told what."""
    (directory / "key.pem").write_bytes(signing_pem("ES256"))
    return await start_gateway(
        identity={
            "forward_token": True,
            "assertion": {"issuer": "https://gateway.example/", "keys": ["key.pem"]},
        },
        tracing={"otlp": collector.url, "sample": 1.0},
        trusted_proxies=["127.0.0.1"],
        **changes,
    )


@pytest.mark.parametrize(
    ("target", "lines", "body"),
    [
        ("/api/x", [bearer()], None),
        ("/api/x", [bearer()], b"body"),
        ("/api/x", [bearer(), TRACE, "tracestate: a=1"], None),
        ("/api/x", [bearer(), *FORWARDED], None),
        ("/open/x", [BASIC, *FORWARDED, TRACE], b"body"),
        ("/maybe/x", [bearer()], None),
    ],
    ids=["a token", "a body", "a trace", "a proxy in front", "no token", "an optional token"],
)  # fmt: skip
async def test_a_service_gets_no_more_fields_than_it_takes_of_the_largest_request_we_take(
    target: str,
    lines: list[str | bytes],
    body: bytes | None,
    start_gateway: StartGateway,
    service: Service,
    collector: Collector,
    tmp_path: Path,
) -> None:
    service.script = echo
    gateway = await start(start_gateway, tmp_path, collector)
    method = "GET" if body is None else "POST"
    token = bearer(make_token(client_id="shop", jti="one"))
    lines = [token if line == bearer() else line for line in lines]
    counted = len(lines) - 1 + (body is not None)  # Authorization is not

    def ask(count: int) -> bytes:
        return make_request(target, *lines, *made_up(count - counted), method=method, body=body)

    largest = await gateway.ask(ask(OUR_FIELDS))
    larger = await gateway.ask(ask(OUR_FIELDS + 1))

    assert [largest.status, larger.status] == [200, 431]
    (request,) = service.requests
    assert len(request.fields) <= SERVICE_FIELDS, len(request.fields)
    assert request.has(b"x-made-up-0")


async def test_a_handshake_leaves_room_too(
    start_gateway: StartGateway, service: Service, collector: Collector, tmp_path: Path
) -> None:
    service.script = serve(SWITCHED)
    gateway = await start(start_gateway, tmp_path, collector)
    lines: list[bytes | str] = [bearer(), *UPGRADE]

    wire = await gateway.connect()
    wire.send(make_request("/socket/x", *lines, *made_up(OUR_FIELDS - len(UPGRADE))))

    assert (await read_head(wire)).status == 101
    assert len(service.requests[0].fields) <= SERVICE_FIELDS


async def test_what_is_added_to_a_request_counts_toward_no_limit_of_it(
    start_gateway: StartGateway, service: Service, collector: Collector, tmp_path: Path
) -> None:
    """Of the fields, and of the size of the head: a token may say more than a head may have."""
    service.script = echo
    lines: list[bytes | str] = [bearer(make_token(sub="s" * 600)), *made_up(3)]
    head = make_request("/api/x", *lines)
    routes = [
        {
            "name": "api",
            "match": {"path_prefix": "/api/"},
            "upstream": "main",
            "require": {},
            "rewrite": {"request_headers": {"set": {f"X-Ours-{n}": "o" * 90 for n in range(50)}}},
        }
    ]
    limits = {"fields": 3, "head": f"{len(head)}B"}
    gateway = await start(start_gateway, tmp_path, collector, limits=limits, routes=routes)

    answers = [await gateway.ask(head) for _ in range(2)]
    too_many = await gateway.ask(make_request("/api/x", *lines, "X-One-More: x"))

    assert [answer.status for answer in (*answers, too_many)] == [200, 200, 431]
    assert all(request.has(b"x-ours-49") for request in service.requests)
    assert sum(len(name) + len(value) for name, value in service.requests[0].fields) > 3 * len(head)


async def test_what_is_added_to_a_response_counts_toward_no_limit_of_it(
    start_gateway: StartGateway, service: Service
) -> None:
    route = {
        "name": "api",
        "match": {"path_prefix": "/api/"},
        "upstream": "main",
        "require": {},
        "cors": {"origins": ["https://app.example.com"]},
        "rate_limits": ["each"],
        "rewrite": {"answer_headers": {"set": {f"X-Ours-{n}": "ours" for n in range(50)}}},
    }
    gateway = await start_gateway(
        routes=[route], rate_limits={"each": {"rate": "1000/1h", "key": "subject"}}
    )

    async def ask(count: int) -> Message:
        lines = [b"X-Theirs-%d: %d" % (number, number) for number in range(count)]
        service.script = serve(make_answer(b"hello", b"Connection: close", *lines))
        return await gateway.ask(
            make_request("/api/x", bearer(), "Origin: https://app.example.com")
        )

    largest, larger = await ask(255), await ask(256)  # and Content-Length

    assert [largest.status, larger.status] == [200, 502]
    assert largest.body == b"hello"
    for name in (b"x-theirs-254", b"x-ours-49", b"ratelimit", b"access-control-allow-origin"):
        assert largest.has(name), name
    assert len(largest.fields) > 256 + 50
