"""Services that fail: asked once, and asked again for the next request."""

import asyncio

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.hostile import HOSTILE_ROUTES, pour, reason
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

_OK = b"HTTP/1.1 200 OK\r\n"


def hostile(raw: bytes, *, close: bool = False, bytewise: bool = False) -> Script:
    """Return a script that answers the first request with *raw*, and serves well after that."""

    async def script(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            is_first = len(service.requests) == 1
            await pour(wire, raw if is_first else make_answer(b"fine"), bytewise=bytewise)
            if close and is_first:
                wire.close()
                return

    return script


async def _reset(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.reset()


async def _hang(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    await asyncio.Event().wait()


async def _hang_in_head(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.send(_OK + b"X: ")
    await asyncio.Event().wait()


async def _close(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.close()


@pytest.mark.parametrize(
    ("failure", "wanted"),
    [
        (_reset, Reason.UPSTREAM_UNREACHABLE),
        (_close, Reason.UPSTREAM_UNREACHABLE),
        (_hang, Reason.UPSTREAM_TIMEOUT),
        (_hang_in_head, Reason.UPSTREAM_TIMEOUT),
    ],
    ids=["reset", "close", "hang", "hang in the head"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_failed_request_is_sent_once_and_the_next_one_is_sent(
    method: str,
    failure: Script,
    wanted: Reason,
    service: Service,
    start_gateway: StartGateway,
) -> None:
    """9110.6, 9110.14"""

    async def script(service: Service, wire: Wire) -> None:
        if len(service.connections) == 1:
            await failure(service, wire)
        else:
            await hostile(b"")(service, wire)

    service.script = script
    gateway = await start_gateway(routes=HOSTILE_ROUTES, upstream={"response_timeout": "1m"})
    wire = await gateway.connect()

    wire.send(make_request("/public/1", method=method, body=b"once"))
    if wanted is Reason.UPSTREAM_TIMEOUT:
        await service.request()
        gateway.expire(120)
    failed = await read_answer(wire)
    wire.send(make_request("/public/2"))

    assert reason(failed) == wanted.code
    assert (await read_answer(wire)).body == b"fine"
    targets = [request.target for request in service.requests]
    assert targets == [b"/public/1", b"/public/2"]
