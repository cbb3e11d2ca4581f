"""Services, and tunnels to them, that want more than their share: of time, memory or trust."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from gateway.proxy.upstream.server_pool import ServerPool
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import EXPIRED, RunningGateway, bearer
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.hostile import reason
from tests.proxy.listener.test_listener import connect_tls, tls_listen
from tests.proxy.messages import make_answer, make_request, read_answer, read_chunk, read_head
from tests.proxy.service import Service
from tests.proxy.wire import Wire

MIB = 1 << 20


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


# --- framing


@pytest.mark.parametrize("endless", [b"\r\n0\r\nX: ", b"\r\n1;x="], ids=["trailer", "extension"])
async def test_no_size_of_a_body_earns_a_client_a_long_trailer(
    endless: bytes, gateway: RunningGateway
) -> None:
    """RFC 9112 §7.1.1, §7.1.2: 17 times the body was free, and copied anew with each piece."""
    client = await gateway.connect()
    client.send(make_request("/open/", "Transfer-Encoding: chunked", method="POST"))
    client.send(b"%x\r\n" % MIB + bytes(MIB) + endless + b"x" * 100_000)

    assert reason(await read_answer(client)) == "request_malformed"
    await client.wait_end()


@pytest.mark.parametrize("endless", [b"\r\n0\r\nX: ", b"\r\n1;x="], ids=["trailer", "extension"])
async def test_no_size_of_a_body_earns_a_service_a_long_trailer(
    endless: bytes, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 §7.1.1, §7.1.2"""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"%x\r\n" % MIB + bytes(MIB) + endless + b"x" * MIB)
        await wire.wait_lost()

    service.script = script
    client = await gateway.connect()
    client.send(make_request("/open/"))

    await client.wait_lost()

    assert isinstance(client.error, ConnectionResetError)
    assert not client.received.endswith(b"0\r\n\r\n")


async def test_a_small_body_with_its_trailers_after_another_is_taken(
    service: Service, gateway: RunningGateway
) -> None:
    """What one body's trailers took is not counted against the next."""
    client = await gateway.connect()
    for _ in range(3):
        client.send(make_request("/open/", "Transfer-Encoding: chunked", method="POST"))
        client.send(b"4\r\nbody\r\n0\r\n")
        for _ in range(7):
            client.send(b"X: " + b"x" * 3000 + b"\r\n")
            await asyncio.sleep(0)
        client.send(b"\r\n")
        assert (await read_answer(client)).status == 200

    assert [request.body for request in service.requests] == [b"body"] * 3


# --- connections that are kept


async def ask_twice(
    service: Service, gateway: RunningGateway, first: list[bytes], method: str = "GET"
) -> int:
    """Return on how many connections two requests came; the first is answered in pieces."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if len(service.connections) == 1:
            for piece in first:
                wire.send(piece)
                await gateway.wait_still(lambda: len(gateway.wires))
            await service.read_request(wire)
        wire.send(make_answer(b"second"))

    service.script = script
    is_head = method == "HEAD"
    await gateway.ask(make_request("/open/", method=method), is_head=is_head)
    assert (await gateway.ask(make_request("/open/"))).body == b"second"
    return len(service.connections)


@pytest.mark.parametrize("behind", [1, 2, 3])
async def test_bytes_after_a_response_to_head_end_the_connection_however_they_are_cut(
    behind: int, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 §6.3: a body that is not there would be the next client's answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"
    pieces = [head[:-behind], head[-behind:] + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"]

    assert await ask_twice(service, gateway, pieces, "HEAD") == 2


@pytest.mark.parametrize(
    ("pieces", "method"),
    [
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"], "GET"),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n", b"body"], "GET"),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n"], "HEAD"),
    ],
    ids=["whole", "cut", "HEAD"],
)
async def test_a_service_of_http_1_0_gets_one_request_on_a_connection(
    pieces: list[bytes], method: str, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 §9.3: unless it said keep-alive it is about to close."""
    assert await ask_twice(service, gateway, pieces, method) == 2


