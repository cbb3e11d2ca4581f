"""Connections are accepted, or wait in the backlog during a pause."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.proxy.listener.acceptor import Acceptor
from gateway.settings.values.configuration import Address
from tests.proxy.wire import Wire, connect


class Accepted:
    """The accepted connections; each is greeted."""

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


def test_an_acceptor_that_was_not_started_has_no_address(accepted: Accepted) -> None:
    with pytest.raises(RuntimeError):
        _ = Acceptor(accepted.make, None, 10).address


async def test_connections_during_a_pause_wait_and_are_accepted_later(
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


async def test_an_acceptor_can_be_paused_repeatedly(
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


async def test_a_resume_right_after_a_pause_takes_effect_the_next_time(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    acceptor.pause()
    await acceptor.resume()
    assert acceptor.paused
    await asyncio.sleep(0)

    await acceptor.resume()
    assert await (await dial()).read(5) == b"hello"


async def test_the_kernel_holds_little_for_a_slow_client(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    """Before a pause and after it: the option is inherited from the listening socket."""
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


async def test_a_closed_acceptor_accepts_nothing(acceptor: Acceptor) -> None:
    address = acceptor.address
    acceptor.pause()
    acceptor.close()

    with pytest.raises(ConnectionRefusedError):
        await connect(address)


async def test_without_file_descriptors_it_stays_paused_and_tries_again(
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


async def test_at_the_end_only_connections_in_the_backlog_are_accepted(
    acceptor: Acceptor, accepted: Accepted, dial: Dial
) -> None:
    """Their clients are connected, and may have sent a request."""
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
