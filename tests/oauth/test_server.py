"""Any response of a server is a value: tokens, or a fault without a secret in it."""

import asyncio
import json
import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import trustme
from aiohttp import ClientSession, web

from gateway.oauth.authorization import CodeRequest
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.metadata import Endpoints
from gateway.oauth.responses import DeviceAuthorization, PushedRequest, TokenResponse
from gateway.oauth.server import AuthorizationServer, ConsentPage
from gateway.settings.values.clients import ClientAuthentication
from tests.keyring.peers import Answer, IssuerPeer, body, issuer_peer
from tests.oauth.clients import NOW, SECRET, answer, client, last_form, server_at

CODE = "SplxlOBeZQQYbYS6WxSbIA"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
REFRESH = "tGzv3JOkF0XG5Qx2TlKWIA"
TOKENS: dict[str, Any] = {
    "access_token": "2YotnFZFEjr1zCsicMWpAA",
    "token_type": "Bearer",
    "expires_in": 60,
}
REDIRECT = "https://app.example.com/cb"
REQUEST = CodeRequest("shop", REDIRECT, ("openid",), "st4te", VERIFIER, "n0nce").form()


async def test_a_code_is_exchanged_with_its_verifier(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """7636.3."""
    peer.answer = answer(**TOKENS)

    found = await server_at(peer, session).exchange_code(
        CODE, REDIRECT, VERIFIER, (("resource", "https://api.example"),)
    )

    assert isinstance(found, TokenResponse)
    assert found.access_token == TOKENS["access_token"]
    assert peer.paths == ["/token"]
    assert last_form(peer) == {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "resource": "https://api.example",
    }
    assert peer.headers[0]["Authorization"].startswith("Basic ")


async def test_a_public_client_names_itself_in_every_request(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """6749.3."""
    server = server_at(peer, session, client(ClientAuthentication.NONE))
    peer.answer = answer(**TOKENS)

    await server.refresh(REFRESH, (("scope", "a b"),))
    assert last_form(peer) == {
        "grant_type": "refresh_token",
        "refresh_token": REFRESH,
        "scope": "a b",
        "client_id": "shop",
    }
    await server.push(REQUEST)
    assert last_form(peer) == dict(REQUEST)
    await server.authorize_device(())
    assert last_form(peer) == {"client_id": "shop"}
    assert not [fields for fields in peer.headers if "Authorization" in fields]


async def test_what_proves_the_client_is_never_replaced_by_a_parameter(
    peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = answer(**TOKENS)
    server = server_at(peer, session, client(ClientAuthentication.POST))

    await server.tokens((("grant_type", "x"), ("client_secret", "other"), ("client_id", "other")))

    assert last_form(peer) == {"grant_type": "x", "client_id": "shop", "client_secret": SECRET}


async def test_a_request_is_pushed_where_that_is_offered(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """9126.1: the browser carries nothing but a reference."""
    peer.answer = answer(201, request_uri="urn:x:1", expires_in=60)

    page = await server_at(peer, session).ask_for_consent(REQUEST)

    url = f"{peer.url}/authorize?tenant=a%20b&client_id=shop&request_uri=urn%3Ax%3A1"
    assert page == ConsentPage(url, 60.0)
    assert peer.paths == ["/par"]
    assert last_form(peer) == dict(REQUEST)


async def test_a_request_goes_through_the_browser_where_it_cannot_be_pushed(
    peer: IssuerPeer, session: ClientSession
) -> None:
    url = await server_at(peer, session, pushes=False).authorization_url(REQUEST)

    assert isinstance(url, str)
    parts = urlsplit(url)
    assert parts._replace(query="").geturl() == peer.url + "/authorize"
    assert parse_qsl(parts.query) == [("tenant", "a b"), *REQUEST]
    assert peer.paths == []


async def test_a_push_that_fails_sends_nobody_through_the_browser(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """9126.1."""
    peer.answer = answer(400, error="invalid_request")

    found = await server_at(peer, session).authorization_url(REQUEST)

    assert isinstance(found, OAuthFault)
    assert found.code == "invalid_request"


async def test_a_server_that_requires_what_it_does_not_offer_gets_no_request(
    peer: IssuerPeer, session: ClientSession
) -> None:
    server = server_at(peer, session, pushes=False, requires_push=True)

    found = await server.authorization_url(REQUEST)

    assert isinstance(found, OAuthFault)
    assert "has no pushed_authorization_request_endpoint" in found.detail


async def test_the_other_requests_have_their_own_responses(
    peer: IssuerPeer, session: ClientSession
) -> None:
    server = server_at(peer, session)
    peer.answer = answer(request_uri="urn:x:1", expires_in=60)
    assert await server.push(REQUEST) == PushedRequest("urn:x:1", 60.0)

    peer.answer = answer(
        device_code="d", user_code="u", verification_uri="https://a.example/d", expires_in=60
    )
    device = await server.authorize_device((("scope", "a"),))
    assert isinstance(device, DeviceAuthorization)
    assert last_form(peer) == {"client_id": "shop", "scope": "a"}

    peer.answer = body(b"")
    assert await server.revoke(REFRESH) is None
    assert last_form(peer) == {"token": REFRESH}
    assert peer.paths == ["/par", "/device", "/revoke"]


async def test_a_server_lacks_what_its_metadata_do_not_have(
    peer: IssuerPeer, session: ClientSession
) -> None:
    server = server_at(peer, session)
    server.endpoints = Endpoints(peer.url)

    for found in (
        await server.tokens(()),
        await server.authorization_url(REQUEST),
        await server.push(REQUEST),
        await server.authorize_device(()),
        await server.revoke(REFRESH),
    ):
        assert isinstance(found, OAuthFault)
        assert found.kind is FaultKind.INVALID_RESPONSE
        assert "its metadata has no " in found.detail
    assert peer.paths == []


def text(status: int, octets: bytes, media_type: str = "application/json") -> Answer:
    return body(octets, status, Content_Type=media_type)


GOOD = json.dumps(TOKENS).encode()
UNAVAILABLE, INVALID, ERROR = FaultKind.UNAVAILABLE, FaultKind.INVALID_RESPONSE, FaultKind.ERROR

FAULTS = {
    "6749.7: an error": (answer(400, error="invalid_grant"), ERROR, "invalid_grant"),
    "6749.7: of the client": (answer(401, error="invalid_client"), ERROR, "invalid_client"),
    "another status with an error": (answer(403, error="access_denied"), ERROR, "access_denied"),
    "an error without a code": (answer(400, message="no"), INVALID, ""),
    "an error with a secret for a code": (answer(400, error=CODE), INVALID, ""),
    "an error that is not JSON": (text(400, b"<html>", "text/html"), INVALID, ""),
    "a 404": (text(404, b"{}"), INVALID, ""),
    "an error of the server": (text(500, b"{}"), UNAVAILABLE, ""),
    "an error of the server that calls itself one": (
        answer(500, error="invalid_grant"),
        UNAVAILABLE,
        "",
    ),
    "unavailable": (text(503, b""), UNAVAILABLE, ""),
    "too many requests": (answer(429, error="invalid_grant"), UNAVAILABLE, ""),
    "9700.5: a redirect": (body(b"", 302, Location="/token"), INVALID, ""),
    "created": (text(201, GOOD), INVALID, ""),
    "no content": (body(b"", 204), INVALID, ""),
    "another media type": (text(200, GOOD, "text/html"), INVALID, ""),
    "no media type": (text(200, GOOD, ""), INVALID, ""),
    "JSON of another kind": (text(200, GOOD, "application/problem+json"), INVALID, ""),
    "not JSON": (text(200, b"access_token=x"), INVALID, ""),
    "a list": (text(200, b"[]"), INVALID, ""),
    "not UTF-8": (text(200, b'{"access_token": "\xff"}'), INVALID, ""),
    "6749.6: a name that occurs twice": (
        text(200, GOOD[:-1] + b', "access_token": "other"}'),
        INVALID,
        "",
    ),
    "6749.5: another type of token": (answer(**{**TOKENS, "token_type": "DPoP"}), INVALID, ""),
    "an error with 200": (answer(error="invalid_grant"), INVALID, ""),
    "larger than any response": (text(200, GOOD[:-1] + b" " * 200_000 + b"}"), UNAVAILABLE, ""),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_any_other_response_is_a_fault(
    name: str, peer: IssuerPeer, session: ClientSession
) -> None:
    """6749.8: and says nothing of what was sent."""
    peer.answer, kind, code = FAULTS[name]

    found = await server_at(peer, session, client(ClientAuthentication.POST)).exchange_code(
        CODE, REDIRECT, VERIFIER
    )

    assert isinstance(found, OAuthFault)
    assert (found.kind, found.code) == (kind, code)
    assert found.detail.startswith(peer.url + "/token: ")
    assert not [secret for secret in (CODE, VERIFIER, SECRET) if secret in repr(found)]


@pytest.mark.parametrize("media_type", ["application/json;charset=UTF-8", "APPLICATION/JSON"])
async def test_json_is_json_in_any_case(
    media_type: str, peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = text(200, GOOD, media_type)

    assert isinstance(await server_at(peer, session).refresh(REFRESH), TokenResponse)


async def test_a_server_that_quotes_what_it_refuses_is_not_quoted(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """6749.8."""

    async def quote(request: web.Request) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode()))
        words = f"refused: {form['refresh_token']} of {request.headers['Authorization']}"
        return web.json_response({"error": "invalid_grant", "error_description": words}, status=400)

    peer.answer = quote

    found = await server_at(peer, session).refresh(REFRESH)

    assert isinstance(found, OAuthFault)
    assert found.detail == f"{peer.url}/token: invalid_grant"


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999", 3600.0),
        ("1000000000", None),
        ("9" * 5_000, None),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("Sun, 17 Mar 2030 17:46:50 GMT", 10.0),
        ("Sun, 17 Mar 2030 17:46:30 GMT", 0.0),
        ("Sun, 99 Mar 2030 17:46:30 GMT", None),
    ],
)
async def test_the_server_says_when_to_try_again(
    field: str, seconds: float | None, peer: IssuerPeer, session: ClientSession
) -> None:
    assert NOW == 1_900_000_000  # 2030-03-17 17:46:40
    peer.answer = body(b"", 429, Retry_After=field)

    found = await server_at(peer, session).refresh(REFRESH)

    assert isinstance(found, OAuthFault)
    assert found.retry_after_seconds == seconds


async def test_a_server_that_does_not_respond_is_unavailable(session: ClientSession) -> None:
    async with issuer_peer() as gone:
        server = server_at(gone, session)

    found = await server.refresh(REFRESH)

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.UNAVAILABLE
    assert "cannot connect" in found.detail


async def test_a_server_that_hangs_is_unavailable_after_the_timeout(
    peer: IssuerPeer, session: ClientSession
) -> None:
    released = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    peer.answer = wait

    found = await server_at(peer, session, timeout_seconds=0.05).refresh(REFRESH)
    released.set()

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.UNAVAILABLE
    assert "no complete response in 0.05 s" in found.detail


async def test_a_server_whose_certificate_is_not_trusted_gets_nothing(
    session: ClientSession,
) -> None:
    """9700.8."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with issuer_peer(tls) as stranger:
        server: AuthorizationServer = server_at(stranger, session)
        found = await server.refresh(REFRESH)

    assert isinstance(found, OAuthFault)
    assert "certificate is not trusted" in found.detail
    assert stranger.paths == []
