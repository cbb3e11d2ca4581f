"""Output that waits for a slow client, and whether it reads fast enough."""

import asyncio

from gateway.proxy.transport.unread_output import UnreadOutput
from tests.proxy.service import Service
from tests.proxy.test_attack_requests import until
from tests.proxy.wire import Wire, connect

GRACE = 10.0
LARGE = 4_000_000


async def blocked(service: Service) -> tuple[Wire, Wire]:
    """Return both ends of a connection: the reader, which does not read, and the writer."""
    reader = await connect(service.address, receive_bytes=4096)
    reader.stop_reading()
    writer = await service.connection()
    writer.send(bytes(LARGE))
    await until(lambda: writer.transport.get_write_buffer_size() > 0)
    return reader, writer


async def idle(service: Service, wire: Wire) -> None:
    await wire.wait_lost()


async def test_a_client_that_reads_nothing_has_the_grace_time(service: Service) -> None:
    service.script = idle
    reader, writer = await blocked(service)
    output = UnreadOutput(writer.transport, GRACE)
    output.start(0.0, 240)

    assert output.unsent_bytes > 0
    assert [output.is_fast_enough(float(now), 240) for now in range(1, 12)] == [True] * 9 + [
        False
    ] * 2
    reader.transport.abort()


async def test_bytes_that_the_client_acknowledges_count_as_read(service: Service) -> None:
    service.script = idle
    reader, writer = await blocked(service)
    output = UnreadOutput(writer.transport, GRACE)
    output.start(0.0, 240)
    assert [output.is_fast_enough(float(now), 240) for now in range(1, 10)] == [True] * 9

    reader.read_on()
    await reader.wait_for(lambda: len(reader.received) == LARGE)
    reader.stop_reading()

    await until(lambda: writer.transport.get_write_buffer_size() == 0)
    assert [output.is_fast_enough(float(now), 240) for now in range(10, 19)] == [True] * 9
    assert output.unsent_bytes == 0
    reader.transport.abort()


async def test_the_clock_stops_while_there_is_nothing_to_read(service: Service) -> None:
    service.script = idle
    reader, writer = await blocked(service)
    output = UnreadOutput(writer.transport, GRACE)
    output.start(0.0, 240)
    output.stop(1.0)

    output.start(3600.0, 240)

    assert output.is_fast_enough(3601.0, 240)
    reader.transport.abort()


class Counted(asyncio.Transport):
    """A transport without acknowledgements, with *unsent* bytes to send."""

    def __init__(self, unsent: int) -> None:
        super().__init__()
        self.unsent = unsent

    def get_write_buffer_size(self) -> int:
        return self.unsent


def test_without_acknowledgements_bytes_that_were_sent_count_as_read() -> None:
    transport = Counted(100_000)
    output = UnreadOutput(transport, GRACE)
    output.start(0.0, 240)
    for now in range(1, 100):
        transport.unsent -= 240
        assert output.is_fast_enough(float(now), 240)

    assert [output.is_fast_enough(float(now), 240) for now in range(100, 110)] == [True] * 9 + [
        False
    ]
