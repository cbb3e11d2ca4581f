"""Responses that other gateways passed on: judged by what the client saw."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.hostile import HOSTILE_ROUTES, is_cut, pour, reason
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

_OK = b"HTTP/1.1 200 OK\r\n"


_CANARY = make_answer(b"canary", b"X-Canary: canary")


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


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


INVALID: list[tuple[str, bytes]] = [
    (
        "a length and a coding",
        _OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a coding and a length",
        _OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("9112.8: two lengths", _OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    ("9112.8: a list of lengths", _OK + b"Content-Length: 5, 5\r\n\r\nhello"),
    ("9112.8: a signed length", _OK + b"Content-Length: +5\r\n\r\nhello"),
    ("9112.8: overflow", _OK + b"Content-Length: 18446744073709551621\r\n\r\nhello"),
    ("9112.7: another coding", _OK + b"Transfer-Encoding: gzip\r\n\r\nhello"),
    ("9112.7: two codings", _OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("9112.3: folding", _OK + b"X: y\r\n z\r\nContent-Length: 0\r\n\r\n"),
    ("CVE-2026-34519 aiohttp: LF in a field", _OK + b"X: y\nZ: a\r\nContent-Length: 0\r\n\r\n"),
    ("CVE-2026-34519 aiohttp: CR in a field", _OK + b"X: y\rZ: a\r\nContent-Length: 0\r\n\r\n"),
    ("CVE-2026-34519 aiohttp: NUL in a field", _OK + b"X: y\x00z\r\nContent-Length: 0\r\n\r\n"),
    ("CVE-2026-34519 aiohttp: CR in a phrase", b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"),
    ("CVE-2026-34519 aiohttp: 20,000 fields", _OK + b"X: y\r\n" * 20_000 + b"\r\n"),
    ("CVE-2026-34519 aiohttp: a field of 1 MB", _OK + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n"),
    ("a space in a name", _OK + b"X Y: z\r\nContent-Length: 0\r\n\r\n"),
    ("an empty name", _OK + b": z\r\nContent-Length: 0\r\n\r\n"),
    ("101, unasked", b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ("a flood of 1xx", b"HTTP/1.1 103 X\r\n\r\n" * 10_000),
    ("no HTTP", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/3.0", b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
]


@pytest.mark.parametrize("raw", [case[1] for case in INVALID], ids=[case[0] for case in INVALID])
async def test_an_invalid_response_is_a_502_and_affects_no_other(
    raw: bytes, service: Service, gateway: RunningGateway
) -> None:
    """9110.14"""
    service.script = hostile(raw + _CANARY)
    wire = await gateway.connect()

    wire.send(make_request("/public/1"))
    answer = await read_answer(wire)
    while answer.status == 103:
        answer = await read_answer(wire)
    wire.send(make_request("/public/2"))

    assert reason(answer) == Reason.UPSTREAM_INVALID.code
    assert (await read_answer(wire)).body == b"fine"
    assert b"canary" not in wire.received


BROKEN: list[tuple[str, bytes]] = [
    ("a chunk cut short", b"5\r\nhel"),
    ("no last chunk", b"5\r\nhello\r\n"),
    ("no end of trailers", b"5\r\nhello\r\n0\r\n"),
    ("a bad size", b"5\r\nhello\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    ("a chunk too long", b"5\r\nhello!\r\n0\r\n\r\n"),
    ("LF ends a size", b"5\r\nhello\r\n5\nhello\r\n0\r\n\r\n"),
    ("LF in an extension", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("a size without end", b"F" * 17 + b"\r\nhello"),
]


@pytest.mark.parametrize("body", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
async def test_a_broken_body_never_looks_complete(
    body: bytes, bytewise: bool, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 8: refused where nothing was sent on yet, else cut."""
    raw = _OK + b"Transfer-Encoding: chunked\r\n\r\n" + body
    service.script = hostile(raw, close=True, bytewise=bytewise)
    wire = await gateway.connect()

    wire.send(make_request("/public/1"))

    assert await is_cut(wire) or wire.received.startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("sent", [b"", b"ab", b"a" * 99])