# --- streams


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Type: text/event-stream, text/event-stream",
        b"Content-Type: text/plain,text/event-stream;charset=utf-8",
        b"CONTENT-TYPE:\tText/Event-Stream,",
        b"Content-Type: text/plain\r\nContent-Type: text/event-stream",
    ],
)
async def test_an_event_stream_ends_with_its_token_however_its_type_is_written(
    line: bytes, service: Service, gateway: RunningGateway
) -> None:
    """Fetch, "extract a MIME type": a browser takes the last type of a list."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\ndata: 1\n\n")
        await wire.wait_lost()

    service.script = script
    client = await gateway.connect()
    client.send(make_request("/api/", bearer()))
    await read_head(client)
    assert await read_chunk(client) == b"data: 1\n\n"

    gateway.pass_time(EXPIRED)

    assert await read_chunk(client) == b""
    assert gateway.metric("gateway_streams_expired_total", route="api") == 1


# --- tunnels over TLS, which has no half of a connection to close (RFC 8446 §6.1)


async def switch(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(SWITCHED)


@asynccontextmanager
async def service_over_tls(
    authority: trustme.CA,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: trustme.LeafCert | None = None,
) -> AsyncIterator[tuple[Service, str]]:
    """Yield a service that speaks TLS, and its URL; this process trusts *authority*.

    Its *certificate* is by default one of this authority, for 127.0.0.1.
    """
    authority.cert_pem.write_to_path(directory / "trusted.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "trusted.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    (certificate or authority.issue_cert("127.0.0.1")).configure_cert(context)
    service = Service()
    server = await asyncio.get_running_loop().create_server(
        lambda: Wire(service.take), "127.0.0.1", 0, ssl=context
    )
    try:
        yield service, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await service.finish()


@pytest.mark.parametrize("who", ["itself", "a stranger", "another"])
async def test_a_service_over_tls_must_show_its_own_certificate_before_it_gets_anything(
    who: str,
    start_gateway: StartGateway,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """9700.2: against eavesdropping and injection."""
    certificate = {
        "itself": authority.issue_cert("127.0.0.1"),
        "a stranger": trustme.CA().issue_cert("127.0.0.1"),
        "another": authority.issue_cert("another.example"),
    }[who]
    async with service_over_tls(authority, tmp_path, monkeypatch, certificate) as (service, url):
        gateway = await start_gateway([url])

        answer = await gateway.ask(make_request("/open/"))

        if who == "itself":
            assert (answer.status, len(service.requests)) == (200, 1)
            return
        assert answer.status == 502
        assert b'"upstream_unreachable"' in answer.body
        assert service.received == b""


async def test_a_client_that_leaves_a_tunnel_to_a_service_over_tls_leaves_nothing_behind(
    start_gateway: StartGateway,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was held, and counted, for timeouts.tunnel; and what it said last was lost."""
    async with service_over_tls(authority, tmp_path, monkeypatch) as (service, url):
        service.script = switch
        gateway = await start_gateway([url])
        client = await gateway.connect()
        client.send(make_request("/open-socket/", *UPGRADE))
        assert (await read_head(client)).status == 101

        client.send(b"the last word")
        client.end()

        assert await (await service.connection()).read(13) == b"the last word"
        await client.wait_end()
        await (await service.connection()).wait_end()
        assert gateway.metric("gateway_tunnels_open") == 0


async def test_a_client_over_tls_learns_that_the_service_left_the_tunnel(
    service: Service, start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    """RFC 6455 §7.1.1: it waits for that."""

    async def leave(service: Service, wire: Wire) -> None:
        await switch(service, wire)
        wire.send(b"the last word")
        wire.end()
        await wire.wait_lost()

    service.script = leave
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client = await connect_tls(gateway, context)
    client.send(make_request("/open-socket/", *UPGRADE))
    assert (await read_head(client)).status == 101

    assert await client.read_to_end() == b"the last word"
    assert gateway.metric("gateway_tunnels_open") == 0


# --- what a slow reader costs

# A read of the socket, and what was to be sent when that was stopped.
SLOW_READER_BYTES = 3 * 256 * 1024


@pytest.mark.parametrize(
    "line", [b"Content-Length: 40000000", b"Transfer-Encoding: chunked", b"Connection: close"]
)
async def test_what_waits_for_a_slow_client_is_little_though_all_comes_at_once(
    line: bytes, service: Service, gateway: RunningGateway
) -> None:
    """In one turn of the loop 8 MiB were read, before its service was held."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n1312d00\r\n" + bytes(20_000_000))
        await wire.wait_lost()

    service.script = script
    client = await gateway.connect(receive_bytes=4096)
    client.stop_reading()
    client.send(make_request("/open/"))
    side = gateway.only_client()

    await until_held(gateway, side.transport)


async def test_what_waits_for_a_slow_end_of_a_tunnel_is_little(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = switch
    client = await gateway.connect(receive_bytes=4096)
    client.send(make_request("/open-socket/", *UPGRADE))
    assert (await read_head(client)).status == 101
    client.stop_reading()
    side = gateway.only_client()

    (await service.connection()).send(bytes(20_000_000))

    await until_held(gateway, side.transport)


async def test_what_waits_for_a_slow_service_is_little(
    service: Service, gateway: RunningGateway
) -> None:
    async def script(service: Service, wire: Wire) -> None:
        await wire.read_until(b"\r\n\r\n")
        wire.stop_reading()
        await wire.wait_lost()

    service.script = script
    client = await gateway.connect()
    client.send(make_request("/open/", "Content-Length: 40000000", method="POST"))
    await (await service.connection()).read_until(b"\r\n\r\n")
    pool = gateway.gateway.data._serving.pools[0]._members.all[0].pool
    assert isinstance(pool, ServerPool)
    (side,) = pool.connections

    client.send(bytes(20_000_000))

    await until_held(gateway, side.transport)


async def until_held(gateway: RunningGateway, transport: asyncio.Transport) -> None:
    """Wait until no more comes for *transport*; at no time too much of it was waiting."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not transport.get_write_buffer_size():
            await gateway.ask(make_request("/nowhere"))
    waiting = await gateway.wait_still(transport.get_write_buffer_size)
    assert 0 < waiting <= SLOW_READER_BYTES
