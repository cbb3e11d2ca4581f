"""RFC 9112 §9.6: what was said last on a connection arrives whole, or is visibly cut."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.proxy.gateways import load, running_gateway, write_config
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire

LARGE = 3_000_000


async def answer_until_close(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * LARGE)
    wire.close()


async def keep_waiting(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await wire.wait_end()


async def read_a_piece(wire: Wire) -> None:
    before = len(wire.received)
    wire.read_on()
    await wire.wait_for(lambda: len(wire.received) > before)
    wire.stop_reading()


async def test_9112_8_a_response_that_fails_after_its_last_byte_does_not_look_complete(
    tmp_path: Path,
) -> None:
    """HTTP/1.0 knows the end of a body by the end of the connection: a FIN must not lie."""
    async with running_service() as service:
        service.script = answer_until_close
        changes = {"timeouts": {"body": "1s"}}
        async with running_gateway(load(write_config(tmp_path, [service.url], changes))) as gateway:
            wire = await gateway.connect(receive_bytes=4096)
            wire.stop_reading()
            wire.send(make_request("/open/one", version="1.0"))
            await asyncio.sleep(3)  # the limit, and a sweep; any less only finds nothing
            wire.read_on()
            await wire.wait_end()
            body = bytes(wire.received).partition(b"\r\n\r\n")[2]
            assert len(body) == LARGE or wire.error is not None


async def test_9112_9_6_a_response_in_the_same_turn_as_the_clients_end_arrives(
    tmp_path: Path,
) -> None:
    async with running_service() as service:
        service.script = keep_waiting
        async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
            wire = await gateway.connect()
            wire.send(make_request("/open/one"))
            await service.request()
            # Both in one turn of the loop that the gateway, too, runs on.
            raw_send(await service.connection(), make_answer(b"hello"))
            raw_end(wire)
            assert (await read_answer(wire)).body == b"hello"


async def test_9112_9_6_a_slow_reader_gets_all_of_a_response_that_takes_longer_than_the_limit(
    tmp_path: Path,
) -> None:
    """The limit is on a pause, not on the whole: there was progress."""
    async with running_service() as service:
        service.script = answer_until_close
        changes = {"timeouts": {"body": "500ms"}}
        async with running_gateway(load(write_config(tmp_path, [service.url], changes))) as gateway:
            wire = await gateway.connect(receive_bytes=4096)
            wire.stop_reading()
            wire.send(make_request("/open/one", version="1.0"))
            for _ in range(20):  # two seconds, four times the limit
                await asyncio.sleep(0.1)
                await read_a_piece(wire)
            wire.read_on()
            await wire.wait_end()
            assert len(wire.received.partition(b"\r\n\r\n")[2]) == LARGE
            assert wire.error is None


@pytest.mark.parametrize("behind", [b"nonsense", make_request("/open/two"), b"GET /open/tw"])
@pytest.mark.parametrize("line", ["Connection: close", "Connection: close, x"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_9112_9_6_bytes_after_the_last_request_are_no_request(
    tmp_path: Path, behind: bytes, line: str, version: str
) -> None:
    """It is not counted, and not written down either."""
    async with (
        running_service() as service,
        running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway,
    ):
        wire = await gateway.connect()
        wire.send(make_request("/open/one", line, version=version) + behind)
        assert (await read_answer(wire)).status == 200
        await wire.wait_end()
        assert len(service.requests) == 1
        counted = sum(
            float(sample.rpartition(" ")[2])
            for sample in gateway.page().splitlines()
            if sample.startswith("gateway_decisions_total{")
        )
        assert counted == 1


def raw_send(wire: Wire, data: bytes) -> None:
    raw = socket.socket(fileno=wire.transport.get_extra_info("socket").fileno())
    raw.send(data)
    raw.detach()


def raw_end(wire: Wire) -> None:
    raw = socket.socket(fileno=wire.transport.get_extra_info("socket").fileno())
    raw.shutdown(socket.SHUT_WR)
    raw.detach()
