"""Clients that send or read by drops, services that stop in the middle, and who is waited for.

Where something must not be cut, a client on another route shows that the time for it has passed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.recording.test_record import Log
from tests.proxy.service import Service, echo
from tests.proxy.test_attack_requests import until
from tests.proxy.wire import Cut, Wire

GRACE = "3s"  # a drop comes within it, however busy the machine
BRIEF = "300ms"
DROP_SECONDS = 0.02
LARGE = 10_000_000  # bytes of an answer, more than all buffers take
FULL = 100_000  # bytes of a body, of which too many wait for a server
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
UPGRADE = ("Connection: Upgrade", "Upgrade: echo")


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Log:
    return Log(capfd)


def route(name: str, **more: Any) -> dict[str, Any]:
    match = {"path_prefix": f"/{name}/"}
    return {"name": name, "match": match, "upstream": "main", "public": True, **more}


async def drip(client: Wire) -> None:
    """Send a byte of a body now and then, for ever."""
    while not client.has_ended:
        client.send(b"x")
        await asyncio.sleep(DROP_SECONDS)


@asynccontextmanager
async def dripping(client: Wire, target: str, length: int = 1_000_000) -> AsyncIterator[None]:
    client.send(make_request(target, f"Content-Length: {length}", method="POST"))
    task = asyncio.get_running_loop().create_task(drip(client))
    try:
        yield
    finally:
        task.cancel()


async def sip(client: Wire) -> None:
    """Read a thousand bytes now and then, for ever."""
    while not client.transport.is_closing():
        client.read_on()
        enough = len(client.received) + 1000
        await client.wait_for(partial(has_come, client, enough))
        client.stop_reading()
        await asyncio.sleep(0.01)


def has_come(client: Wire, size: int) -> bool:
    return len(client.received) >= size or client.is_lost


async def flood(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        await wire.wait_writable()
        wire.send(bytes(65536))


async def stop_in_the_answer(service: Service, wire: Wire) -> None:
    request = await service.read_request(wire)
    kind = request.target.rpartition(b"/")[2].replace(b"-", b"/", 1)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: 8\r\n\r\nhalf" % kind)
    await wire.wait_lost()


async def until_cut(gateway: RunningGateway, target: str = "/brief/text-plain") -> None:
    """Wait until a service that stops in the middle of its answer has had its time."""
    client = await gateway.connect()
    client.send(make_request(target))
    with pytest.raises(Cut):
        await read_answer(client)


# --- bodies


async def test_a_body_that_drips_is_408_and_the_service_gets_no_whole_one(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """slowhttptest -B: each byte comes in time, and the whole never."""
    gateway = await start_gateway(timeouts={"body": BRIEF}, access_log="stdout")
    client = await gateway.connect()

    async with dripping(client, "/open/"):
        answer = await read_answer(client)
        assert (answer.status, answer.one(b"connection")) == (408, b"close")
        await client.wait_end()

    peer = await service.connection()
    await peer.wait_end()
    assert service.requests == []
    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"]) == (408, "request_timeout")
    assert line["detail"] == "the client sent its body too slowly"


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b"1;an=extension\r\nx\r\n"),
        (b"4\r\nbody\r\n1;an=extension", b"x"),
        (b"4\r\nbody\r\n0\r\n", b"X: trailer\r\n"),
    ],
)
async def test_a_chunked_body_that_drips_is_408_too(
    service: Service, start_gateway: StartGateway, first: bytes, drop: bytes
) -> None:
    """Sizes, extensions and trailers are no bytes of a body."""
    gateway = await start_gateway(timeouts={"body": BRIEF})
    client = await gateway.connect()
    client.send(make_request("/open/", "Transfer-Encoding: chunked", method="POST"))
    client.send(first)
    while not client.received:
        client.send(drop)
        await asyncio.sleep(DROP_SECONDS)

    assert (await read_answer(client)).status == 408
    await client.wait_end()
    assert service.requests == []


async def test_a_body_that_drips_after_a_refusal_ends_with_the_connection(
    service: Service, start_gateway: StartGateway
) -> None:
    """It would have been read and dropped, so that the connection serves on: for a month."""
    gateway = await start_gateway(timeouts={"body": BRIEF})
    client = await gateway.connect()

    async with dripping(client, "/api/", 60_000):
        assert (await read_answer(client)).status == 401
        await client.wait_end()

    assert service.received == b""


async def test_a_route_can_take_a_body_however_slowly_it_comes(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = echo
    routes = [route("slow", limits={"body_rate": "unlimited"}), route("usual")]
    gateway = await start_gateway(timeouts={"body": GRACE}, routes=routes)
    slow, usual = await gateway.connect(), await gateway.connect()

    async with dripping(slow, "/slow/"), dripping(usual, "/usual/"):
        assert (await read_answer(usual)).status == 408

    sent = len((await service.connection()).received)
    assert sent
    slow.send(bytes(1_000_000))  # more than is left
    assert (await read_answer(slow)).status == 200


async def test_a_route_can_ask_for_more_than_all_others(
    service: Service, start_gateway: StartGateway
) -> None:
    routes = [route("strict", limits={"body_rate": "1GiB"})]
    limits = {"body_rate": "unlimited"}
    gateway = await start_gateway(timeouts={"body": BRIEF}, limits=limits, routes=routes)
    client = await gateway.connect()

    async with dripping(client, "/strict/"):
        assert (await read_answer(client)).status == 408


def begin_body(client: Wire) -> Callable[[], None]:
    client.send(make_request("/open/body", f"Content-Length: {2 * FULL}", method="POST"))
    client.send(bytes(FULL))
    return lambda: client.send(bytes(FULL))


def expect_continue(client: Wire) -> Callable[[], None]:
    lines = ("Expect: 100-continue", "Content-Length: 4")
    client.send(make_request("/open/body", *lines, method="POST"))
    return lambda: client.send(b"body")


@pytest.mark.parametrize("begin", [begin_body, expect_continue])
async def test_a_client_that_waits_for_the_gateway_is_not_slow(
    service: Service,
    start_gateway: StartGateway,
    begin: Callable[[Wire], Callable[[], None]],
) -> None:
    """There is no connection for it yet, so we read no more of it, or did not ask for it."""
    released = asyncio.Event()

    async def wait_then_echo(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await released.wait()
        wire.send(make_answer(b"first"))
        await echo(service, wire)

    service.script = wait_then_echo
    gateway = await start_gateway(
        upstream={"max_connections": 1, "queue": {"timeout": "1h"}}, timeouts={"body": BRIEF}
    )
    busy, client, other = [await gateway.connect() for _ in range(3)]
    busy.send(make_request("/open/busy"))
    await service.request()
    goes_on = begin(client)
    await until(lambda: gateway.metric("gateway_upstream_queued", upstream="main") == 1)

    for _ in range(3):  # each of them has had its time by then
        async with dripping(other, "/open/"):
            assert (await read_answer(other)).status == 408
        other = await gateway.connect()

    assert not client.received
    released.set()
    if begin is expect_continue:
        assert (await read_head(client)).status == 100
    goes_on()
    assert (await read_answer(client)).status == 200


async def test_a_body_after_a_request_that_waits_is_not_slow(
    service: Service, start_gateway: StartGateway
) -> None:
    """It is not read before its turn, and the request in front is not its client's to delay."""
    released = asyncio.Event()

    async def wait_then_echo(service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        if request.target.endswith(b"first"):
            await released.wait()
        wire.send(make_answer(b"done"))
        await echo(service, wire)

    service.script = wait_then_echo
    gateway = await start_gateway(timeouts={"body": BRIEF})
    client = await gateway.connect()
    head = make_request("/open/second", "Content-Length: 8", method="POST")
    client.send(make_request("/open/first") + head + b"half")
    await service.request()

    for _ in range(3):
        other = await gateway.connect()
        async with dripping(other, "/open/"):
            assert (await read_answer(other)).status == 408

    assert not client.received
    released.set()
    assert (await read_answer(client)).status == 200
    client.send(b"half")
    assert (await read_answer(client)).status == 200


# --- answers


async def test_a_client_that_reads_by_drops_is_cut_and_the_service_told(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """slowhttptest -X: it takes some now and then, but of a gigabyte that is nothing."""
    service.script = flood
    gateway = await start_gateway(
        timeouts={"body": BRIEF}, limits={"read_rate": "1GiB"}, access_log="stdout"
    )
    client = await gateway.connect(receive_bytes=4096)
    client.send(make_request("/open/"))

    await asyncio.gather(sip(client), (await service.connection()).wait_lost())

    with pytest.raises(Cut):
        await read_answer(client)
    assert isinstance(client.error, ConnectionResetError)
    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"]) == (200, "request_timeout")
    assert line["detail"] == "the client read the response too slowly"


async def test_a_route_can_allow_any_reading_speed(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = flood
    routes = [route("slow", limits={"read_rate": "unlimited"}), route("usual")]
    gateway = await start_gateway(
        timeouts={"body": GRACE}, limits={"read_rate": "1GiB"}, routes=routes
    )
    slow, usual = [await gateway.connect(receive_bytes=4096) for _ in range(2)]
    slow.send(make_request("/slow/"))
    await service.request()
    usual.send(make_request("/usual/"))
    await service.request(1)
    task = asyncio.get_running_loop().create_task(sip(slow))

    await sip(usual)

    assert not task.done()
    task.cancel()
    slow.read_on()
    await slow.wait_for(lambda: len(slow.received) > 10_000_000)


async def test_the_rest_of_the_last_response_is_not_read_by_drops_either(
    service: Service, start_gateway: StartGateway
) -> None:
    body = bytes(20_000_000)

    async def answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(body))

    service.script = answer
    gateway = await start_gateway(timeouts={"body": BRIEF}, limits={"read_rate": "1GiB"})
    client = await gateway.connect(receive_bytes=4096)
    client.send(make_request("/open/", "Connection: close"))

    await sip(client)

    with pytest.raises(Cut):
        await read_answer(client)
    await until(lambda: gateway.metric("gateway_connections_open") == 0)


@pytest.mark.parametrize("second", [(), UPGRADE])
async def test_a_client_that_reads_nothing_slows_down_a_service_that_it_had_to_wait_for(
    service: Service, start_gateway: StartGateway, second: tuple[str, ...]
) -> None:
    """There was no connection yet when the answer before filled all buffers."""
    most, sent = 64 * 1024 * 1024, 0

    async def answer_then_flood(service: Service, wire: Wire) -> None:
        nonlocal sent
        request = await service.read_request(wire)
        if request.target.endswith(b"first"):
            wire.send(make_answer(bytes(60_000), b"Connection: close"))
            return
        wire.send(UPGRADED if second else b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while sent < most:
            await wire.wait_writable()
            wire.send(bytes(65536))
            sent += 65536

    service.script = answer_then_flood
    gateway = await start_gateway(routes=[route("any", upgrades=["echo"])])
    client = await gateway.connect(receive_bytes=4096)
    client.stop_reading()
    client.send(make_request("/any/first") + make_request("/any/second", *second))
    await service.request(1)

    assert await gateway.wait_still(lambda: sent) < most / 3

    client.read_on()
    await client.wait_for(partial(has_come, client, most))


async def test_a_tunnel_whose_client_reads_nothing_is_cut(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """A tunnel may be silent for an hour; but here there is something to take."""

    async def switch_and_flood(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(UPGRADED)
        while True:
            await wire.wait_writable()
            wire.send(bytes(65536))

    service.script = switch_and_flood
    gateway = await start_gateway(
        timeouts={"body": BRIEF}, routes=[route("echo", upgrades=["echo"])], access_log="stdout"
    )
    client = await gateway.connect(receive_bytes=4096)
    client.send(make_request("/echo/", *UPGRADE))
    await client.read_until(b"\r\n\r\n")
    client.stop_reading()

    await (await service.connection()).wait_lost()

    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"]) == (101, "request_timeout")


# --- services


async def test_a_service_that_stops_in_the_middle_of_its_response_is_cut(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    service.script = stop_in_the_answer
    gateway = await start_gateway(upstream={"stall_timeout": BRIEF}, access_log="stdout")

    await until_cut(gateway, "/open/text-plain")

    await (await service.connection()).wait_end()
    labels = {"upstream": "main", "reason": "upstream_timeout"}
    assert gateway.metric("gateway_upstream_failures_total", **labels) == 1
    (line,) = await log.lines(gateway)
    assert (line["status"], line["reason"]) == (200, "upstream_timeout")
    assert line["detail"] == "the upstream stopped in the middle of its response"


@pytest.mark.parametrize(
    "kind", ["text-event-stream", "application-grpc-web+proto", "multipart-x-mixed-replace"]
)
async def test_a_response_that_lasts_may_pause_as_long_as_a_tunnel(
    service: Service, start_gateway: StartGateway, kind: str
) -> None:
    service.script = stop_in_the_answer
    routes = [route("brief")]
    gateway = await start_gateway(upstream={"stall_timeout": BRIEF}, routes=routes)
    client = await gateway.connect()
    client.send(make_request(f"/brief/{kind}"))
    await client.read_until(b"half")

    for _ in range(3):
        await until_cut(gateway)

    (await service.connection()).send(b"half")
    assert await client.read(4) == b"half"


async def test_a_route_can_let_its_service_pause_for_longer(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = stop_in_the_answer
    routes = [route("long", timeouts={"stall": "1h"}), route("brief")]
    gateway = await start_gateway(upstream={"stall_timeout": BRIEF}, routes=routes)
    client = await gateway.connect()
    client.send(make_request("/long/text-plain"))
    await client.read_until(b"half")

    for _ in range(3):
        await until_cut(gateway)

    (await service.connection()).send(b"half")
    assert await client.read(4) == b"half"


async def test_a_service_that_waits_for_the_rest_of_the_request_does_not_stall(
    service: Service, start_gateway: StartGateway
) -> None:
    """It began its answer early; it may be what the client sends that comes back."""

    async def begin_early(service: Service, wire: Wire) -> None:
        if b"early" not in await wire.read_until(b"\r\n\r\n"):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            await wire.wait_lost()
            return
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        wire.send(await wire.read(4))

    service.script = begin_early
    gateway = await start_gateway(upstream={"stall_timeout": BRIEF}, routes=[route("brief")])
    client = await gateway.connect()
    client.send(make_request("/brief/early", "Content-Length: 4", method="POST"))
    await client.read_until(b"half")

    for _ in range(3):
        await until_cut(gateway)

    client.send(b"rest")
    assert await client.read(4) == b"rest"


async def test_a_service_whose_response_is_not_read_does_not_stall(
    service: Service, start_gateway: StartGateway
) -> None:
    """Nor where the rest of the request comes meanwhile, and the service waits for nothing else."""

    async def answer_at_once(service: Service, wire: Wire) -> None:
        if b"/brief/" in await wire.read_until(b"\r\n\r\n"):
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            await wire.wait_lost()
            return
        wire.send(make_answer(bytes(LARGE)))
        await wire.wait_lost()

    service.script = answer_at_once
    routes = [route("brief"), route("large")]
    gateway = await start_gateway(upstream={"stall_timeout": BRIEF}, routes=routes)
    client = await gateway.connect(receive_bytes=4096)
    client.send(make_request("/large/", "Content-Length: 4", method="POST"))
    await client.wait_for(lambda: bool(client.received))
    client.stop_reading()
    peer = await service.connection()
    client.send(b"rest")
    await peer.wait_for(lambda: peer.received.endswith(b"rest"))

    for _ in range(3):
        await until_cut(gateway)

    client.read_on()
    assert len((await read_answer(client)).body) == LARGE
