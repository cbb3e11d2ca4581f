"""The listener: limits on connections, TLS, addresses, and the drain."""

import asyncio
import gc
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.client.new_connection import NewConnection
from gateway.proxy.exchange.exchange import Exchange
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire


@pytest.mark.parametrize("over_tls", [False, True])
async def test_far_over_the_limit_connections_wait_in_the_backlog_and_cost_nothing(
    start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path, over_tls: bool
) -> None:
    """Those in a TLS handshake count as well: they take the most memory."""
    limits = {"connections": 1}
    if over_tls:
        gateway = await start_gateway(limits=limits, listen=tls_listen(authority, tmp_path))
    else:
        gateway = await start_gateway(limits=limits)
    crowd = [await gateway.connect() for _ in range(300)]
    async with asyncio.timeout(LIMIT_SECONDS):
        while count_clients() < 257:  # noqa: ASYNC110 - one, and those being turned away
            await asyncio.sleep(0.01)
    taken = count_clients()
    late = [await gateway.connect() for _ in range(50)]

    assert count_clients() <= taken  # fewer, where some have been told meanwhile

    for client in crowd:
        client.close()
    for client in late:  # they were turned away, or are: nobody is forgotten in the backlog
        client.send(make_request("/nowhere"))
        await client.wait_end()


def count_clients() -> int:
    """Return how many connections there are, those in their TLS handshake included."""
    kinds = (NewConnection, ClientConnection)
    return sum(type(item) in kinds for item in gc.get_objects())


