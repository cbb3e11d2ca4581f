"""WebSockets are closed with a Close frame when the token that allowed them has ended."""

import asyncio
from typing import cast

import pytest
from websockets.frames import Close, Frame, Opcode

from gateway.proxy.streams.tunnel import CLOSE_SECONDS, Tunnel
from gateway.proxy.streams.websocket_frames import close_frame
from gateway.proxy.streams.websocket_tunnel import WebSocketTunnel
from gateway.proxy.upstream.connection import ServerConnection
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import EXPIRED, RunningGateway, bearer
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_head
from tests.proxy.service import Service
from tests.proxy.wire import Wire

GOODBYE = close_frame(1008, b"token expired")
MASK = b"\x11\x22\x33\x44"
REPLY = close_frame(1008, b"")
MASKED_REPLY = close_frame(1008, b"", MASK)


def frame(size: int, *, masked: bool) -> bytes:
    return Frame(Opcode.BINARY, b"x" * size).serialize(mask=masked)


async def open_tunnel(
    gateway: RunningGateway, service: Service, target: str = "/socket/"
) -> tuple[Wire, Wire]:
    """Return both ends of a WebSocket, after their handshake."""

    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)

    service.script = switch
    client = await gateway.connect()
    client.send(make_request(target, bearer(), *UPGRADE))
    assert (await read_head(client)).status == 101
    return client, await service.connection()


async def pass_on(sender: Wire, receiver: Wire, data: bytes) -> None:
    """Send *data* through the tunnel."""
    sender.send(data)
    assert await receiver.read(len(data)) == data


async def read_goodbye(peer: Wire) -> None:
    """Read our Close frame to the service, which is masked (RFC 6455 §5.1)."""
    data = await peer.read(len(GOODBYE) + 4)
    assert data[:2] == bytes((0x88, 0x80 | 15))
    mask, payload = data[2:6], data[6:]
    unmasked = bytes(one ^ mask[at % 4] for at, one in enumerate(payload))
    assert Close.parse(unmasked) == Close(1008, "token expired")


async def test_both_ends_get_a_close_frame_and_close_as_the_protocol_requires(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 6455 §7.1.1, §7.1.2."""
    client, peer = await open_tunnel(gateway, service)
    await pass_on(client, peer, frame(5, masked=True))
    await pass_on(peer, client, frame(5, masked=False))

    gateway.pass_time(EXPIRED)
    assert await client.read(len(GOODBYE)) == GOODBYE
    await read_goodbye(peer)
    assert not client.has_ended
    client.send(MASKED_REPLY)
    assert await client.read_to_end() == b""
    assert not peer.has_ended
    peer.send(REPLY)

    assert await peer.read_to_end() == b""
    assert gateway.metric("gateway_streams_expired_total", route="socket") == 1
    assert gateway.metric("gateway_tunnels_open") == 0


async def test_nothing_of_the_services_follows_the_close_frame(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))

    for _ in range(20):
        peer.send(frame(5, masked=False))
        await asyncio.sleep(0)
    peer.send(REPLY)
    client.send(MASKED_REPLY)

    assert await client.read_to_end() == b""


async def test_nothing_of_the_clients_follows_the_close_frame(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)

    client.send(frame(5, masked=True) + frame(70_000, masked=True) + MASKED_REPLY)
    await client.wait_end()
    peer.send(REPLY)

    assert await peer.read_to_end() == b""


@pytest.mark.parametrize("size", [5, 200, 1 << 20])
@pytest.mark.parametrize("sent", [1, -1])
async def test_a_frame_of_the_service_in_transit_is_finished_first(
    service: Service, gateway: RunningGateway, size: int, sent: int
) -> None:
    """Cut at its first or its last byte: in its header, or in its payload."""
    client, peer = await open_tunnel(gateway, service)
    whole = frame(size, masked=False)
    await pass_on(peer, client, whole[:sent])

    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)
    assert client.unread == b""
    peer.send(whole[sent:] + whole + REPLY)

    assert await client.read(len(whole) - len(whole[:sent])) == whole[sent:]
    assert await client.read(len(GOODBYE)) == GOODBYE
    client.send(MASKED_REPLY)
    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


@pytest.mark.parametrize("size", [5, 200, 1 << 20])
@pytest.mark.parametrize("sent", [1, -1])
async def test_a_frame_of_the_client_in_transit_is_finished_first(
    service: Service, gateway: RunningGateway, size: int, sent: int
) -> None:
    client, peer = await open_tunnel(gateway, service)
    whole = frame(size, masked=True)
    await pass_on(client, peer, whole[:sent])

    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))
    assert peer.unread == b""
    client.send(whole[sent:] + whole + MASKED_REPLY)

    assert await peer.read(len(whole) - len(whole[:sent])) == whole[sent:]
    await read_goodbye(peer)
    peer.send(REPLY)
    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


async def test_between_fragments_a_close_frame_may_come(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 6455 §5.4."""
    client, peer = await open_tunnel(gateway, service)
    await pass_on(peer, client, Frame(Opcode.TEXT, b"half a ", fin=False).serialize(mask=False))

    gateway.pass_time(EXPIRED)

    assert await client.read(len(GOODBYE)) == GOODBYE


# --- ends that do not play along


async def test_a_frame_that_does_not_end_in_time_is_cut(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    await pass_on(peer, client, frame(500, masked=False)[:100])
    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)
    await pass_on(peer, client, b"x" * 100)

    gateway.pass_time(CLOSE_SECONDS)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    assert gateway.metric("gateway_tunnels_open") == 0


async def test_ends_that_do_not_answer_time_out(service: Service, gateway: RunningGateway) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))
    await read_goodbye(peer)

    gateway.pass_time(CLOSE_SECONDS)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


