"""What one stream suffers, no other does; and for what a service does, no client pays."""

import asyncio

from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.h2.frames import Setting, headers, request_fields, window_update
from tests.proxy.h2.wire import Http2Client
from tests.proxy.messages import make_answer, read_head
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire

_LARGE = bytes(1_000_000)


async def begin(gateway: RunningGateway, *values: tuple[int, int]) -> Http2Client:
    client = Http2Client(await gateway.connect())
    client.begin(values) if values else client.begin()
    await client.wait_read()
    return client


async def breaks_off(service: Service, wire: Wire) -> None:
    """Answer with less than was announced, but whole where the target asks for it."""
    request = await service.read_request(wire)
    if request.target.endswith(b"/whole"):
        wire.send(make_answer(b"whole"))
        return
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    wire.close()


async def test_a_service_that_breaks_off_resets_streams_and_never_ends_the_connection(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-8671: resets are charged to a client that causes them, not to one that suffers."""
    service.script = breaks_off
    client = await begin(gateway)

    for _ in range(200):
        stream = await client.fetch(request_fields(b"/open/half"))
        assert stream.label.startswith("reset "), client.goaways
    last = await client.fetch(request_fields(b"/open/whole"))

    assert (last.label, bytes(last.body)) == ("200", b"whole")


async def test_a_service_that_reads_nothing_holds_back_its_own_stream_alone(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9113 §5.2.2: credit is given as the service takes the bytes."""

    async def script(service: Service, wire: Wire) -> None:
        while True:
            head = await read_head(wire)
            if head.target == b"/open/slow":
                wire.stop_reading()
                await asyncio.Event().wait()
            wire.send(make_answer(b"quick"))

    service.script = script
    client = await begin(gateway)
    client.send(headers(1, request_fields(b"/open/slow", method=b"POST"), ends=False))
    client.skip_to(3)
    uploading = asyncio.ensure_future(client.upload(1, bytes(50_000_000)))

    for _ in range(20):
        stream = await client.fetch(request_fields(b"/open/quick"))
        assert stream.body == b"quick"
    # All that was read and not passed on is what two kernels and one window hold.
    assert client.uploaded_bytes < 20_000_000
    uploading.cancel()


async def test_a_client_without_room_holds_back_its_own_streams_and_is_given_up(
    service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9113 §10.5: a window of nothing, and a hundred responses of a megabyte."""

    async def script(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            wire.send(make_answer(_LARGE))

    service.script = script
    gateway = await start_gateway()
    client = await begin(gateway, (Setting.INITIAL_WINDOW_SIZE, 0))
    numbers = [client.ask(request_fields(b"/open/large")) for _ in range(100)]
    async with asyncio.timeout(LIMIT_SECONDS):
        while not all(client.stream(number).final for number in numbers):
            assert await client.wait_read()

    # Another client is served, and one of these streams too, once it has room.
    service.script = echo
    assert (await gateway.ask(b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n")).body == b"/open/x "
    client.send(window_update(numbers[7], 2_000_000))
    await client.wait_over(numbers[7])
    assert len(client.stream(numbers[7]).body) == len(_LARGE)

    # What the gateway holds of the rest is bounded, and so is the time.
    gateway.expire(3600)
    await client.wait_over(*numbers)
    assert all(client.is_gone or client.stream(number).is_over for number in numbers)
