"""TERM under load: no request that was sent is lost (HOSTILE 93)."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.cli.run.test_command import Running, running
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import write_config
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client
from tests.proxy.messages import Message, make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.websocket_peers import connected, running_server
from tests.proxy.wire import Wire, connect

ALL_OPEN = [{"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}]

SOCKETS = {
    "name": "sockets",
    "match": {"path_prefix": "/ws/"},
    "upstream": "sockets",
    "public": True,
    "upgrades": ["websocket"],
}

STEADY_CLIENTS = 200
LASTING_CLIENTS = 20
HELD_REQUESTS = 100
IDLE_CLIENTS = 50
HTTP_2_CLIENTS = 8


class Slow:
    """A script that answers each request with its target; some only once it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.held = 0

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            if request.target.startswith(b"/held"):
                self.held += 1
                await self.released.wait()
            wire.send(make_answer(request.target))


@asynccontextmanager
async def started(
    directory: Path, service: Service, *, workers: int = 1, **drain: str
) -> AsyncIterator[Running]:
    changes = {"workers": workers, "routes": ALL_OPEN, "drain": drain}
    with running(write_config(directory, [service.url], changes)) as gateway:
        yield gateway


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)


def target_of(number: int, turn: int, one: int) -> str:
    return f"/steady/{number}/{turn}/{one}"


async def ask_until_told(gateway: Running, number: int, answered: list[int]) -> None:
    """Ask on one connection, several requests at a time, until it is said to end."""
    client = await connect(gateway.data)
    for turn in range(1_000_000):
        targets = [target_of(number, turn, one) for one in range(number % 4 + 1)]
        client.send(b"".join(map(make_request, targets)))
        answers = [await read_answer(client) for _ in targets]
        assert [answer.status for answer in answers] == [200] * len(targets)
        assert [answer.body.decode() for answer in answers] == targets
        answered[number] += 1
        if answers[-1].all(b"connection") == [b"close"]:
            await end_in_order(client)
            return


async def end_in_order(client: Wire) -> None:
    """Wait for the end of a connection, which is no reset."""
    await client.wait_end()
    assert client.unread == b""
    client.close()
    await client.wait_lost()
    assert client.error is None


async def ready(gateway: Running) -> Message:
    wire = await connect(gateway.admin)
    host = "{}:{}".format(*gateway.admin)
    wire.send(make_request("/readyz", "Connection: close", host=host))
    answer = await read_answer(wire)
    wire.close()
    return answer


@pytest.mark.parametrize("workers", [1, 2])
async def test_every_request_that_was_sent_is_answered(tmp_path: Path, workers: int) -> None:
    """Of clients that never pause, of those that wait, and of those that come too late to know."""
    async with running_service() as service:
        service.script = slow = Slow()
        async with started(tmp_path, service, workers=workers, deadline="20s") as gateway:
            idle = [await connect(gateway.data) for _ in range(IDLE_CLIENTS)]
            held = [await connect(gateway.data) for _ in range(HELD_REQUESTS)]
            for number, client in enumerate(held):
                client.send(make_request(f"/held/{number}"))
            answered = [0] * STEADY_CLIENTS
            steady = [
                asyncio.create_task(ask_until_told(gateway, number, answered))
                for number in range(STEADY_CLIENTS)
            ]
            await until(lambda: slow.held == HELD_REQUESTS and all(answered))

            gateway.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*steady)
            slow.released.set()

            for number, client in enumerate(held):
                answer = await read_answer(client)
                assert (answer.status, answer.body) == (200, b"/held/%d" % number)
                assert answer.one(b"connection") == b"close"
            await asyncio.gather(*map(end_in_order, (*held, *idle)))
            with pytest.raises(ConnectionRefusedError):
                await connect(gateway.data)
            assert await asyncio.to_thread(gateway.wait) == 0


async def speak_http2(gateway: Running, is_tls: bool) -> Http2Client:
    """Return a client of HTTP/2 that the gateway has answered: by ALPN, or with prior knowledge."""
    context = None
    if is_tls:
        context = trusting()
        context.set_alpn_protocols(["h2"])
    host, port = gateway.data
    _, wire = await asyncio.get_running_loop().create_connection(
        Wire, host, port, ssl=context, server_hostname=host if is_tls else None
    )
    client = Http2Client(wire)
    client.begin()
    assert (await client.fetch(request_fields(b"/x"))).status == 200
    return client


async def announced(client: Http2Client) -> None:
    """Wait until the client knows the last stream that is served."""

    def are_both_there() -> bool:
        client.read()
        return len(client.goaways) > 1

    await client.wire.wait_for(are_both_there)


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "TLS"])
async def test_streams_of_http_2_are_answered_and_their_connections_told(
    tmp_path: Path, is_tls: bool
) -> None:
    """9113.16: those of each of two workers."""
    changes: dict[str, Any] = {"workers": 2, "routes": ALL_OPEN, "drain": {"deadline": "20s"}}
    if is_tls:
        write_pair(tmp_path, AUTHORITY.issue_cert("127.0.0.1"))
        tls = {"certificate": "server.pem", "key": "server.key"}
        changes["listen"] = {"address": "127.0.0.1:0", "tls": tls}
    async with running_service() as service:
        service.script = slow = Slow()
        with running(write_config(tmp_path, [service.url], changes)) as gateway:
            idle, *clients = [await speak_http2(gateway, is_tls) for _ in range(HTTP_2_CLIENTS + 1)]
            held = [client.ask(request_fields(b"/held")) for client in clients]
            await until(lambda: slow.held == HTTP_2_CLIENTS)

            gateway.process.send_signal(signal.SIGTERM)

            for client in (idle, *clients):
                await announced(client)
            assert not any(client.is_gone for client in clients)
            slow.released.set()
            for client, number in zip(clients, held, strict=True):
                await client.wait_gone()
                assert client.stream(number).label == "200"
                assert client.goaways[:2] == [(2**31 - 1, 0), (number, 0)]
            await idle.wait_gone()
            assert {code for _, code in idle.goaways} == {0}
            for client in (idle, *clients):
                client.wire.close()
            assert await asyncio.to_thread(gateway.wait) == 0