async def test_a_body_shorter_than_its_length_never_looks_complete(
    sent: bytes, service: Service, gateway: RunningGateway
) -> None:
    raw = _OK + b"Content-Length: 100\r\n\r\n" + sent
    service.script = hostile(raw, close=True)
    wire = await gateway.connect()

    wire.send(make_request("/public/1"))

    assert await is_cut(wire) or wire.received.startswith(b"HTTP/1.1 502 ")


EXCESS: list[tuple[str, str, bytes, int]] = [
    ("two answers", "GET", make_answer(b"fine") + _CANARY, 200),
    ("a body longer than its length", "GET", make_answer(b"fine") + b"canary", 200),
    ("204 with a body", "GET", make_answer(b"canary", status=204), 204),
    ("304 with a body", "GET", make_answer(b"canary", status=304), 304),
    ("204 with chunks", "GET", b"HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"6\r\ncanary\r\n0\r\n\r\n", 204),
    ("HEAD with a body", "HEAD", make_answer(b"canary"), 200),
    ("HEAD with chunks", "HEAD", _OK + b"Transfer-Encoding: chunked\r\n\r\n"
     b"6\r\ncanary\r\n0\r\n\r\n", 200),
    ("HEAD and another answer", "HEAD", _OK + b"Content-Length: 0\r\n\r\n" + _CANARY, 200),
    ("HEAD and no length", "HEAD", _OK + b"\r\ncanary", 200),
    ("chunks and another answer", "GET", _OK + b"Transfer-Encoding: chunked\r\n\r\n"
     b"4\r\nfine\r\n0\r\n\r\n" + _CANARY, 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "raw", "status"), [case[1:] for case in EXCESS], ids=[case[0] for case in EXCESS]
)
async def test_bytes_after_a_response_are_not_the_next_one(
    method: str, raw: bytes, status: int, service: Service, gateway: RunningGateway
) -> None:
    """RFC 9112 9.2: the rest of a connection that said too much is thrown away."""
    service.script = hostile(raw)
    wire = await gateway.connect()

    wire.send(make_request("/public/1", method=method))
    first = await read_answer(wire, is_head=method == "HEAD")
    bodies = []
    for number in range(3):
        wire.send(make_request(f"/public/{number}"))
        bodies.append((await read_answer(wire)).body)

    assert first.status == status
    assert bodies == [b"fine"] * 3
    assert len(service.connections) == 2
    assert b"canary" not in wire.received


async def test_the_reason_phrase_of_a_status_is_the_gateways(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-34519 aiohttp: a reason phrase is text of the service."""
    service.script = hostile(b"HTTP/1.1 200 <b>\x1b[31mX-A: 1</b>\r\nContent-Length: 0\r\n\r\n")

    answer = await gateway.ask(make_request("/public/"))

    assert answer.start == b"HTTP/1.1 200 OK"


async def test_a_426_says_to_what_to_upgrade(service: Service, gateway: RunningGateway) -> None:
    """9110.13: it must have an Upgrade field, the one field of the connection that goes on."""
    lines = (b"Connection: Upgrade, X-Hop", b"Upgrade: TLS/1.3, HTTP/2.0", b"X-Hop: 1")
    service.script = hostile(make_answer(b"upgrade", *lines, status=426))

    answer = await gateway.ask(make_request("/public/"))

    assert answer.one(b"upgrade") == b"TLS/1.3, HTTP/2.0"
    assert answer.one(b"connection") == b"Upgrade"
    assert answer.body == b"upgrade"
    assert not answer.has(b"x-hop")


async def test_fields_of_one_connection_stay_on_it(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.1, 9110.2, and 9110.4: Set-Cookie is never merged."""
    lines = (
        b"Connection: close, X-Hop",
        b"X-Hop: 1",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: close",
        b"Upgrade: h2c",
        b"Trailer: X-T",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"WWW-Authenticate: Basic",
    )
    service.script = hostile(make_answer(b"fine", *lines))

    answer = await gateway.ask(make_request("/public/"))

    gone = [b"connection", b"x-hop", b"keep-alive", b"proxy-connection", b"upgrade", b"trailer"]
    assert [name for name in gone if answer.has(name)] == []
    assert answer.all(b"set-cookie") == [b"a=1", b"b=2"]
    assert answer.one(b"www-authenticate") == b"Basic"
