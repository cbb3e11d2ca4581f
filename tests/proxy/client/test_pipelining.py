"""Pipelined requests are answered one at a time; the input behind them waits as bytes."""

import asyncio
import gc

import pytest

from gateway.proxy.exchange.exchange import Exchange
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.messages import make_answer, make_chunked, make_request, read_answer
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire


def count_exchanges() -> int:
    return sum(type(item) is Exchange for item in gc.get_objects())


async def test_responses_come_in_the_order_of_the_requests(service: Service, client: Wire) -> None:
    service.script = echo
    targets = ["/open/1", "/nowhere", "/open/2", "/api/refused", "/open/3"]
    client.send(b"".join(make_request(target) for target in targets))

    answers = [await read_answer(client) for _ in targets]

    assert [answer.status for answer in answers] == [200, 404, 200, 401, 200]
    assert [answers[number].body for number in (0, 2, 4)] == [b"/open/1 ", b"/open/2 ", b"/open/3 "]


async def test_a_half_closed_client_gets_its_pipelined_responses_if_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = echo
    client = await (await start_gateway(half_close="answer")).connect()
    client.send(make_request("/open/1") + make_request("/open/2"))
    client.end()

    assert [(await read_answer(client)).body for _ in range(2)] == [b"/open/1 ", b"/open/2 "]
    await client.wait_end()


async def test_requests_behind_one_that_closes_are_not_answered(
    service: Service, client: Wire
) -> None:
    client.send(make_request("/open/", "Connection: close") + make_request("/open/behind"))

    answer = await read_answer(client)

    assert answer.one(b"connection") == b"close"
    assert await client.read_to_end() == b""
    assert len(service.requests) == 1


async def test_thousands_of_requests_behind_a_slow_one_are_not_all_parsed(
    service: Service, gateway: RunningGateway
) -> None:
    """A request takes twenty times the memory of its bytes; and 9,000 fit into one read."""
    released = asyncio.Event()

    async def answer_late(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            await released.wait()
            wire.send(make_answer(b"late"))

    service.script = answer_late
    client = await gateway.connect()
    client.send(make_request("/open/") + make_request("/nowhere") * 9000)
    await service.request()
    (await gateway.connect()).send(make_request("/nowhere"))
    await gateway.ask(make_request("/nowhere"))

    assert count_exchanges() < 50

    released.set()
    assert (await read_answer(client)).body == b"late"
    for _ in range(9000):
        assert (await read_answer(client)).status == 404


async def test_requests_of_all_kinds_in_one_write_are_answered_in_order(
    service: Service, client: Wire
) -> None:
    """Pieces may end in the middle of heads, bodies and chunks (RFC 9112 §9.3)."""
    service.script = echo
    asked: list[tuple[bytes, bytes]] = []
    for size in (0, 1, 3000, 5000, 70_000, 200_000):
        body = bytes(65 + number % 23 for number in range(size))
        fixed = make_request(f"/open/fixed-{size}", method="POST", body=body)
        pieces = [body[start : start + 700] for start in range(0, size, 700)]
        chunked = make_request(f"/open/chunked-{size}", "Transfer-Encoding: chunked", method="POST")
        long = make_request(f"/open/long-{size}", "X-Long: " + "x" * (size % 9000))
        asked += [
            (fixed, f"/open/fixed-{size} ".encode() + body),
            (chunked + make_chunked(*pieces), f"/open/chunked-{size} ".encode() + body),
            (long, f"/open/long-{size} ".encode()),
            (make_request(f"/api/refused-{size}"), b"token_missing"),
        ]
    client.send(b"".join(request for request, _ in asked))

    for _, expected in asked:
        answer = await read_answer(client)
        assert answer.body == expected if answer.status == 200 else expected in answer.body


async def test_a_body_of_single_bytes_arrives_whole(service: Service, client: Wire) -> None:
    """A piece may end between any two of its chunks (CVE-2025-69229)."""
    service.script = echo
    body = bytes(97 + number % 26 for number in range(60_000))
    head = make_request("/open/", "Transfer-Encoding: chunked", method="POST")
    client.send(head + make_chunked(*(body[at : at + 1] for at in range(len(body)))))

    assert (await read_answer(client)).body == b"/open/ " + body


async def test_requests_far_behind_one_that_closes_are_never_started(
    service: Service, client: Wire
) -> None:
    client.send(make_request("/open/", "Connection: close") + make_request("/open/again") * 500)

    assert (await read_answer(client)).status == 200
    await client.wait_end()
    assert [request.target for request in service.requests] == [b"/open/"]


async def test_a_fault_far_behind_good_requests_is_refused_in_order(
    service: Service, client: Wire
) -> None:
    service.script = echo
    client.send(make_request("/open/") * 300 + b"GET /open/ HTTP/1.1\r\nHost gateway.test\r\n\r\n")

    for _ in range(300):
        assert (await read_answer(client)).status == 200
    assert (await read_answer(client)).status == 400
    await client.wait_end()
    assert len(service.requests) == 300


async def test_a_half_closed_client_gets_thousands_of_responses_if_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    """Far more than are read at once."""
    service.script = echo
    client = await (await start_gateway(half_close="answer")).connect()
    client.send(make_request("/open/") * 2000)
    client.end()

    for _ in range(2000):
        assert (await read_answer(client)).status == 200
    await client.wait_end()


@pytest.mark.parametrize("behind", [b"\r\n" * 4000, b"\r\n" * 4000 + b"GET /open"])
async def test_empty_lines_or_half_a_head_behind_requests_do_not_disable_timeouts(
    service: Service, start_gateway: StartGateway, behind: bytes
) -> None:
    """A connection without a timeout would never be freed."""
    gateway = await start_gateway(timeouts={"head": "300ms", "idle": "300ms"})
    client = await gateway.connect()
    client.send(make_request("/open/") + behind)

    assert (await read_answer(client)).status == 200
    await client.wait_end()


async def test_bytes_far_behind_an_upgrade_are_refused(
    service: Service, gateway: RunningGateway
) -> None:
    """What is sent before the 101 was never meant for a tunnel (CVE-2025-64763)."""
    client = await gateway.connect()
    upgrade = make_request(
        "/socket/",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        bearer(),
    )
    filler = make_request("/nowhere", "X: " + "x" * (4096 - len(upgrade) - 44))
    client.send(filler + upgrade + b"tunnel bytes" * 1000)

    assert (await read_answer(client)).status == 404
    assert (await read_answer(client)).status == 400
    await client.wait_end()
    assert b"tunnel" not in service.received


async def test_a_drain_answers_all_received_requests_and_closes_with_the_last(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = echo
    client = await gateway.connect()
    client.send(make_request("/open/") * 500)
    await service.request()
    await gateway.gateway.drain()

    answers = [await read_answer(client) for _ in range(500)]
    await client.wait_end()
    assert [answer.all(b"connection") for answer in answers] == [[]] * 499 + [[b"close"]]
    assert len(service.requests) == 500
