"""WebSocket and other upgrades: a tunnel of bytes, if the route and the token allow one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, good_token, make_token
from tests.proxy.handshakes import KEY, SWITCHED, UPGRADE, VERSION
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.service import Script, Service
from tests.proxy.service import serve as answer_with
from tests.proxy.wire import Wire

# --- with a real WebSocket library at both ends


class EchoServer:
    """Sends every message back; remembers the close code and what came with the handshake."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[tuple[int | None, str | None]] = (
            asyncio.get_running_loop().create_future()
        )
        self.subjects: list[str] = []
        self.authorizations: list[str] = []

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        headers = connection.request.headers
        self.subjects += headers.get_all("X-Gateway-Subject")
        self.authorizations += headers.get_all("Authorization")
        try:
            while True:
                message = await connection.recv()
                if message == "close, please":
                    await connection.close(4321, "as you wish")
                else:
                    await connection.send(message)
        except ConnectionClosed:
            self.closed.set_result((connection.close_code, connection.close_reason))


@asynccontextmanager
async def echo_server() -> AsyncIterator[tuple[EchoServer, str]]:
    echo = EchoServer()
    async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        host, port = next(iter(server.sockets)).getsockname()
        yield echo, f"http://{host}:{port}"


@pytest.fixture
async def echo_url(tmp_path: Path) -> AsyncIterator[tuple[EchoServer, str]]:
    async with echo_server() as (echo, url):
        yield echo, url


def open_socket(
    gateway: RunningGateway, token: bytes | None, path: str = "/socket/chat"
) -> connect:
    host, port = gateway.address
    headers = {} if token is None else {"Authorization": f"Bearer {token.decode()}"}
    return connect(
        f"ws://{host}:{port}{path}", additional_headers=headers, max_size=None, proxy=None
    )


async def test_messages_pass_both_ways(
    echo_url: tuple[EchoServer, str], start_gateway: StartGateway
) -> None:
    echo, url = echo_url
    gateway = await start_gateway([url])

    async with open_socket(gateway, make_token(sub="bob")) as socket:
        for message in ("text ✓", b"\x00\xff", "", "x" * (1 << 20), bytes(1 << 20)):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(iter(["in ", "several ", "fragments"]))
        assert await socket.recv() == "in several fragments"
        await (await socket.ping())
        assert gateway.metric("gateway_tunnels_open") == 1

    assert echo.subjects == ["bob"]
    assert echo.authorizations == []


async def test_close_codes_pass_both_ways(
    echo_url: tuple[EchoServer, str], start_gateway: StartGateway
) -> None:
    echo, url = echo_url
    gateway = await start_gateway([url])

    socket: ClientConnection = await open_socket(gateway, good_token())
    await socket.close(4000, "done here")
    assert await echo.closed == (4000, "done here")

    echo.closed = asyncio.get_running_loop().create_future()
    socket = await open_socket(gateway, good_token())
    await socket.send("close, please")
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert (socket.close_code, socket.close_reason) == (4321, "as you wish")


async def test_tunnels_are_counted_until_they_end(
    echo_url: tuple[EchoServer, str], start_gateway: StartGateway
) -> None:
    gateway = await start_gateway([echo_url[1]])

    async with open_socket(gateway, good_token()):
        assert gateway.metric("gateway_tunnels_open") == 1
    await gateway.wait_still(lambda: int(gateway.metric("gateway_tunnels_open")))

    assert gateway.metric("gateway_tunnels_open") == 0
    assert gateway.metric("http_server_active_requests") == 0


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/socket/chat", None, 401),
        ("/socket/chat", b"a.b.c", 401),
        ("/api/chat", good_token(), 501),
        ("/open/chat", None, 501),
    ],
)
async def test_an_upgrade_needs_a_token_and_a_route_that_allows_it(
    service: Service, gateway: RunningGateway, path: str, token: bytes | None, status: int
) -> None:
    """9110.8."""
    with pytest.raises(InvalidStatus) as refusal:
        await open_socket(gateway, token, path)

    assert refusal.value.response.status_code == status
    assert service.received == b""


