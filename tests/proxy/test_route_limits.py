"""A route has times and a size of body of its own; other routes keep those of all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.messages import make_answer, make_chunked, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire


def route(name: str, **more: Any) -> dict[str, Any]:
    match = {"path_prefix": f"/{name}/"}
    return {"name": name, "match": match, "upstream": "main", "public": True, **more}


ROUTES = [
    route("usual"),
    route("small", limits={"body": "16B"}),
    route("large", limits={"body": "unlimited"}),
    route("quick", timeouts={"response": "1m"}),
    route("brief", timeouts={"total": "1m"}),
]
UPSTREAM = {"response_timeout": "10m", "stall_timeout": "10m"}
USUAL_BYTES = 1000
LIMITS = {"body": f"{USUAL_BYTES}B"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def gateway(service: Service, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    changes = {"routes": ROUTES, "limits": LIMITS, "upstream": UPSTREAM}
    path = write_config(tmp_path, [service.url], changes)
    async with running_gateway(load(path)) as running:
        yield running


@pytest.mark.parametrize(
    ("target", "size", "status"),
    [
        ("/small/x", 16, 200),
        ("/small/x", 17, 413),
        ("/usual/x", USUAL_BYTES, 200),
        ("/usual/x", USUAL_BYTES + 1, 413),
        ("/large/x", 100 * USUAL_BYTES, 200),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_as_large_as_its_route_allows(
    gateway: RunningGateway, service: Service, target: str, size: int, status: int, chunked: bool
) -> None:
    body = b"x" * size
    request = make_request(target, method="POST", body=body)
    if chunked:
        head = make_request(target, b"Transfer-Encoding: chunked", method="POST")
        request = head + make_chunked(body)

    answer = await gateway.ask(request)

    assert answer.status == status
    if status == 200:
        assert service.requests[0].body == body
    else:
        assert all(request.body != body for request in service.requests)


async def test_a_body_after_another_request_is_as_large_as_its_own_route_allows(
    gateway: RunningGateway, service: Service
) -> None:
    """It is read before it is known which route it is for."""
    wire = await gateway.connect()
    wire.send(make_request("/usual/x") + make_request("/small/x", method="POST", body=b"x" * 17))

    assert (await read_answer(wire)).status == 200
    assert (await read_answer(wire)).status == 413
    assert [request.target for request in service.requests] == [b"/usual/x"]


async def hang(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await asyncio.Event().wait()


async def test_a_service_has_as_long_as_the_route_allows_to_begin_its_response(
    gateway: RunningGateway, service: Service
) -> None:
    """The others have the time of their upstream."""
    service.script = hang
    usual, quick = [await gateway.connect() for _ in range(2)]
    usual.send(make_request("/usual/x"))
    quick.send(make_request("/quick/x"))
    await service.request(1)

    gateway.expire(120)

    answer = await read_answer(quick)
    assert answer.status == 504
    assert b"upstream_timeout" in answer.body
    assert usual.received == b""


async def test_the_time_begins_with_the_end_of_the_request(
    gateway: RunningGateway, service: Service
) -> None:
    wire = await gateway.connect()
    wire.send(make_request("/quick/x", b"Content-Length: 2", method="POST") + b"a")
    peer = await service.connection()
    await peer.wait_for(lambda: peer.received.endswith(b"a"))

    gateway.expire(120)  # longer than the route gives its service
    wire.send(b"b")

    assert (await read_answer(wire)).status == 200


async def test_an_exchange_takes_no_longer_in_all_than_the_route_allows(
    gateway: RunningGateway, service: Service
) -> None:
    async def begin(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx")

    service.script = begin
    usual, brief = [await gateway.connect() for _ in range(2)]
    usual.send(make_request("/usual/x"))
    await usual.read_until(b"\r\n\r\nx")
    brief.send(make_request("/brief/x"))
    await brief.read_until(b"\r\n\r\nx")

    gateway.expire(120)

    await brief.wait_end()
    assert brief.unread == b""
    (await service.connection()).send(b"y")
    assert await usual.read(1) == b"y"


async def test_what_a_service_says_of_caches_and_encodings_is_passed_on_as_it_is(
    gateway: RunningGateway, service: Service
) -> None:
    lines = (
        b"Cache-Control: public, max-age=31536000, immutable",
        b"Content-Encoding: br",
        b"Vary: Accept-Encoding",
        b'ETag: "a"',
        b"Age: 7",
    )

    async def answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"\x0b\x02\x80hello\x03", *lines))

    service.script = answer
    got = await gateway.ask(make_request("/usual/x", b"Accept-Encoding: br;q=1, gzip;q=0.5"))

    assert got.body == b"\x0b\x02\x80hello\x03"
    for line in lines:
        name, _, value = line.partition(b": ")
        assert got.all(name.lower()) == [value]
    assert service.requests[0].one(b"accept-encoding") == b"br;q=1, gzip;q=0.5"


async def test_a_response_is_passed_on_as_it_comes(
    gateway: RunningGateway, service: Service
) -> None:
    """Nothing is kept back until there is more of it."""
    go_on = asyncio.Event()

    async def slowly(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        await go_on.wait()
        wire.send(b"b")

    service.script = slowly
    wire = await gateway.connect()
    wire.send(make_request("/usual/x"))

    await wire.read_until(b"\r\n\r\na")
    go_on.set()

    assert await wire.read(1) == b"b"
