"""Idle connections of the admin port do not keep others out."""

import asyncio
from typing import Any

from gateway.admin.idle_connections import IdleConnections
from gateway.admin.server import AdminServer
from gateway.reloading.requests import ReloadRequests
from gateway.settings.values.configuration import Address, Admin
from tests.admin.peers import FakeGateway

ADMIN = Admin(Address("127.0.0.1", 0), None)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_connection_that_asks_nothing_is_closed_after_a_while() -> None:
    clock, first, second = Clock(), object(), object()
    idle: Any = IdleConnections(30.0, 10, clock)
    assert idle.choose([first]) == []

    clock.now += 29
    assert idle.choose([first, second]) == []
    clock.now += 1
    assert idle.choose([first, second]) == [first]


def test_of_too_many_those_are_closed_that_have_asked_nothing_for_longest() -> None:
    clock, connections = Clock(), [object() for _ in range(5)]
    idle: Any = IdleConnections(30.0, 3, clock)
    for count in range(1, 4):
        assert idle.choose(connections[:count]) == []
        clock.now += 1

    assert idle.choose(connections) == connections[:2]


def test_what_is_forgotten_is_not_kept() -> None:
    idle: Any = IdleConnections()
    idle.choose([object() for _ in range(5)])
    idle.choose([])

    assert idle.known == 0


async def test_an_admin_port_full_of_idle_connections_still_answers() -> None:
    """Idle ones took all descriptors, and with them the data port's."""
    idle = IdleConnections(idle_seconds=600.0, max_connections=20)
    server = AdminServer(
        Admin(Address("127.0.0.1", 0), None), FakeGateway(), ReloadRequests(), idle
    )
    await server.start()
    try:
        opened = [await asyncio.open_connection(*server.address) for _ in range(30)]
        for reader, _ in opened[:10]:
            assert await reader.read() == b""  # closed, those that were there first
        reader, writer = opened[-1]
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    finally:
        await server.stop()
        for _, writer in opened:
            writer.close()


async def test_a_head_without_an_end_is_not_waited_for_for_ever() -> None:
    idle = IdleConnections(idle_seconds=0.1)
    server = AdminServer(
        Admin(Address("127.0.0.1", 0), None), FakeGateway(), ReloadRequests(), idle
    )
    await server.start()
    try:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: ")

        assert await reader.read() == b""
        writer.close()
    finally:
        await server.stop()
