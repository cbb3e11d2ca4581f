"""Upgrades that turned into tunnels past the policy of other gateways."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import bearer
from tests.proxy.handshakes import ACCEPT, SWITCHED, UPGRADE, make_switch
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import make_chunked, make_request, read_answer
from tests.proxy.service import Service, echo, serve
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


_CONNECTION, _PROTOCOL, _KEY, _VERSION = UPGRADE

_NO_HANDSHAKES = {
    "no key": make_request("/socket/", bearer(), _CONNECTION, _PROTOCOL, _VERSION),
    "two keys": make_request("/socket/", bearer(), *UPGRADE, _KEY),
    "a short key": make_request(
        "/socket/", bearer(), _CONNECTION, _PROTOCOL, _VERSION, "Sec-WebSocket-Key: YWJj"
    ),
    "the key named by Connection": make_request(
        "/socket/",
        bearer(),
        "Connection: Upgrade, Sec-WebSocket-Key",
        _PROTOCOL,
        _KEY,
        _VERSION,
    ),
    "no version": make_request("/socket/", bearer(), _CONNECTION, _PROTOCOL, _KEY),
    "two versions": make_request("/socket/", bearer(), *UPGRADE, "Sec-WebSocket-Version: 8"),
    "POST": make_request("/socket/", bearer(), *UPGRADE, method="POST"),
    "HEAD": make_request("/socket/", bearer(), *UPGRADE, method="HEAD"),
    "with a body": make_request("/socket/", bearer(), *UPGRADE, body=b"x"),
    "with no bytes of a body": make_request("/socket/", bearer(), *UPGRADE, body=b""),
    "with chunks": make_request("/socket/", bearer(), *UPGRADE, "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("request_bytes", _NO_HANDSHAKES.values(), ids=_NO_HANDSHAKES)
async def test_an_invalid_handshake_is_no_tunnel(
    request_bytes: bytes, service: Service, start_gateway: StartGateway
) -> None:
    """9110.8, RFC 6455 §4.2.1."""
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    wire = await gateway.connect()

    await pour(wire, request_bytes)
    answer = await read_answer(wire, is_head=request_bytes.startswith(b"HEAD"))
    await pour(wire, _SMUGGLED)
    await wire.wait_end()

    assert answer.status == 400
    assert service.received == b""


_NO_AGREEMENTS = {
    "no accept": make_switch(accept=b""),
    "another accept": make_switch(accept=b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    "two accepts": make_switch(ACCEPT),
    "the accept named by Connection": make_switch(
        connection=b"Connection: Upgrade, Sec-WebSocket-Accept"
    ),
    "another protocol": make_switch(upgrade=b"Upgrade: h2c"),
    "two protocols": make_switch(b"Upgrade: h2c"),
    "no protocol": make_switch(upgrade=b""),
    "no connection option": make_switch(connection=b""),
    "a subprotocol": make_switch(b"Sec-WebSocket-Protocol: chat"),
    "an extension": make_switch(b"Sec-WebSocket-Extensions: permessage-deflate"),
    "a body": make_switch(b"Content-Length: 5"),
}


@pytest.mark.parametrize("switch", _NO_AGREEMENTS.values(), ids=_NO_AGREEMENTS)
async def test_a_101_that_does_not_match_the_handshake_is_no_tunnel(
    switch: bytes, service: Service, start_gateway: StartGateway
) -> None:
    """RFC 6455 §4.1: what is behind it would pass unseen."""
    service.script = serve(switch + b"canary")
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    wire = await gateway.connect()

    await pour(wire, make_request("/socket/", bearer(), *UPGRADE))
    answer = await read_answer(wire)
    await pour(wire, _SMUGGLED)
    await wire.wait_end()

    assert (answer.status, reason(answer)) == (502, Reason.UPSTREAM_INVALID.code)
    assert b"canary" not in wire.received
    assert b"smuggled" not in service.received
    assert gateway.metric("gateway_tunnels_open") == 0


async def test_a_101_to_another_version_is_no_tunnel(
    service: Service, start_gateway: StartGateway
) -> None:
    service.script = serve(SWITCHED)
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    lines = (_CONNECTION, _PROTOCOL, _KEY, "Sec-WebSocket-Version: 8")

    answer = await gateway.ask(make_request("/socket/", bearer(), *lines))

    assert (answer.status, reason(answer)) == (502, Reason.UPSTREAM_INVALID.code)


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
    assert answer.has(b"upgrade") == (status == 426)  # 9110.13
    assert b"smuggled" not in service.received


@pytest.mark.parametrize(
    "head",
    [
        make_request("/socket/", bearer(), *UPGRADE),
        make_request("/public/", *UPGRADE),
        b"CONNECT /public/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT admin:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["websocket", "not allowed", "CONNECT a path", "CONNECT"],
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
        ("Connection: Upgrade", "Upgrade: h2c, TLS/1.2"),
        ("Connection: Upgrade", "Upgrade: h2c", "Upgrade: h2"),
        ("Connection: Upgrade", "Upgrade: TLS/1.3"),
        ("Connection: Upgrade",),
    ],
)
async def test_other_protocols_are_not_switched_to(
    lines: tuple[str, ...], service: Service, start_gateway: StartGateway
) -> None:
    """h2c smuggling: a tunnel to a service that speaks HTTP/2 would have no policy at all."""
    service.script = echo
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    client = await gateway.connect()

    for target in ("/socket/", "/public/"):
        client.send(make_request(target, bearer(), *lines))
        answer = await read_answer(client)
        assert (answer.status, answer.body) == (200, target.encode() + b" ")

    assert len(service.requests) == 2
    for request in service.requests:
        assert not request.has(b"upgrade")
        assert not request.has(b"http2-settings")
        assert not request.has(b"connection")


H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


def chunked(*chunks: bytes) -> bytes:
    head = make_request("/public/2", *H2C, "Transfer-Encoding: chunked", method="POST")
    return head + make_chunked(*chunks)


@pytest.mark.parametrize("size", [1, 7, 4096, 100_000])
async def test_an_upgrade_that_is_ignored_frames_its_request_as_any_other(
    size: int, service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9110 §7.8: its body is a body, and what is behind it the next request."""
    service.script = echo
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    client = await gateway.connect()
    stream = (
        make_request("/public/0", *H2C)
        + make_request("/public/1", *H2C, method="POST", body=b"x" * 10_000)
        + chunked(b"one", b"y" * 10_000, _SMUGGLED)
        + make_request("/public/3", *H2C, method="POST", body=b"")
        + chunked()
        + make_request("/public/4", method="PUT", body=_SMUGGLED)
        + make_request("/public/5")
    )

    for start in range(0, len(stream), size):
        client.send(stream[start : start + size])
    bodies = [(await read_answer(client)).body for _ in range(7)]

    assert bodies == [
        b"/public/0 ",
        b"/public/1 " + b"x" * 10_000,
        b"/public/2 one" + b"y" * 10_000 + _SMUGGLED,
        b"/public/3 ",
        b"/public/2 ",
        b"/public/4 " + _SMUGGLED,
        b"/public/5 ",
    ]
    for request in service.requests:
        assert not {b"upgrade", b"connection", b"http2-settings"} & {
            name.lower() for name, _ in request.fields
        }


