"""An unexpected error in one place affects nothing else, and is reported."""

import asyncio

import pytest

from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.exchange.response_stream import ResponseStream
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.server_pool import ServerPool
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.exchange.test_response_stream import EVENT, stream
from tests.proxy.gateways import EXPIRED, RunningGateway, bearer
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_answer, read_head
from tests.proxy.service import Service
from tests.proxy.wire import Wire, connect


@pytest.fixture
async def reports() -> list[str]:
    """What was reported."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(f"{context['message']}: {context['exception']}")
    )
    return reported


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """Let the first call of a method fail."""
    method = getattr(owner, name)
    calls = []

    def failing(self: object, *args: object) -> object:
        calls.append(self)
        if len(calls) == 1:
            raise RuntimeError(name)
        return method(self, *args)

    monkeypatch.setattr(owner, name, failing)


async def switch(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(SWITCHED)
    await wire.wait_lost()


async def hang(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await wire.wait_lost()


async def test_an_error_is_reported(reports: list[str]) -> None:
    report_unexpected_error("here", RuntimeError("a bug"))

    assert reports == ["here: a bug"]


async def test_sending_after_the_end_of_a_connection_loses_no_piece_of_another(
    service: Service, reports: list[str]
) -> None:
    """The transports of the loop raise then; all pieces after that one were lost."""
    first, second = [await connect(service.address) for _ in range(2)]
    write_buffer = WriteBuffer(asyncio.get_running_loop())
    first.end()

    write_buffer.put(first.transport, b"too late")
    write_buffer.put(second.transport, (b"GET / HTTP/1.1\r\n", b"\r\n"))

    assert (await read_answer(second)).body == b"hello"
    await first.wait_lost()
    assert reports == [
        "unexpected error while sending: Cannot call write() after write_eof()",
    ]
    second.close()


@pytest.mark.parametrize("method", ["token_ended", "timed_out"])
async def test_a_stream_that_cannot_end_is_cut_and_the_others_end(
    method: str,
    service: Service,
    gateway: RunningGateway,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were due with it were forgotten: their tunnels never ended."""
    service.script = switch
    clients = [await gateway.connect() for _ in range(3)]
    for client in clients:
        client.send(make_request("/socket/", bearer(), *UPGRADE))
        assert (await read_head(client)).status == 101
    fail_once(monkeypatch, ResponseStream, method)

    gateway.pass_time(EXPIRED)
    gateway.pass_time(6)

    for client in clients:
        await client.wait_end()
    assert reports[0].endswith(method)
    assert len(reports) == 1
    assert gateway.metric("gateway_tunnels_open") == 0


@pytest.mark.parametrize("method", ["expire", "check_exchange"])
async def test_a_client_whose_timeout_fails_is_cut_and_the_timeouts_of_others_hold(
    method: str, start_gateway: StartGateway, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start_gateway(timeouts={"idle": "200ms", "head": "200ms"})
    fail_once(monkeypatch, ClientConnection, method)

    clients = [await gateway.connect() for _ in range(3)]

    for client in clients:
        await client.wait_end()
    assert reports == [f"unexpected error in the timeout of a client: {method}"]


@pytest.mark.parametrize(
    ("method", "drain"),
    [
        ("close_when_idle", {"deadline": "30s", "streams": "0s"}),
        ("end_lasting", {"deadline": "30s", "streams": "0s"}),
        ("end_now", "100ms"),
    ],
)
async def test_a_client_that_fails_to_drain_is_cut_and_the_others_drain(
    method: str,
    drain: object,
    service: Service,
    start_gateway: StartGateway,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.script = stream()
    gateway = await start_gateway(drain=drain)
    clients = [await gateway.connect() for _ in range(3)]
    for client in clients:
        client.send(make_request("/open/"))
        await client.read_until(EVENT)
    fail_once(monkeypatch, ClientConnection, method)

    await asyncio.wait_for(gateway.gateway.drain(), LIMIT_SECONDS)

    for client in clients:
        await client.wait_end()
    assert reports == [f"unexpected error while draining a client: {method}"]


async def test_a_health_check_with_an_unexpected_error_is_repeated(
    service: Service,
    start_gateway: StartGateway,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail_once(monkeypatch, ServerPool, "open_alone")
    await start_gateway(upstream={"health": {"path": "/healthz", "interval": "20ms"}})

    await service.request()

    assert reports == ["unexpected error in a health check: open_alone"]


async def test_a_server_whose_timeout_fails_is_cut_and_the_timeouts_of_others_hold(
    service: Service,
    start_gateway: StartGateway,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.script = hang
    gateway = await start_gateway(upstream={"response_timeout": "200ms"})
    fail_once(monkeypatch, ServerConnection, "expire")

    answers = await asyncio.gather(*(gateway.ask(make_request("/open/")) for _ in range(3)))

    assert sorted(answer.status for answer in answers) == [502, 504, 504]
    assert reports == ["unexpected error in the timeout of a server: expire"]