# --- with raw bytes


def switch(*pieces: bytes) -> Script:
    """Return a script that switches protocols, sends *pieces*, then echoes all in capitals."""

    async def script(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(SWITCHED + b"".join(pieces))
        while True:
            wire.send((await wire.read(1)).upper())

    return script


async def open_tunnel(gateway: RunningGateway, path: str = "/open-socket/") -> Wire:
    client = await gateway.connect()
    client.send(make_request(path, *UPGRADE))
    assert (await read_head(client)).status == 101
    return client


async def test_a_tunnel_begins_with_what_came_after_the_101(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = switch(b"at once")
    client = await open_tunnel(gateway)

    assert await client.read(7) == b"at once"
    client.send(b"more")
    assert await client.read(4) == b"MORE"


async def test_the_gateway_writes_the_upgrade_request_itself(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = switch()
    client = await gateway.connect()
    client.send(
        make_request(
            "/open-socket/",
            "Connection: Upgrade, X-Hop",
            "Upgrade: WebSocket",
            "X-Hop: 1",
            KEY,
            VERSION,
        )
    )
    assert (await read_head(client)).one(b"upgrade") == b"websocket"

    head = bytes((await service.connection()).received)
    assert b"\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n" in head
    assert b"X-Hop" not in head


@pytest.mark.parametrize("end", [Wire.end, Wire.close])
async def test_the_end_of_the_clients_side_reaches_the_service(
    service: Service, gateway: RunningGateway, end: object
) -> None:
    service.script = switch()
    client = await open_tunnel(gateway)
    client.send(b"x")
    await client.read(1)

    (Wire.end if end is Wire.end else Wire.close)(client)

    await (await service.connection()).wait_end()


async def test_a_half_closed_tunnel_still_carries_the_other_way(
    service: Service, gateway: RunningGateway
) -> None:
    async def answer_at_the_end(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(SWITCHED)
        await wire.wait_end()
        wire.send(b"all: " + wire.unread)
        wire.close()

    service.script = answer_at_the_end
    client = await open_tunnel(gateway)
    client.send(b"everything")
    client.end()

    assert await client.read_to_end() == b"all: everything"


@pytest.mark.parametrize("end", [Wire.close, Wire.reset])
async def test_the_end_of_the_services_side_reaches_the_client(
    service: Service, gateway: RunningGateway, end: object
) -> None:
    async def switch_and_leave(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(SWITCHED)
        await wire.read(1)
        (Wire.reset if end is Wire.reset else Wire.close)(wire)

    service.script = switch_and_leave
    client = await open_tunnel(gateway)
    client.send(b"x")

    await client.wait_end()


async def test_a_reset_of_the_client_ends_the_tunnel(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = switch()
    client = await open_tunnel(gateway)

    client.reset()

    await (await service.connection()).wait_end()


async def test_a_silent_tunnel_is_ended(service: Service, start_gateway: StartGateway) -> None:
    service.script = switch()
    gateway = await start_gateway(timeouts={"tunnel": "200ms"})
    client = await open_tunnel(gateway)

    await client.wait_end()
    await (await service.connection()).wait_end()


async def test_a_tunnel_whose_service_stops_reading_is_ended(
    service: Service, start_gateway: StartGateway
) -> None:
    """The idle timeout of the tunnel still applies while the service reads nothing."""

    async def stop_reading(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(SWITCHED)
        wire.stop_reading()

    service.script = stop_reading
    gateway = await start_gateway(timeouts={"tunnel": "500ms"})
    client = await open_tunnel(gateway)

    while not client.is_blocked and not client.is_lost:
        client.send(bytes(65536))
        await asyncio.sleep(0)

    await client.wait_lost()


async def test_a_slow_end_of_a_tunnel_makes_the_other_wait(
    service: Service, gateway: RunningGateway
) -> None:
    sent = 0

    async def flood(service: Service, wire: Wire) -> None:
        nonlocal sent
        await read_head(wire)
        wire.send(SWITCHED)
        while sent < 100 * 1024 * 1024:
            await wire.wait_writable()
            wire.send(bytes(65536))
            sent += 65536

    service.script = flood
    client = await gateway.connect(receive_bytes=65536)
    client.send(make_request("/open-socket/", *UPGRADE))
    await read_head(client)
    client.stop_reading()

    assert await gateway.wait_still(lambda: sent) < 34 * 1024 * 1024


DECLINED = {
    "200": make_answer(b"not here"),
    "200_with_upgrade": make_answer(b"not here", b"Upgrade: websocket"),
    "426": make_answer(b"not here", b"Sec-WebSocket-Version: 13", status=426),
}


@pytest.mark.parametrize("answer", DECLINED.values(), ids=DECLINED)
async def test_a_response_other_than_101_makes_no_tunnel(
    service: Service, gateway: RunningGateway, answer: bytes
) -> None:
    """CVE-2024-23326: what the client sends afterwards is not passed on."""
    service.script = answer_with(answer)
    client = await gateway.connect()
    client.send(make_request("/open-socket/", *UPGRADE))

    assert (await read_answer(client)).body == b"not here"
    client.send(b"canary" + make_request("/api/x"))
    await client.wait_end()
    assert b"canary" not in service.received
    assert len(service.requests) == 1


async def test_an_unrequested_101_is_502(service: Service, gateway: RunningGateway) -> None:
    service.script = answer_with(SWITCHED)

    for path in ("/open/", "/open-socket/"):
        assert (await gateway.ask(make_request(path))).status == 502


async def test_a_101_to_another_protocol_is_502(service: Service, gateway: RunningGateway) -> None:
    service.script = answer_with(SWITCHED.replace(b"websocket", b"h2c"))

    answer = await gateway.ask(make_request("/open-socket/", *UPGRADE))

    assert answer.status == 502


async def test_bytes_before_the_101_are_refused(service: Service, gateway: RunningGateway) -> None:
    """CVE-2025-64763."""
    service.script = switch()
    client = await gateway.connect()
    client.send(make_request("/open-socket/", *UPGRADE) + b"canary")

    assert (await read_answer(client)).status == 400
    await client.wait_end()
    assert b"canary" not in service.received


async def test_bytes_between_the_request_and_the_101_are_refused(
    service: Service, gateway: RunningGateway
) -> None:
    async def never_switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await wire.wait_end()

    service.script = never_switch
    client = await gateway.connect()
    client.send(make_request("/open-socket/", *UPGRADE))
    await service.request()
    client.send(b"canary")

    assert (await read_answer(client)).status == 400
    await (await service.connection()).wait_end()
    assert b"canary" not in service.received


REFUSED = {
    "two_of_one": (("Connection: Upgrade", "Upgrade: websocket, websocket"), 501),
    "two_lines": (("Connection: Upgrade", "Upgrade: websocket", "Upgrade: websocket"), 501),
    "a_version": (("Connection: Upgrade", "Upgrade: websocket/13"), 501),
    "no_protocol": (("Connection: Upgrade", "Upgrade: =?"), 501),
    "with_a_length": ((*UPGRADE, "Content-Length: 3"), 400),
    "with_chunks": ((*UPGRADE, "Transfer-Encoding: chunked"), 400),
}


@pytest.mark.parametrize(("lines", "status"), REFUSED.values(), ids=REFUSED)
async def test_other_upgrades_are_refused(
    service: Service, gateway: RunningGateway, lines: tuple[str, ...], status: int
) -> None:
    answer = await gateway.ask(make_request("/socket/", bearer(), *lines))

    assert answer.status == status
    assert service.received == b""


async def test_an_upgrade_field_without_its_connection_option_is_no_upgrade(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 §7.8: it is then a field of another connection, and not forwarded."""
    answer = await gateway.ask(make_request("/open-socket/", "Upgrade: websocket"))

    assert answer.status == 200
    assert not service.requests[0].has(b"upgrade")
    assert not service.requests[0].has(b"connection")
