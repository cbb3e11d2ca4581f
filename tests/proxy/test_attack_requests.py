"""Requests that are refused, cut off or repeated leave nothing behind on their connection."""

import asyncio
import socket
from collections.abc import Callable

from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, serve
from tests.proxy.wire import Wire

SHORT = {"head": "300ms", "idle": "300ms", "body": "300ms"}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the gateway does by itself."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0)


def raw_send(wire: Wire, data: bytes) -> None:
    """Send *data* at once, not in a later turn of the loop."""
    raw = wire.transport.get_extra_info("socket")
    twin = socket.socket(fileno=socket.dup(raw.fileno()))
    with twin:
        twin.send(data)


def raw_end(wire: Wire) -> None:
    """Send the end at once."""
    raw = wire.transport.get_extra_info("socket")
    twin = socket.socket(fileno=socket.dup(raw.fileno()))
    with twin:
        twin.shutdown(socket.SHUT_WR)


async def test_9112_9_5_a_client_whose_refused_body_has_ended_has_no_more_time_than_any_other(
    start_gateway: StartGateway,
) -> None:
    """Else whoever has no token holds a connection for ever."""
    gateway = await start_gateway(timeouts=SHORT)
    wire = await gateway.connect()
    wire.send(make_request("/api/x", "Content-Length: 10", method="POST"))
    assert (await read_answer(wire)).status == 401

    wire.send(b"0123456789")

    await wire.wait_end()


async def test_9112_9_5_a_client_that_half_closes_and_reads_nothing_more_is_cut(
    service: Service, start_gateway: StartGateway
) -> None:
    """Its end closes the connection behind the last answer, which it need not ever take."""
    gateway = await start_gateway(timeouts=SHORT)
    service.script = serve(make_answer(b"x" * 250_000))
    wire = await gateway.connect(receive_bytes=4096)
    wire.stop_reading()
    client = gateway.only_client()
    unsent = client.transport.get_write_buffer_size
    while not unsent():
        asked = len(service.requests)
        wire.send(make_request("/open/x"))
        # What does not go out any more holds up the next request, too.
        while not unsent() and (len(service.requests) == asked or client.requests_in_flight() > 0):  # noqa: ASYNC110
            await asyncio.sleep(0)

    wire.end()

    await until(lambda: gateway.metric("gateway_connections_open") == 0)


async def test_9112_9_3_the_connection_stays_after_a_whole_body_that_was_refused(
    start_gateway: StartGateway,
) -> None:
    """The client was held while its body waited for a server; there was none."""
    gateway = await start_gateway(["http://127.0.0.1:1"])
    wire = await gateway.connect()
    wire.send(make_request("/open/x", method="POST", body=b"x" * 60_000))
    refused = await read_answer(wire)
    assert refused.status == 502
    assert not refused.has(b"connection")

    wire.send(make_request("/nowhere"))

    assert (await read_answer(wire)).status == 404


async def test_9112_9_3_1_a_body_that_comes_while_its_request_is_sent_again_is_not_lost(
    service: Service, gateway: RunningGateway
) -> None:
    """Cut short it would be another body, or take the next request for its end."""
    wire = await gateway.connect()
    wire.send(make_request("/open/first"))
    await read_answer(wire)
    kept = await service.connection()

    # Both in one turn: the request goes out on a connection that was just closed.
    raw_send(wire, make_request("/open/x", "Transfer-Encoding: chunked", method="POST"))
    raw_end(kept)
    client = gateway.only_client()
    await until(lambda: client.requests_in_flight() == 1)
    raw_send(wire, b"5\r\nfirst\r\n")
    await service.connection(1)
    wire.send(b"4\r\nlast\r\n0\r\n\r\n")

    assert (await read_answer(wire)).status == 200
    assert (await service.request(1)).body == b"firstlast"


async def test_a_repeated_head_counts_target_and_fields_toward_one_limit(
    start_gateway: StartGateway,
) -> None:
    """RFC 6585 §5: the limit of a head holds whatever is remembered of it."""
    gateway = await start_gateway(limits={"head": "4KiB", "target": "4KiB"})
    wire = await gateway.connect()
    field = "X-Long: " + "a" * 1500
    wire.send(make_request("/open/x", field))
    assert (await read_answer(wire)).status == 200

    wire.send(make_request("/open/" + "y" * 3500, field))

    assert (await read_answer(wire)).status == 431