async def send_events(service: Service, wire: Wire) -> None:
    """Answer with a stream of events that has no end."""
    await service.read_request(wire)
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while not wire.has_ended:
        wire.send(b"id: 1\ndata: one\n\n")
        await asyncio.sleep(0.02)


async def read_events(session: aiohttp.ClientSession, url: str, begun: list[str]) -> bytes:
    """Return what came when the answer has ended; one that is cut is an error."""
    async with session.get(f"{url}/events") as answer:
        first = await answer.content.readuntil(b"\n\n")
        begun.append(url)
        return first + await answer.content.read()


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_lasts_ends_in_its_own_words(tmp_path: Path, workers: int) -> None:
    """WebSockets between clients and a service of the `websockets` library, and event streams."""
    async with (
        running_service() as service,
        running_server("websockets") as sockets,
        AsyncExitStack() as stack,
    ):
        service.script = send_events
        changes = {
            "workers": workers,
            "upstreams": {
                "main": {"servers": [service.url]},
                "sockets": {"servers": [sockets.url]},
            },
            "routes": [*ALL_OPEN, SOCKETS],
            "drain": {"deadline": "20s", "streams": "200ms"},
        }
        gateway = stack.enter_context(running(write_config(tmp_path, [], changes)))
        url = "http://{}:{}".format(*gateway.data)
        clients = [
            await stack.enter_async_context(connected("websockets", f"{url}/ws/{number}"))
            for number in range(LASTING_CLIENTS)
        ]
        ends = [await sockets.peers.get() for _ in clients]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        begun: list[str] = []
        streams = [
            asyncio.create_task(read_events(session, url, begun)) for _ in range(LASTING_CLIENTS)
        ]
        await until(lambda: len(begun) == len(streams))

        gateway.process.send_signal(signal.SIGTERM)

        seen = await asyncio.gather(*(end.receive() for end in (*clients, *ends)))
        assert seen == [("closed", 1001)] * 2 * LASTING_CLIENTS
        for events in await asyncio.gather(*streams):
            assert events.replace(b"id: 1\ndata: one\n\n", b"") == b""
        assert await asyncio.to_thread(gateway.wait) == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_it_is_not_ready_before_the_socket_closes(tmp_path: Path, workers: int) -> None:
    async with (
        running_service() as service,
        started(tmp_path, service, workers=workers, delay="1h") as gateway,
    ):
        assert (await ready(gateway)).status == 200
        gateway.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_SECONDS):
            while (answer := await ready(gateway)).status == 200:
                pass
        assert b'"draining"' in answer.body

        async with asyncio.timeout(LIMIT_SECONDS):
            while not (await ask_late(gateway)).has(b"connection"):
                pass  # not all of the workers have heard
        for _ in range(20):
            assert (await ask_late(gateway)).status == 200

        gateway.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.wait) == 128 + signal.SIGTERM


async def ask_late(gateway: Running) -> Message:
    client = await connect(gateway.data)
    client.send(make_request("/"))
    answer = await read_answer(client)
    client.close()
    await client.wait_lost()
    assert client.error is None
    return answer


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_deadline_is_kept_and_says_so(tmp_path: Path, workers: int) -> None:
    async with running_service() as service:
        service.script = slow = Slow()
        async with started(tmp_path, service, workers=workers, deadline="200ms") as gateway:
            client = await connect(gateway.data)
            client.send(make_request("/held"))
            await until(lambda: slow.held == 1)

            gateway.process.send_signal(signal.SIGTERM)

            answer = await read_answer(client)
            assert (answer.status, answer.one(b"connection")) == (504, b"close")
            await end_in_order(client)
            assert await asyncio.to_thread(gateway.wait) == 0


async def test_workers_whose_supervisor_is_gone_leave_the_port_to_another(tmp_path: Path) -> None:
    """Nobody is told any more that they are not ready: a delay would only be in the way."""
    async with (
        running_service() as service,
        started(tmp_path, service, workers=2, delay="1h") as gateway,
    ):
        client = await connect(gateway.data)
        client.send(make_request("/"))
        await read_answer(client)

        gateway.process.send_signal(signal.SIGKILL)

        await end_in_order(client)
        async with asyncio.timeout(LIMIT_SECONDS):
            while await is_taken(gateway.data):
                pass


async def is_taken(address: tuple[str, int]) -> bool:
    try:
        client = await connect(address)
    except ConnectionRefusedError:
        return False
    client.close()
    return True
