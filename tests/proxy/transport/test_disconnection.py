"""Whether a peer has left, what it left unread, and when that is not known."""

import asyncio

import pytest

from gateway.proxy.transport.socket_state import has_left, read_leftover, unacknowledged_bytes
from tests.proxy.service import Service
from tests.proxy.test_attack_requests import until
from tests.proxy.wire import connect


class NoSocket(asyncio.Transport):
    """A transport that has no socket to ask."""


class Silent:
    """A socket of a kernel that says nothing of its connections."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return b""


@pytest.mark.parametrize("by_half_close", [False, True])
async def test_a_peer_that_keeps_its_connection_has_not_left(
    service: Service, by_half_close: bool
) -> None:
    wire = await connect(service.address)
    await service.connection()

    assert not has_left(wire.transport, by_half_close=by_half_close)
    wire.transport.abort()


async def test_a_peer_that_sends_no_more_has_left_by_half_close_alone(service: Service) -> None:
    wire = await connect(service.address)
    peer = await service.connection()
    peer.stop_reading()
    wire.send(b"what is not read yet")
    wire.end()

    await until(lambda: has_left(peer.transport, by_half_close=True))

    assert not has_left(peer.transport, by_half_close=False)
    assert not peer.has_ended
    wire.transport.abort()


@pytest.mark.parametrize("by_half_close", [False, True])
async def test_a_peer_that_resets_has_left(service: Service, by_half_close: bool) -> None:
    wire = await connect(service.address)
    peer = await service.connection()
    peer.stop_reading()

    wire.reset()

    await until(lambda: has_left(peer.transport, by_half_close=by_half_close))


@pytest.mark.parametrize("extra", [{}, {"socket": Silent()}])
def test_a_peer_of_which_nothing_is_known_has_not_left(extra: dict[str, object]) -> None:
    assert not has_left(NoSocket(extra), by_half_close=True)


async def test_what_a_peer_left_behind_is_read_up_to_a_size(service: Service) -> None:
    wire = await connect(service.address)
    wire.stop_reading()
    peer = await service.connection()
    peer.send(b"an answer")
    await until(lambda: unacknowledged_bytes(peer.transport) == 0)

    assert read_leftover(wire.transport, 2) == b"an"
    assert read_leftover(wire.transport, 99) == b" answer"
    assert read_leftover(wire.transport, 99) == b""
    wire.transport.abort()


def test_nothing_is_left_over_on_tls_or_without_a_socket() -> None:
    assert read_leftover(NoSocket({"sslcontext": object()}), 9) == b""
    assert read_leftover(NoSocket(), 9) == b""
