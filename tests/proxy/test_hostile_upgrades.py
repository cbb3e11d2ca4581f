"""Upgrades that turned into tunnels past the policy of other gateways."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import bearer
from tests.proxy.handshakes import UPGRADE
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service, serve
from tests.proxy.wire import Wire

_SMUGGLED = b"GET /public/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


SOCKET_ROUTES = [
    {
        **HOSTILE_ROUTES[1],
        "match": {"path_prefix": "/socket/"},
        "upgrades": ["websocket"],
    },
    HOSTILE_ROUTES[0],
]


async def _answer_nothing(service: Service, wire: Wire) -> None:
    await service.read_request(wire)


async def test_an_upgrade_is_not_passed_on_without_a_token(
    service: Service, start_gateway: StartGateway
) -> None:
    """9110.8"""
    gateway = await start_gateway(routes=SOCKET_ROUTES)

    answer = await gateway.ask(make_request("/socket/", *UPGRADE))

    assert reason(answer) == Reason.TOKEN_MISSING.code
    assert service.received == b""


@pytest.mark.parametrize(
    ("status", "extra"),
    [
        (200, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        (426, b"Upgrade: websocket\r\n"),
        (400, b""),
    ],
)
async def test_an_upgrade_that_was_declined_is_no_tunnel(
    status: int, extra: bytes, service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2024-23326 Envoy, Sec-WebSocket-Version 1337: bytes behind it are no tunnel's."""
    service.script = serve(b"HTTP/1.1 %d X\r\n%bContent-Length: 2\r\n\r\nok" % (status, extra))
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    wire = await gateway.connect()
    lines = (*UPGRADE[:3], "Sec-WebSocket-Version: 1337")

    await pour(wire, make_request("/socket/", bearer(), *lines))
    answer = await read_answer(wire)
    await pour(wire, _SMUGGLED)
    await answers_until_end(wire)

    assert answer.status == status
    assert not answer.has(b"upgrade")
    assert b"smuggled" not in service.received


@pytest.mark.parametrize(
    "head",
    [
        make_request("/socket/", bearer(), *UPGRADE),
        make_request("/public/", *UPGRADE),
        make_request("/public/", "Connection: Upgrade", "Upgrade: h2c"),
        b"CONNECT /public/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT admin:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["websocket", "not allowed", "h2c", "CONNECT a path", "CONNECT"],
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_bytes_before_the_switch_are_not_tunnel_bytes(
    head: bytes, bytewise: bool, service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2025-64763 Envoy."""
    service.script = _answer_nothing
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    wire = await gateway.connect()

    await pour(wire, head + _SMUGGLED, bytewise=bytewise)
    answers = await answers_until_end(wire)

    assert [reason(answer) is None for answer in answers] == [False]
    await gateway.stop()
    for connection in service.connections:
        await connection.wait_end()
    assert b"smuggled" not in service.received


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        ("Connection: Upgrade", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: websocket, h2c"),
        ("Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: TLS/1.3"),
        ("Connection: Upgrade",),
    ],
)
async def test_other_protocols_are_not_switched_to(
    lines: tuple[str, ...], service: Service, start_gateway: StartGateway
) -> None:
    """h2c smuggling: a tunnel to a service that speaks HTTP/2 would have no policy at all."""
    gateway = await start_gateway(routes=SOCKET_ROUTES)

    for target in ("/socket/", "/public/"):
        await gateway.ask(make_request(target, bearer(), *lines))

    for request in service.requests:
        assert not request.has(b"upgrade")
        assert not request.has(b"http2-settings")
        assert not request.has(b"connection")
