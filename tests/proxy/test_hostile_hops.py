"""Fields of one connection, trailers and forwarding fields: none says more than it may."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.hostile import HOSTILE_ROUTES, reason
from tests.proxy.messages import make_chunked, make_request
from tests.proxy.service import Service

SUBJECT = b"x-gateway-subject"


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


@pytest.mark.parametrize(
    "named",
    [
        "close, X-Gateway-Subject",
        "X-Gateway-Subject, X-Gateway-Issuer, keep-alive",
        "x-gateway-subject,x-forwarded-for,forwarded,via,host,x-request-id",
        "close,X-Forwarded-For,X-Forwarded-Proto,X-Forwarded-Host",
        "Content-Length, Transfer-Encoding, Host",
    ],
)
async def test_connection_removes_no_field_of_the_gateway(
    named: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2024-45410 Traefik, CVE-2025-48865 Fabio, CVE-2022-31813 httpd, 9110.1."""
    lines = (f"Connection: {named}", "X-Gateway-Subject: mallory", "X-Forwarded-For: 10.0.0.1")

    answer = await gateway.ask(make_request("/api/", bearer(), *lines, method="POST", body=b"body"))

    assert answer.status == 200
    (request,) = service.requests
    assert request.one(SUBJECT) == b"alice"
    assert request.one(b"x-gateway-issuer") == b"https://login.example.com/"
    assert request.one(b"x-forwarded-for") == b"127.0.0.1"
    assert request.one(b"x-forwarded-proto") == b"http"
    assert request.one(b"host") == b"gateway.test"
    assert request.has(b"via")
    assert request.has(b"x-request-id")
    assert request.body == b"body"


async def test_connection_removes_the_fields_of_the_client_that_it_names(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.1, 9110.2"""
    lines = (
        "Connection: X-Hop, close",
        "Connection: x-other",
        "X-Hop: 1",
        "X-OTHER: 2",
        "X-Kept: 3",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Trailer: X-Kept",
        "Proxy-Authorization: Basic c2VjcmV0",
    )

    await gateway.ask(make_request("/public/", *lines))

    (request,) = service.requests
    gone = [b"connection", b"x-hop", b"x-other", b"keep-alive", b"proxy-connection"]
    gone += [b"te", b"trailer", b"proxy-authorization"]
    assert [name for name in gone if request.has(name)] == []
    assert request.one(b"x-kept") == b"3"


async def test_no_trailer_says_what_a_head_may_not(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.16, 9112.12: HAProxy forwards identity and Authorization that come as trailers."""
    request = make_request(
        "/api/",
        bearer(),
        "Transfer-Encoding: chunked",
        "Trailer: X-Gateway-Subject",
        "TE: trailers",
        method="POST",
    )
    trailers = (
        b"X-Gateway-Subject: mallory",
        b"HTTP_X_GATEWAY_SUBJECT: mallory",
        b"Authorization: Bearer mallory",
        b"Cookie: mallory",
        b"X-Forwarded-For: mallory",
        b"Traceparent: mallory",
        b"X-Sum: 7",
    )

    answer = await gateway.ask(request + make_chunked(b"body", trailers=trailers))

    assert answer.status == 200
    assert b"mallory" not in service.received
    (seen,) = service.requests
    assert (seen.body, seen.one(SUBJECT)) == (b"body", b"alice")
    assert seen.trailers == ((b"X-Sum", b"7"),)
    assert not seen.has(b"trailer")
    assert not seen.has(b"te")


async def test_a_token_in_a_trailer_is_no_token(service: Service, gateway: RunningGateway) -> None:
    """9112.12"""
    request = make_request("/api/", "Transfer-Encoding: chunked", method="POST")
    body = make_chunked(b"body", trailers=(bearer(),))

    answer = await gateway.ask(request + body)

    assert reason(answer) == Reason.TOKEN_MISSING.code
    assert service.received == b""


async def test_the_token_is_not_forwarded(service: Service, gateway: RunningGateway) -> None:
    """MCP.1: a token of one audience is never passed on to another."""
    await gateway.ask(make_request("/api/", bearer()))
    await gateway.ask(make_request("/public/", bearer()))

    assert not any(request.has(b"authorization") for request in service.requests)


async def test_connection_cannot_remove_a_token_that_is_forwarded(
    service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2024-45410 Traefik: the service would serve the caller as nobody."""
    gateway = await start_gateway(routes=HOSTILE_ROUTES, identity={"forward_token": True})

    await gateway.ask(make_request("/api/", bearer(), "Connection: Authorization, close"))

    assert service.requests[0].one(b"authorization") == bearer().removeprefix(b"Authorization: ")


@pytest.mark.parametrize("target", ["/public/", "/api/"])
async def test_forwarding_fields_are_written_by_the_gateway(
    target: str, service: Service, gateway: RunningGateway
) -> None:
    """7239.1, 7239.2: from a peer that nobody trusts all of it is replaced."""
    lines = (
        "X-Forwarded-For: 10.9.9.9",
        "X-Forwarded-For: 10.9.9.8",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example.com",
        "X-Forwarded-Port: 10999",
        "X-Forwarded-Server: evil.example.com",
        "X-Forwarded-User: evil",
        "X-Forwarded-Client-Cert: evil",
        "X_Forwarded_For: 10.9.9.9",
        'Forwarded: for="10.9.9.9";host=evil.example.com',
        "X-Real-IP: 10.9.9.9",
    )

    await gateway.ask(make_request(target, bearer(), *lines))

    assert b"10.9.9" not in service.received
    assert b"evil" not in service.received
    (request,) = service.requests
    assert request.one(b"x-forwarded-for") == b"127.0.0.1"
    assert request.one(b"forwarded") == b'for=127.0.0.1;host="gateway.test";proto=http'
