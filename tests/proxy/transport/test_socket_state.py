"""What the peer's kernel has acknowledged, and when that is not known."""

import asyncio
import sys

from gateway.proxy.transport.socket_state import (
    acknowledged_bytes,
    acknowledged_wire_bytes,
    unacknowledged_bytes,
)
from tests.proxy.service import Service
from tests.proxy.wire import connect


class NoSocket(asyncio.Transport):
    """A transport that has no socket to ask."""


async def test_bytes_that_arrived_are_counted(service: Service) -> None:
    wire = await connect(service.address)
    assert acknowledged_bytes(wire.transport) == 0

    wire.send(b"x" * 100)
    peer = await service.connection()
    await peer.wait_for(lambda: len(peer.received) == 100)

    assert acknowledged_bytes(wire.transport) == 100
    wire.transport.abort()


async def test_bytes_sent_to_a_closed_connection_are_not_counted(service: Service) -> None:
    wire = await connect(service.address)
    peer = await service.connection()
    peer.transport.abort()
    await wire.wait_end()

    wire.send(b"x" * 100)

    assert acknowledged_bytes(wire.transport) == 0
    wire.transport.abort()


def test_nothing_is_known_of_tls_or_without_a_socket() -> None:
    assert acknowledged_bytes(NoSocket({"sslcontext": object()})) is None
    assert acknowledged_bytes(NoSocket()) is None


class Counting:
    """A socket on which a thousand bytes and the SYN were acknowledged."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return bytes(120) + (1001).to_bytes(8, sys.byteorder)


def test_on_tls_the_bytes_of_the_wire_are_known() -> None:
    """Records are larger than what they carry, but as fast."""
    tls = NoSocket({"sslcontext": object(), "socket": Counting()})

    assert acknowledged_wire_bytes(tls) == 1000
    assert acknowledged_bytes(tls) is None


class Uncounted:
    """A socket of a kernel that fills in what it knows, and 0 for the rest."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return bytes(size)


def test_nothing_is_known_if_the_kernel_does_not_count() -> None:
    """Otherwise a request that a service has read could be taken for unsent, and retried."""
    assert acknowledged_bytes(NoSocket({"socket": Uncounted()})) is None


async def test_what_has_not_arrived_is_counted_too(service: Service) -> None:
    wire = await connect(service.address)
    peer = await service.connection()
    assert unacknowledged_bytes(wire.transport) == 0

    peer.stop_reading()
    while not wire.is_blocked:
        wire.send(bytes(1_000_000))
    assert unacknowledged_bytes(wire.transport) > 0

    peer.read_on()
    await wire.wait_for(lambda: wire.transport.get_write_buffer_size() == 0)
    sent = (acknowledged_bytes(wire.transport) or 0) + unacknowledged_bytes(wire.transport)
    await peer.wait_for(lambda: len(peer.received) >= sent)
    assert unacknowledged_bytes(NoSocket()) == 0
    wire.transport.abort()