async def test_a_preface_of_http_2_after_an_upgrade_that_is_ignored_is_no_request(
    service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9113 §3.4: who takes the answer for consent is refused."""
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    client = await gateway.connect()

    client.send(make_request("/public/", *H2C) + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    answers = await answers_until_end(client)

    assert [answer.status for answer in answers] == [200, 400]
    assert len(service.requests) == 1


async def test_an_upgrade_that_is_ignored_is_no_way_past_the_policy(
    service: Service, start_gateway: StartGateway
) -> None:
    """h2c smuggling: no token, no request; and a 101 that nobody asked for is no tunnel."""
    service.script = serve(SWITCHED)
    gateway = await start_gateway(routes=SOCKET_ROUTES)

    refused = await gateway.ask(make_request("/socket/", *H2C))
    unasked = await gateway.ask(make_request("/public/", *H2C))

    assert reason(refused) == Reason.TOKEN_MISSING.code
    assert (unasked.status, reason(unasked)) == (502, Reason.UPSTREAM_INVALID.code)
    assert gateway.metric("gateway_tunnels_open") == 0


async def test_a_body_after_an_upgrade_that_is_ignored_is_limited_as_any_other(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(routes=SOCKET_ROUTES, limits={"body": "1KiB"})

    long = await gateway.ask(make_request("/public/", *H2C, method="POST", body=b"x" * 2000))
    client = await gateway.connect()
    client.send(chunked(b"x" * 500, b"x" * 1000))

    assert reason(long) == Reason.BODY_TOO_LARGE.code
    assert reason(await read_answer(client)) == Reason.BODY_TOO_LARGE.code


async def test_an_upgrade_in_http_1_0_is_ignored(
    service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9110 §7.8: a server must."""
    gateway = await start_gateway(routes=SOCKET_ROUTES)

    answer = await gateway.ask(make_request("/socket/", bearer(), *UPGRADE, version="1.0"))

    assert answer.status == 200
    (request,) = service.requests
    assert not request.has(b"upgrade")
    assert not request.has(b"connection")


async def test_of_several_protocols_the_one_that_the_route_lists_is_asked_for(
    service: Service, start_gateway: StartGateway
) -> None:
    """RFC 9110 §7.8: a server takes one of the list."""
    service.script = serve(SWITCHED)
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    wire = await gateway.connect()

    wire.send(
        make_request("/socket/", bearer(), _CONNECTION, "Upgrade: h2c, websocket", _KEY, _VERSION)
    )

    assert (await read_answer(wire)).status == 101
    assert service.requests[0].all(b"upgrade") == [b"websocket"]


async def test_clients_that_offer_an_upgrade_with_every_request_are_read_as_fast_as_others(
    service: Service, start_gateway: StartGateway
) -> None:
    """Java's does: its header section is remembered as any other."""
    gateway = await start_gateway(routes=SOCKET_ROUTES)
    client = await gateway.connect()
    client.send(make_request("/public/", *H2C))
    assert (await read_answer(client)).status == 200

    side = gateway.only_client()
    assert side._reader.repeated_head.match(make_request("/public/other", *H2C)) is not None