async def test_a_service_that_closes_at_once_does_not_cut_off_the_client(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))
    await read_goodbye(peer)

    peer.send(REPLY)
    peer.close()
    await gateway.wait_still(lambda: len(client.received))
    assert not client.has_ended
    client.send(MASKED_REPLY)

    assert await client.read_to_end() == b""
    assert client.error is None


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_service_that_leaves_in_the_middle_of_a_frame_ends_the_tunnel(
    service: Service, gateway: RunningGateway, end: str
) -> None:
    client, peer = await open_tunnel(gateway, service)
    await pass_on(peer, client, frame(500, masked=False)[:100])
    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)

    getattr(peer, end)()

    assert await client.read_to_end() == b""
    assert gateway.metric("gateway_tunnels_open") == 0


@pytest.mark.parametrize("end", ["close", "reset", "end"])
async def test_a_client_that_leaves_during_the_close_ends_the_tunnel(
    service: Service, gateway: RunningGateway, end: str
) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))
    await read_goodbye(peer)

    getattr(client, end)()
    if end != "reset":
        peer.send(REPLY)

    assert await peer.read_to_end() == b""
    await gateway.wait_still(lambda: int(gateway.metric("gateway_tunnels_open")))
    assert gateway.metric("gateway_tunnels_open") == 0


