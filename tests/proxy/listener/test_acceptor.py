"""Connections are taken, left waiting in the backlog, and taken again."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.proxy.listener.acceptor import Acceptor
from gateway.settings.values.configuration import Address
from tests.proxy.wire import Wire, connect


class Accepted:
    """The connections that were taken; each is greeted."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []

    def make(self) -> Wire:
        wire = Wire(lambda wire: wire.send(b"hello"))
        self.wires.append(wire)
        return wire


@pytest.fixture
def accepted() -> Accepted:
    return Accepted()


@pytest.fixture
async def acceptor(accepted: Accepted) -> AsyncIterator[Acceptor]:
    acceptor = Acceptor(accepted.make, None, 10)
    await acceptor.start(Address("127.0.0.1", 0))
    yield acceptor
    acceptor.close()
    for wire in accepted.wires:
        wire.transport.abort()
        await wire.wait_lost()


Dial = Callable[[], Awaitable[Wire]]


@pytest.fixture
async def dial(acceptor: Acceptor) -> AsyncIterator[Dial]:
    wires: list[Wire] = []

    async def dial() -> Wire:
        wires.append(await connect(acceptor.address))
        return wires[-1]

    yield dial
    for wire in wires:
        wire.transport.abort()
        await wire.wait_lost()


def test_before_it_was_started_there_is_no_address(accepted: Accepted) -> None:
    with pytest.raises(RuntimeError):
        _ = Acceptor(accepted.make, None, 10).address


async def test_those_who_come_while_it_is_paused_wait_and_are_taken_later(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    address = acceptor.address
    first = await dial()
    assert await first.read(5) == b"hello"

    acceptor.pause()
    await asyncio.sleep(0)
    waiting = [await dial() for _ in range(3)]
    assert len(accepted.wires) == 1

    await acceptor.resume()
    for wire in waiting:
        assert await wire.read(5) == b"hello"
    assert acceptor.address == address


async def test_it_can_be_paused_again_and_again(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    for taken in range(3):
        acceptor.pause()
        acceptor.pause()
        await asyncio.sleep(0)
        wire = await dial()
        assert len(accepted.wires) == taken
        await acceptor.resume()
        assert await wire.read(5) == b"hello"


async def test_who_resumes_in_the_turn_of_the_pause_is_heeded_at_the_next_time(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    acceptor.pause()
    await acceptor.resume()
    assert acceptor.paused
    await asyncio.sleep(0)

    await acceptor.resume()
    assert await (await dial()).read(5) == b"hello"


async def test_of_what_a_slow_reader_has_not_got_yet_the_kernel_holds_little(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    """Before a pause and behind it: it is inherited from the listening socket."""
    for _ in range(2):
        wire = await dial()
        assert await wire.read(5) == b"hello"
        wire.stop_reading()
        taken = accepted.wires[-1]
        taken.send(b"x" * 8_000_000)
        unsent_bytes = taken.transport.get_write_buffer_size()
        assert unsent_bytes > 4_000_000, "the rest waits with us, or holds up its sender"
        acceptor.pause()
        await asyncio.sleep(0)
        await acceptor.resume()


async def test_once_closed_nobody_can_connect(acceptor: Acceptor) -> None:
    address = acceptor.address
    acceptor.pause()
    acceptor.close()

    with pytest.raises(ConnectionRefusedError):
        await connect(address)


async def test_without_a_descriptor_left_it_stays_paused_and_tries_again(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    acceptor.pause()
    await asyncio.sleep(0)
    wire = await dial()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        await acceptor.resume()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert acceptor.paused

    await acceptor.resume()
    assert await wire.read(5) == b"hello"


async def test_when_it_finishes_those_in_the_backlog_are_taken_and_no_more(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    """The kernel shook hands with them: they may have sent something."""
    address = acceptor.address
    acceptor.pause()
    await asyncio.sleep(0)
    waiting = [await dial() for _ in range(3)]

    await acceptor.finish()

    with pytest.raises(ConnectionRefusedError):
        await connect(address)
    for wire in waiting:
        assert await wire.read(5) == b"hello"
    assert len(accepted.wires) == 3
