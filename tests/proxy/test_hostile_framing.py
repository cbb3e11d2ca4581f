"""Framing that two parsers read in two ways: none of it reaches a service."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.hostile import HOSTILE_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import make_request
from tests.proxy.service import Service

_POST = b"POST /public/ HTTP/1.1\r\nHost: gateway.test\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
_SMUGGLED = b"GET /public/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


MALFORMED: list[tuple[str, bytes]] = [
    ("CVE-2023-47627 aiohttp: chunk size 0x5", _CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2023-47627 aiohttp: chunk size +5", _CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2023-47627 aiohttp: chunk size -5", _CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2023-47627 aiohttp: chunk size 5_0", _CHUNKED + b"5_0\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2023-47627 aiohttp: space before a size", _CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n"),
    ("9112.10: space behind a chunk size", _CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n"),
    ("9112.10: no chunk size", _CHUNKED + b"\r\nhello\r\n0\r\n\r\n"),
    ("9112.10: a chunk size of 17 digits", _CHUNKED + b"1" + b"0" * 16 + b"\r\nhello\r\n"),
    ("9112.10: only an extension", _CHUNKED + b";a\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2025-43859 h11: no line end behind a chunk", _CHUNKED + b"5\r\nhelloXX0\r\n\r\n"),
    ("CVE-2025-43859 h11: a chunk too long", _CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n"),
    ("CVE-2025-22871 Go: bare LF behind a size", _CHUNKED + b"5\nhello\r\n0\r\n\r\n"),
    ("CVE-2025-22871 Go: bare LF behind a chunk", _CHUNKED + b"5\r\nhello\n0\r\n\r\n"),
    ("CVE-2024-52304 aiohttp: LF in an extension", _CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2025-55315 Kestrel: CR in an extension", _CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("CVE-2025-55315 Kestrel: LF ends an extension", _CHUNKED + b"5;a\nhello\r\n0\r\n\r\n"),
    ("CVE-2025-53643 aiohttp: a request for a trailer", _CHUNKED + b"0\r\n" + _SMUGGLED),
    ("CVE-2026-34525 aiohttp: two Hosts", b"GET /public/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("CVE-2026-34525: two equal Hosts", b"GET /public/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("CVE-2026-34525: a comma in Host", b"GET /public/ HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    ("CVE-2026-34525: user information in Host", b"GET /public/ HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    ("CVE-2026-34525: a path in Host", b"GET /public/ HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("CVE-2026-34525: an empty Host", b"GET /public/ HTTP/1.1\r\nHost:\r\n\r\n"),
    ("CVE-2026-34525: an empty Host and another", b"GET / HTTP/1.1\r\nHost: \r\nHost: a\r\n\r\n"),
    ("9112.1: no Host", b"GET /public/ HTTP/1.1\r\nX-A: 1\r\n\r\n"),
    (
        "CVE-2024-1135 gunicorn: two codings",
        _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    ),
    (
        "CVE-2024-6827 gunicorn: two coding fields",
        _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "CVE-2024-1135 gunicorn: a coding and a length",
        _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    (
        "9112.6: a length and a coding",
        _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("9112.7: a coding that is not chunked", _POST + b"Transfer-Encoding: xchunked\r\n\r\n"),
    ("9112.7: a quoted coding", _POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    ("9112.7: VT before a coding", _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("9112.7: no coding", _POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    ("9112.2: a space behind a name", _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    (
        "CVE-2021-40346 HAProxy: overflow",
        _POST + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    ),
    ("CVE-2021-40346: below overflow", _POST + b"Content-Length: 9999999999999999999\r\n\r\n"),
    ("CVE-2023-25725 HAProxy: an empty name", b"GET /public/ HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
    ("CVE-2023-40225 HAProxy: an empty length", _POST + b"Content-Length:\r\n\r\nhello"),
    ("CVE-2023-40225 HAProxy: two lengths", _POST + b"Content-Length: 0, 5\r\n\r\nhello"),
    ("CVE-2023-40225: equal lengths", _POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    ("9112.8: two fields", _POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("CVE-2023-40225 HAProxy: a space in a length", _POST + b"Content-Length: 5 5\r\n\r\nhello"),
    ("CVE-2023-38697 protocol-http1: +5", _POST + b"Content-Length: +5\r\n\r\nhello"),
    ("CVE-2023-38697 protocol-http1: 0x5", _POST + b"Content-Length: 0x5\r\n\r\nhello"),
    ("9112.8: -5", _POST + b"Content-Length: -5\r\n\r\nhello"),
    ("9112.8: 5_0", _POST + b"Content-Length: 5_0\r\n\r\nhello"),
    ("9112.8: a digit of another script", _POST + b"Content-Length: \xd9\xa5\r\n\r\nhello"),
    ("CVE-2022-32213 llhttp: folding", _POST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n"),
    ("CVE-2022-32215 llhttp: folding", _POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("CVE-2022-32214 llhttp: bare LF", _POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n"),
    ("CVE-2022-32214 llhttp: bare CR", _POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n"),
    ("9112.3: folding", b"GET /public/ HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
    ("9112.4: bare CR", b"GET /public/ HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"),
    ("9112.4: NUL in a value", _POST + b"X: a\x00b\r\n\r\n"),
    ("9112.4: NUL in a name", _POST + b"X\x00: a\r\n\r\n"),
    ("9112.4: bare LF everywhere", b"GET /public/ HTTP/1.1\nHost: a\n\n"),
    ("RFC 9113 3.4: not quite the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"),
    ("9112.9: a coding in HTTP/1.0", _CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n"),
    (
        "9112.9: a coding in HTTP/1.0, kept alive",
        _CHUNKED.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n") + b"0\r\n\r\n",
    ),
    ("RFC 1945: HTTP/0.9", b"GET /public/\r\n\r\n"),
    ("RFC 9112 2.3: HTTP/2.0", b"GET /public/ HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("RFC 9112 2.3: HTTP/1.2", b"GET /public/ HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("RFC 9112 2.3: HTTP/11.1", b"GET /public/ HTTP/11.1\r\nHost: a\r\n\r\n"),
    ("RFC 9112 2.3: http/1.1", b"GET /public/ http/1.1\r\nHost: a\r\n\r\n"),
    ("RFC 9112 3: a space in the target", b"GET /public/ x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("RFC 9112 3: a tab for a space", b"GET\t/public/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("RFC 8446: a TLS record", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)),
    ("RFC 9112 2.2: garbage", bytes(range(256))),
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(
    "raw", [case[1] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
async def test_malformed_framing_is_refused_and_nothing_after_it_is_read(
    raw: bytes, bytewise: bool, service: Service, gateway: RunningGateway
) -> None:
    """9112.15"""
    wire = await gateway.connect()

    await pour(wire, raw, bytewise=bytewise)
    await pour(wire, b"" if bytewise else _SMUGGLED)
    answers = await answers_until_end(wire)

    assert [reason(answer) for answer in answers] == [Reason.REQUEST_MALFORMED.code]
    assert answers[0].one(b"connection") == b"close"
    await gateway.stop()
    for connection in service.connections:
        await connection.wait_end()
    assert service.requests == []
    assert b"smuggled" not in service.received


async def test_an_absolute_target_replaces_the_host(
    service: Service, gateway: RunningGateway
) -> None:
    """9112.5, 10017.7."""
    answer = await gateway.ask(make_request("http://other.test/public/x?y", host="gateway.test"))

    assert answer.status == 200
    (request,) = service.requests
    assert (request.target, request.one(b"host")) == (b"/public/x?y", b"other.test")


@pytest.mark.parametrize(
    ("request_bytes", "wanted"),
    [
        (make_request("/public/" + "a" * 9000), Reason.TARGET_TOO_LONG),
        (make_request("/public/" + "a" * 40_000), Reason.TARGET_TOO_LONG),
        (make_request("/public/", "X: " + "a" * 40_000), Reason.HEADERS_TOO_LARGE),
        (make_request("/public/", "Via: " + "a" * 40_000), Reason.HEADERS_TOO_LARGE),
        (make_request("/public/", "X_Dropped: " + "a" * 40_000), Reason.HEADERS_TOO_LARGE),
        (make_request("/public/", *["X: a"] * 200), Reason.HEADERS_TOO_LARGE),
        (make_request("/public/", *["X_Dropped: a"] * 200), Reason.HEADERS_TOO_LARGE),
        (
            make_request("/api/", b"Authorization: Bearer " + b"." * 60_000),
            Reason.HEADERS_TOO_LARGE,
        ),
    ],
    ids=[
        "target",
        "long target",
        "field",
        "field with a meaning",
        "dropped field",
        "fields",
        "dropped fields",
        "CVE-2025-30204: dots",
    ],
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "in pieces"])
async def test_heads_have_a_limit(
    request_bytes: bytes,
    wanted: Reason,
    bytewise: bool,
    service: Service,
    gateway: RunningGateway,
) -> None:
    """9112.14"""
    wire = await gateway.connect()

    step = 1000 if bytewise else len(request_bytes)
    for at in range(0, len(request_bytes), step):
        await pour(wire, request_bytes[at : at + step])
    answers = await answers_until_end(wire)

    assert [reason(answer) for answer in answers] == [wanted.code]
    assert service.received == b""
