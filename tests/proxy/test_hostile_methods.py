"""Methods that opened other gateways, or were mistaken for others."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.hostile import HOSTILE_ROUTES, reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service

MALFORMED = Reason.REQUEST_MALFORMED


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


BY_METHOD = [
    {**HOSTILE_ROUTES[0], "match": {"path": "/orders", "methods": ["GET"]}},
    {**HOSTILE_ROUTES[2], "match": {"path": "/orders", "methods": ["POST"]}},
]


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("get", MALFORMED),
        ("Get", MALFORMED),
        ("GETT", MALFORMED),
        ("XYZ", MALFORMED),
        ("POST", Reason.TOKEN_MISSING),
        ("DELETE", Reason.METHOD_NOT_ALLOWED),
        ("HEAD", Reason.METHOD_NOT_ALLOWED),
        ("TRACE", Reason.NOT_SUPPORTED),
        ("CONNECT", Reason.NOT_SUPPORTED),
        ("SOURCE", Reason.NOT_SUPPORTED),
    ],
)
async def test_methods_are_told_apart_by_what_was_really_asked(
    method: str, wanted: Reason, service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9110 9.1: methods are case-sensitive, and an unknown one is not the nearest one."""
    gateway = await start_gateway(routes=BY_METHOD)
    wire = await gateway.connect()
    wire.send(make_request("/orders", method=method))

    answer = await read_answer(wire, is_head=method == "HEAD")

    assert answer.status == wanted.status
    assert method == "HEAD" or reason(answer) == wanted.code
    assert service.received == b""


async def test_connect_is_refused(service: Service, gateway: RunningGateway) -> None:
    """9110.11"""
    answer = await gateway.ask(make_request("admin:443", method="CONNECT"))

    assert reason(answer) == Reason.NOT_SUPPORTED.code
    assert service.received == b""


async def test_trace_echoes_nothing(service: Service, gateway: RunningGateway) -> None:
    """9110.5: an echo would show the Authorization field to a script that may not read it."""
    answer = await gateway.ask(make_request("/public/", bearer(), "X-A: tiger", method="TRACE"))

    assert answer.status == 501
    assert b"Bearer" not in answer.body
    assert b"tiger" not in answer.body
    assert service.received == b""


@pytest.mark.parametrize("hops", [b"0", b"00", b" 0 ", b"5\r\nMax-Forwards: 0"])
async def test_options_without_forwards_left_ends_at_the_gateway(
    service: Service, gateway: RunningGateway, hops: bytes
) -> None:
    """9110.5"""
    answer = await gateway.ask(make_request("/public/", b"Max-Forwards: " + hops, method="OPTIONS"))

    assert reason(answer) == Reason.NOT_SUPPORTED.code
    assert service.received == b""


@pytest.mark.parametrize(
    ("method", "hops", "sent"),
    [
        ("OPTIONS", b"5", [b"4"]),
        ("OPTIONS", b"1", [b"0"]),
        ("OPTIONS", b"-1", []),
        ("OPTIONS", b"9" * 30, []),
        ("GET", b"0", [b"0"]),
        ("GET", b"5", [b"5"]),
    ],
)
async def test_hops_are_counted_where_the_method_counts_them(
    service: Service, gateway: RunningGateway, method: str, hops: bytes, sent: list[bytes]
) -> None:
    """9110.5"""
    await gateway.ask(make_request("/public/", b"Max-Forwards: " + hops, method=method))

    assert service.requests[0].all(b"max-forwards") == sent


async def test_405_names_the_methods_and_nothing_is_forwarded(
    service: Service, start_gateway: StartGateway
) -> None:
    """9110.13"""
    gateway = await start_gateway(routes=BY_METHOD)

    answer = await gateway.ask(make_request("/orders", method="PUT"))

    assert answer.one(b"allow") == b"GET, POST"
    assert service.received == b""