async def test_a_side_that_has_sent_a_close_frame_gets_none(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 6455 §5.5.1: nothing is sent after a Close frame."""
    client, peer = await open_tunnel(gateway, service)
    await pass_on(peer, client, close_frame(1001, b""))
    await pass_on(client, peer, frame(5, masked=True))

    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)
    client.send(MASKED_REPLY)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


@pytest.mark.parametrize("ended", ["client", "service"])
async def test_a_side_that_has_ended_gets_no_close_frame(
    service: Service, gateway: RunningGateway, ended: str
) -> None:
    client, peer = await open_tunnel(gateway, service)
    (client if ended == "client" else peer).end()
    await (peer if ended == "client" else client).wait_end()

    gateway.pass_time(EXPIRED)
    if ended == "client":
        assert await client.read(len(GOODBYE)) == GOODBYE
        peer.send(REPLY)
    else:
        await read_goodbye(peer)
        client.send(MASKED_REPLY)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


@pytest.mark.parametrize("side", ["client", "service"])
async def test_a_tunnel_with_a_malformed_frame_is_cut(
    service: Service, gateway: RunningGateway, side: str
) -> None:
    """After a malformed frame it is unknown where another one could begin."""
    client, peer = await open_tunnel(gateway, service)
    sender, receiver = (client, peer) if side == "client" else (peer, client)
    await pass_on(sender, receiver, b"\x8f\xff not a frame")
    await pass_on(receiver, sender, b"")

    gateway.pass_time(EXPIRED)

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""
    assert gateway.metric("gateway_streams_expired_total", route="socket") == 1


async def test_a_tunnel_with_a_malformed_frame_during_the_close_is_cut(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    gateway.pass_time(EXPIRED)
    await client.read(len(GOODBYE))
    await read_goodbye(peer)

    client.send(b"\x8f\xff not a frame")

    assert await client.read_to_end() == b""
    assert await peer.read_to_end() == b""


async def test_a_client_that_reads_nothing_does_not_stay(
    service: Service, gateway: RunningGateway
) -> None:
    client, peer = await open_tunnel(gateway, service)
    client.stop_reading()
    while not peer.is_blocked:
        peer.send(frame(1 << 20, masked=False))
    await gateway.wait_still(lambda: len(client.received))
    gateway.pass_time(EXPIRED)
    await read_goodbye(peer)

    gateway.pass_time(CLOSE_SECONDS)

    await peer.wait_end()
    assert gateway.metric("gateway_tunnels_open") == 0


# --- step by step


class End:
    """One end of a tunnel, and the calls that it got."""

    def __init__(self) -> None:
        self.written = b""
        self.asked: list[str] = []

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.asked.append("hold")

    def resume_reading(self) -> None:
        self.asked.append("go on")

    def end_writing(self) -> bool:
        self.asked.append("end")
        return True


class Exchange:
    """The owner of a tunnel, and the calls that it got."""

    def __init__(self) -> None:
        self.told: list[str | float] = []

    def tunnel_ended(self) -> None:
        self.told.append("over")

    def cut_tunnel(self) -> None:
        self.told.append("cut")

    def set_close_timeout(self, seconds: float) -> None:
        self.told.append(seconds)


class Steps:
    """A tunnel between ends that only record their calls."""

    def __init__(self) -> None:
        self.exchange, self.client, self.server = Exchange(), End(), End()
        server = cast(ServerConnection, self.server)
        self.tunnel = WebSocketTunnel(self.exchange, self.client, server)


@pytest.fixture
def steps() -> Steps:
    return Steps()


def test_nothing_is_written_after_an_end(steps: Steps) -> None:
    steps.tunnel.client_ended()
    steps.tunnel.token_ended(b"token expired")

    assert (steps.server.written, steps.client.written) == (b"", GOODBYE)

    steps = Steps()
    steps.tunnel.server_ended()
    steps.tunnel.token_ended(b"token expired")

    assert (len(steps.server.written), steps.client.written) == (len(GOODBYE) + 4, b"")


@pytest.mark.parametrize(
    ("before", "verdict"), [(b"", "over"), (frame(5, masked=False)[:3], "cut")]
)
def test_after_the_timeout_only_who_got_a_close_frame_is_ended_properly(
    steps: Steps, before: bytes, verdict: str
) -> None:
    steps.tunnel.from_server(before)
    steps.tunnel.token_ended(b"token expired")
    steps.tunnel.timed_out()

    assert steps.exchange.told[-1] == verdict


def test_a_side_that_got_a_close_frame_is_read_again_and_has_a_new_timeout(steps: Steps) -> None:
    """A paused end could not answer."""
    whole = frame(5, masked=False)
    steps.tunnel.from_server(whole[:3])
    steps.tunnel.server_blocked()
    steps.tunnel.token_ended(b"token expired")

    assert steps.exchange.told == [CLOSE_SECONDS]
    assert (steps.client.asked, steps.server.asked) == (["hold", "go on"], [])

    steps.tunnel.from_server(whole[3:])
    steps.tunnel.server_blocked()

    assert steps.exchange.told == [CLOSE_SECONDS] * 2
    assert (steps.client.asked, steps.server.asked) == (["hold", "go on"], ["go on"])


def test_a_service_lost_after_its_close_frame_leaves_the_client_time(steps: Steps) -> None:
    steps.tunnel.token_ended(b"token expired")
    steps.tunnel.server_lost()
    assert "over" not in steps.exchange.told

    steps.tunnel.from_client(MASKED_REPLY)
    assert steps.exchange.told[-1] == "over"


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "ended"])
def test_a_service_that_leaves_in_the_middle_of_a_frame_allows_no_close_frame(
    steps: Steps, lost: bool
) -> None:
    steps.tunnel.from_server(frame(5, masked=False)[:3])
    steps.tunnel.token_ended(b"token expired")
    (steps.tunnel.server_lost if lost else steps.tunnel.server_ended)()

    assert steps.exchange.told[1:] == ["over" if lost else "cut"]
    assert steps.client.written == frame(5, masked=False)[:3]


def test_a_client_that_ends_in_the_middle_of_a_frame_ends_the_service_side(steps: Steps) -> None:
    cut_short = frame(5, masked=True)[:3]
    steps.tunnel.from_client(cut_short)
    steps.tunnel.token_ended(b"token expired")
    steps.tunnel.client_ended()

    assert steps.server.written == cut_short
    assert steps.server.asked[-1] == "end"

    steps.tunnel.from_server(REPLY)
    assert steps.exchange.told[-1] == "over"
    assert steps.client.written == GOODBYE


# --- leave that can wait


LEAVING = close_frame(1001, b"shutting down")


def test_a_drain_has_a_timeout_only_once_both_ends_got_a_close_frame(steps: Steps) -> None:
    whole = frame(5, masked=False)
    steps.tunnel.from_server(whole[:3])
    steps.tunnel.drain(1001, b"shutting down")
    assert (steps.exchange.told, steps.client.written) == ([], whole[:3])

    steps.tunnel.from_server(whole[3:])

    assert steps.exchange.told == [CLOSE_SECONDS]
    assert steps.client.written == whole + LEAVING
    assert len(steps.server.written) == len(LEAVING) + 4


def test_a_client_that_ended_in_the_middle_of_a_frame_gets_no_close_frame(steps: Steps) -> None:
    steps.tunnel.from_client(frame(5, masked=True)[:3])
    steps.tunnel.drain(1001, b"shutting down")
    assert steps.exchange.told == []

    steps.tunnel.client_ended()

    assert steps.exchange.told == [CLOSE_SECONDS]
    assert steps.client.written == LEAVING


def test_a_tunnel_closes_once_and_a_token_that_ends_meanwhile_only_sets_a_timeout(
    steps: Steps,
) -> None:
    steps.tunnel.from_server(frame(5, masked=False)[:3])
    for _ in range(2):
        steps.tunnel.drain(1001, b"shutting down")
    said = len(steps.server.written)
    steps.tunnel.token_ended(b"token expired")

    assert steps.exchange.told == [CLOSE_SECONDS]
    assert len(steps.server.written) == said == len(LEAVING) + 4


def test_after_the_end_of_a_token_a_drain_changes_nothing(steps: Steps) -> None:
    steps.tunnel.token_ended(b"token expired")
    steps.tunnel.drain(1001, b"shutting down")

    assert steps.client.written == GOODBYE


# --- tunnels of other protocols


class Tls(End):
    """An end that cannot be half-closed."""

    def end_writing(self) -> bool:
        super().end_writing()
        return False


def test_another_tunnel_ends_at_once_if_it_cannot_be_half_closed() -> None:
    exchange, client, server = Exchange(), Tls(), End()
    tunnel = Tunnel(exchange, client, cast(ServerConnection, server))

    tunnel.drain(1001, b"shutting down")
    tunnel.drain(1001, b"shutting down")
    tunnel.from_client(b"late")
    tunnel.from_server(b"late")

    assert exchange.told == ["over"]
    assert (client.written, server.written) == (b"", b"")


# --- tunnels that have no end


@pytest.mark.parametrize(("target", "grace"), [("/open-socket/", "0s"), ("/socket/", "unlimited")])
async def test_without_an_end_in_sight_the_tunnel_continues(
    service: Service,
    start_gateway: StartGateway,
    target: str,
    grace: str,
) -> None:
    gateway = await start_gateway(timeouts={"token_grace": grace})
    client, peer = await open_tunnel(gateway, service, target)

    gateway.pass_time(1e9)
    await pass_on(client, peer, b"whatever")
    await pass_on(peer, client, b"whatever")