class Held:
    """A script that responds only once it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            await self.released.wait()
            wire.send(make_answer(b"finished"))


async def test_a_drain_finishes_what_is_in_flight_and_accepts_no_more(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = held = Held()
    busy, idle = [await gateway.connect() for _ in range(2)]
    idle.send(make_request("/api/x"))
    await read_answer(idle)
    busy.send(make_request("/open/") + make_request("/open/2"))
    await service.request()

    draining = asyncio.create_task(gateway.gateway.drain())
    await idle.wait_end()

    assert gateway.gateway.ready().not_ready == ("draining",)
    with pytest.raises(ConnectionRefusedError):
        await gateway.connect()
    assert not draining.done()

    held.released.set()
    answer, last = [await read_answer(busy) for _ in range(2)]
    assert (answer.body, answer.all(b"connection")) == (b"finished", [])
    assert (last.body, last.one(b"connection")) == (b"finished", b"close")
    await busy.wait_end()
    busy.close()
    idle.close()
    await draining


async def test_a_drain_ends_in_time_whatever_is_in_flight(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = Held()
    gateway = await start_gateway(drain="200ms")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()

    await gateway.gateway.drain()
    await gateway.stop()

    answer = await read_answer(client)
    assert (answer.status, answer.one(b"connection")) == (504, b"close")
    await client.wait_end()


async def test_a_request_that_is_cut_closes_the_upstream_connection(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = Held()
    client = await gateway.connect()
    client.send(make_request("/open/"))
    peer = await service.connection()
    await service.request()

    await gateway.stop()

    await peer.wait_end()
    await client.wait_end()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_listen(authority: trustme.CA, directory: Path, *, client_ca: bool = False) -> object:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(directory / "chain.pem", append=number > 0)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    files = {"certificate": "chain.pem", "key": "key.pem"}
    if client_ca:
        files["client_ca"] = "ca.pem"
    return {"address": "127.0.0.1:0", "tls": files}


async def connect_tls(gateway: RunningGateway, context: ssl.SSLContext) -> Wire:
    host, port = gateway.address
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, host, port, ssl=context)
    gateway.wires.append(wire)
    return wire


async def test_clients_with_tls_are_served_and_upstreams_told_of_it(
    service: Service, start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client = await connect_tls(gateway, context)

    body = bytes(range(256)) * 4096
    client.send(make_request("/api/x", bearer(), method="POST", body=body))

    assert (await read_answer(client)).body == b"hello"
    assert service.requests[0].body == body
    assert service.requests[0].one(b"x-forwarded-proto") == b"https"


# --- several addresses


async def connect_to(gateway: RunningGateway, index: int, **more: Any) -> Wire:
    """Return a connection to one of the addresses of a gateway."""
    host, port = gateway.gateway.data_addresses[index]
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(Wire, host, port, **more)
    gateway.wires.append(wire)
    return wire


async def test_each_address_has_its_own_protocol_and_upstreams_are_told_of_it(
    service: Service, start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    listen = ["127.0.0.1:0", "[::1]:0", tls_listen(authority, tmp_path)]
    gateway = await start_gateway(listen=listen)
    context = ssl.create_default_context()
    authority.configure_trust(context)

    spoken: list[tuple[dict[str, Any], str, bytes]] = [
        ({}, "127.0.0.1", b"http"),
        ({}, "::1", b"http"),
        ({"ssl": context}, "127.0.0.1", b"https"),
    ]
    for index, (more, host, proto) in enumerate(spoken):
        client = await connect_to(gateway, index, **more)
        client.send(make_request("/open/"))
        assert (await read_answer(client)).status == 200
        sent = service.requests[-1]
        assert gateway.gateway.data_addresses[index][0] == host
        assert (sent.one(b"x-forwarded-for"), sent.one(b"x-forwarded-proto")) == (
            host.encode(),
            proto,
        )


async def start_on_one_port(start_gateway: StartGateway) -> RunningGateway:
    """Start a gateway on a port that is free on all interfaces; another program may be faster."""
    for _ in range(20):
        with socket.create_server(("0.0.0.0", 0)) as one:
            port = one.getsockname()[1]
        with suppress(OSError):
            return await start_gateway(listen=[f"0.0.0.0:{port}", f"[::]:{port}"])
    raise AssertionError("no port is free")


async def test_ipv4_and_ipv6_can_share_a_port(
    service: Service, start_gateway: StartGateway
) -> None:
    """An IPv6 socket accepts no IPv4 connections (IPV6_V6ONLY), or the two would clash."""
    gateway = await start_on_one_port(start_gateway)
    (_, port), other = gateway.gateway.data_addresses
    assert other == ("::", port)

    for host in ("127.0.0.1", "::1"):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(make_request("/open/", b"Connection: close"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert service.requests[-1].one(b"x-forwarded-for") == host.encode()


async def test_an_ipv6_address_accepts_no_ipv4_connections(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(listen="[::]:0")
    _, port = gateway.gateway.data_addresses[0]

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_connection_limit_applies_to_all_addresses_together(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(listen=["127.0.0.1:0", "[::1]:0"], limits={"connections": 1})
    first = await connect_to(gateway, 0)
    first.send(make_request("/open/"))
    assert (await read_answer(first)).status == 200

    second = await connect_to(gateway, 1)

    assert (await read_answer(second)).status == 503
    assert gateway.metric("gateway_connections_refused_total") == 1


async def test_a_drain_closes_the_connections_of_every_address(
    service: Service, start_gateway: StartGateway
) -> None:
    release = asyncio.Event()

    async def late(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await release.wait()
        wire.send(make_answer(b"late"))

    service.script = late
    gateway = await start_gateway(listen=["127.0.0.1:0", "[::1]:0"])
    addresses = gateway.gateway.data_addresses
    clients = [await connect_to(gateway, index) for index in range(2)]
    for number, client in enumerate(clients):
        client.send(make_request("/open/"))
        await service.request(number)

    draining = asyncio.create_task(gateway.gateway.drain())
    async with asyncio.timeout(LIMIT_SECONDS):
        for host, port in addresses:
            while not await is_refused(host, port):  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
    release.set()
    for client in clients:
        assert (await read_answer(client)).body == b"late"
        await client.wait_end()
    await draining


async def is_refused(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_an_unavailable_address_is_named_and_no_socket_stays_open(
    start_gateway: StartGateway,
) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on \[::1\]:{port} \(listen\)"):
            await start_gateway(listen=["127.0.0.1:0", f"[::1]:{port}"])


async def test_an_old_tls_version_is_refused(
    start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, OSError)):
        await connect_tls(gateway, context)


async def test_a_client_without_a_required_certificate_is_not_served(
    service: Service, start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path, client_ca=True))
    bare = ssl.create_default_context()
    authority.configure_trust(bare)
    bare.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 the refusal comes only later
    with pytest.raises((ssl.SSLError, OSError)):
        await connect_tls(gateway, bare)

    known = ssl.create_default_context()
    authority.configure_trust(known)
    authority.issue_cert("client@example.com").configure_cert(known)
    client = await connect_tls(gateway, known)
    client.send(make_request("/open/"))

    assert (await read_answer(client)).status == 200
    assert len(service.requests) == 1


async def test_a_client_that_never_completes_its_handshake_is_closed(
    start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    listen = tls_listen(authority, tmp_path)
    gateway = await start_gateway(listen=listen, timeouts={"head": "200ms"})

    client = await gateway.connect()

    assert await client.read_to_end() == b""


async def test_a_plain_text_client_is_not_served_on_a_tls_address(
    service: Service, start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path
) -> None:
    gateway = await start_gateway(listen=tls_listen(authority, tmp_path))
    client = await gateway.connect()
    client.send(make_request("/open/"))

    await client.wait_end()

    assert b"HTTP" not in client.received
    assert service.received == b""


async def test_the_delay_of_the_event_loop_is_measured(
    gateway: RunningGateway,
) -> None:
    """If the loop is blocked for half a second, the next sweep is at least that late."""

    def late() -> float:
        """Count the looks that came over 100 ms late."""
        count = gateway.metric("gateway_event_loop_delay_seconds_count")
        in_time = gateway.metric("gateway_event_loop_delay_seconds_bucket", le="0.1")
        return count - in_time

    async with asyncio.timeout(LIMIT_SECONDS):
        while not gateway.metric("gateway_event_loop_delay_seconds_count"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        before = late()
        time.sleep(0.5)  # noqa: ASYNC251 - that is the point
        while late() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert gateway.metric("gateway_event_loop_delay_seconds_sum") > 0.1


async def test_a_closed_connection_is_freed_without_garbage_collection(
    service: Service, gateway: RunningGateway
) -> None:
    """Reference cycles wait for a collection, which a busy process seldom makes."""
    gc.collect()
    gc.disable()
    before = alive()  # of other tests, which a traceback that was logged may hold
    try:
        for request in (make_request("/open/x"), make_request("/api/x"), b"nonsense\r\n\r\n"):
            wire = await gateway.connect()
            wire.send(request)
            await read_answer(wire)
            wire.close()
        async with asyncio.timeout(LIMIT_SECONDS):
            while gateway.metric("gateway_connections_open"):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)
        left = [item for item in alive() if not any(item is one for one in before)]
    finally:
        gc.enable()

    assert left == []


def alive() -> list[object]:
    """Return the connections and exchanges that there are in this process."""
    kinds = NewConnection | ClientConnection | Exchange
    return [item for item in gc.get_objects() if isinstance(item, kinds)]
