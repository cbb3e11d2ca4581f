"""Every kind of client gets a token at the real provider, and reaches what its scopes allow.

The service behind the gateway sees who it is, and for which application; a request that the scopes
do not reach is refused.
"""

import secrets
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.cli.token.inspect import Inspection, inspect_token
from gateway.fetching.session import make_session
from gateway.oauth.authorization import CodeRequest
from gateway.oauth.device import wait_for_tokens
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.metadata import find_endpoints
from gateway.oauth.pkce import RANDOM_BYTES, make_verifier
from gateway.oauth.redirect import CodeResponse, ErrorResponse, check_response, parse_redirect
from gateway.oauth.responses import DeviceAuthorization, TokenResponse
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from tests.assertion.callers import signing_key
from tests.end_to_end.conftest import (
    AUDIENCE,
    Provider,
    RunningGateway,
    running_gateway,
    running_service,
)
from tests.end_to_end.person import Person, make_browser

KEY = signing_key("ES256")
JWKS = {"keys": [dict(KEY.public_jwk)]}
SPA_REDIRECT = "http://127.0.0.1:8400/callback"
RESOURCE = (("resource", AUDIENCE),)
SETTINGS: dict[str, Any] = {
    "clients": {
        "shop-key": {"jwks": JWKS},
        "spa": {"redirect_uris": [SPA_REDIRECT]},
        "web": {"redirect_uris": ["https://app.example.test/oauth/callback"]},
        "web-key": {"jwks": JWKS, "redirect_uris": ["https://app.example.test/oauth/callback"]},
    }
}
NONE, BASIC = ClientAuthentication.NONE, ClientAuthentication.BASIC
POST, SIGNED = ClientAuthentication.POST, ClientAuthentication.PRIVATE_KEY_JWT


@dataclass(frozen=True)
class World:
    """The provider, and a gateway that believes it in front of a service."""

    provider: Provider
    gateway: RunningGateway


@pytest.fixture(scope="module")
def world(provider_modules: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("world")
    provider = Provider(folder, SETTINGS)
    provider.start()
    try:
        with (
            running_service(folder) as service,
            running_gateway(folder, service, provider.issuer) as gateway,
        ):
            yield World(provider, gateway)
    finally:
        provider.stop()


@pytest.fixture
def provider(world: World) -> Iterator[Provider]:
    yield world.provider
    world.provider.change(
        pushed=True, requirePushed=False, sendsIss=True, rotate=True, accessTokenSeconds=600
    )


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with make_browser() as made:
        yield made


def registered(client_id: str, method: ClientAuthentication) -> OAuthClient:
    has_secret = method in {BASIC, POST}
    return OAuthClient(
        client_id,
        method,
        secret=f"{client_id}-secret-of-the-end-to-end-tests" if has_secret else None,
        key=KEY if method is SIGNED else None,
    )


async def server_for(
    provider: Provider, session: ClientSession, client: OAuthClient
) -> AuthorizationServer:
    return AuthorizationServer(
        await find_endpoints(session, provider.issuer, 30.0),
        client,
        session,
        now=time.time,
        make_id=lambda: str(uuid.uuid4()),
        timeout_seconds=30.0,
    )


def make_request(client_id: str, redirect_uri: str, *scopes: str, **more: str) -> CodeRequest:
    return CodeRequest(
        client_id,
        redirect_uri,
        scopes,
        secrets.token_urlsafe(16),
        make_verifier(secrets.token_bytes(RANDOM_BYTES)),
        nonce=secrets.token_urlsafe(16),
        resources=(AUDIENCE,),
        more=tuple(more.items()),
    )


async def code_for(
    server: AuthorizationServer, person: Person, request: CodeRequest, **pressed: Any
) -> CodeResponse | ErrorResponse:
    """Return what *person* comes back with; everything about it is checked."""
    url = await server.authorization_url(request.form())
    assert isinstance(url, str), url
    back = await person.visit(url, **pressed)
    assert back.startswith(request.redirect_uri + "?")
    response = parse_redirect(urlsplit(back).query)
    assert not isinstance(response, str), response
    assert check_response(response, request.state, server.endpoints) is None
    return response


async def tokens_by_code(
    server: AuthorizationServer, person: Person, request: CodeRequest
) -> TokenResponse:
    response = await code_for(server, person, request)
    assert isinstance(response, CodeResponse)
    found = await server.exchange_code(
        response.code, request.redirect_uri, request.verifier, RESOURCE
    )
    assert isinstance(found, TokenResponse), found
    return found


async def assert_reaches_what_it_may(
    world: World, token: str, client_id: str, subject: str, session: ClientSession
) -> None:
    """Check that a token for `orders:read` reads orders as *subject*, and writes none."""
    headers = {"Authorization": f"Bearer {token}", "X-Gateway-Subject": "root"}
    url = world.gateway.data + "/orders/7"
    async with session.get(url, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        seen = await answer.json()
    assert (seen["subject"], seen["client"]) == (subject, client_id)
    assert seen["issuer"] == world.provider.issuer
    assert "orders:read" in seen["scopes"].split()
    assert seen["authorization"] == ""
    async with session.post(url, headers=headers, data=b"x") as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["reason"]) == (403, "scope_missing")


# --- server to server


@pytest.mark.parametrize(
    ("client_id", "method"), [("shop", BASIC), ("shop-post", POST), ("shop-key", SIGNED)]
)
async def test_a_server_gets_a_token_with_its_credentials(
    client_id: str,
    method: ClientAuthentication,
    world: World,
    provider: Provider,
    session: ClientSession,
) -> None:
    """6749.4, 7523.1, 9700.9: by secret and by signature."""
    server = await server_for(provider, session, registered(client_id, method))
    form = (("grant_type", "client_credentials"), ("scope", "orders:read"), *RESOURCE)

    found = await server.tokens(form)

    assert isinstance(found, TokenResponse), found
    assert found.expires_in_seconds == 600.0
    assert found.refresh_token is None
    await assert_reaches_what_it_may(world, found.access_token, client_id, client_id, session)


@pytest.mark.parametrize(
    ("client_id", "method"), [("shop", BASIC), ("shop-post", POST), ("shop-key", SIGNED)]
)
async def test_a_server_with_other_credentials_gets_none(
    client_id: str, method: ClientAuthentication, provider: Provider, session: ClientSession
) -> None:
    """6749.7."""
    other = OAuthClient(
        client_id,
        method,
        secret="the-secret-of-somebody-else",
        key=signing_key("EdDSA") if method is SIGNED else None,
    )
    server = await server_for(provider, session, other)

    found = await server.tokens((("grant_type", "client_credentials"), *RESOURCE))

    assert isinstance(found, OAuthFault)
    assert (found.kind, found.code) == (FaultKind.ERROR, "invalid_client")
    assert "somebody" not in found.detail


# --- browser and native app


@pytest.mark.parametrize(
    ("client_id", "method", "redirect_uri"),
    [
        ("spa", NONE, SPA_REDIRECT),
        ("native", NONE, "http://127.0.0.1:49152/callback"),
        ("web", BASIC, "https://app.example.test/oauth/callback"),
        ("web-key", SIGNED, "https://app.example.test/oauth/callback"),
    ],
)
@pytest.mark.parametrize("pushed", [True, False])
async def test_an_app_gets_a_token_with_a_code(
    client_id: str,
    method: ClientAuthentication,
    redirect_uri: str,
    pushed: bool,
    world: World,
    provider: Provider,
    session: ClientSession,
    browser: ClientSession,
) -> None:
    """7636.1, 7636.2, 7636.3, 9126.1, 9207.2, 8252.1: a native app may use any port."""
    provider.change(pushed=pushed, requirePushed=pushed)
    server = await server_for(provider, session, registered(client_id, method))
    assert server.endpoints.sends_iss
    assert server.endpoints.challenge_methods == ("S256",)
    assert (server.endpoints.pushed_authorization_request is not None) is pushed
    request = make_request(client_id, redirect_uri, "openid", "profile", "orders:read")
    person = Person(browser, provider.issuer, "alice")

    found = await tokens_by_code(server, person, request)

    assert person.seen == ["Log in", "Consent"]
    await assert_reaches_what_it_may(world, found.access_token, client_id, "alice", session)
    assert found.id_token is not None
    claims = await verify(found.id_token, server, session)
    assert claims["nonce"] == request.nonce
    assert claims["aud"] == client_id
    assert claims["name"] == "Alice"
    assert "auth_time" in claims or not client_id.startswith("web")


async def verify(token: str, server: AuthorizationServer, session: ClientSession) -> dict[str, Any]:
    """Return the claims of an ID token, verified by another library."""
    assert server.endpoints.jwks is not None
    async with session.get(server.endpoints.jwks) as answer:
        keys = KeySet.import_key_set(await answer.json())
    return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


async def test_a_code_without_its_verifier_is_worth_nothing(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """7636.3: who stole the code has not stolen the verifier."""
    server = await server_for(provider, session, registered("spa", NONE))
    request = make_request("spa", SPA_REDIRECT, "openid", "orders:read")
    response = await code_for(server, Person(browser, provider.issuer), request)
    assert isinstance(response, CodeResponse)
    other = make_verifier(secrets.token_bytes(RANDOM_BYTES))

    found = await server.exchange_code(response.code, SPA_REDIRECT, other, RESOURCE)

    assert isinstance(found, OAuthFault)
    assert found.code == "invalid_grant"


async def test_a_person_who_says_no_is_an_error_of_their_own(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    server = await server_for(provider, session, registered("spa", NONE))
    request = make_request("spa", SPA_REDIRECT, "openid", "orders:write")

    response = await code_for(server, Person(browser, provider.issuer), request, allow=False)

    assert isinstance(response, ErrorResponse)
    assert response.fault.code == "access_denied"


async def test_a_provider_that_no_longer_sends_iss_is_noticed(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """9207.2."""
    server = await server_for(provider, session, registered("spa", NONE))
    request = make_request("spa", SPA_REDIRECT, "openid", "orders:read")
    provider.change(sendsIss=False)

    url = await server.authorization_url(request.form())
    assert isinstance(url, str)
    back = await Person(browser, provider.issuer).visit(url)
    response = parse_redirect(urlsplit(back).query)

    assert isinstance(response, CodeResponse)
    problem = check_response(response, request.state, server.endpoints)
    assert problem == "iss is missing, although the issuer sends it"


async def test_a_better_authentication_is_in_the_access_token(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """Step-up is a new request; the person is asked for a second factor."""
    server = await server_for(provider, session, registered("web", BASIC))
    redirect_uri = "https://app.example.test/oauth/callback"
    person = Person(browser, provider.issuer, "bob")
    first = make_request("web", redirect_uri, "openid", "orders:read")
    again = make_request("web", redirect_uri, "openid", "orders:read", acr_values="urn:mfa")

    weak = await tokens_by_code(server, person, first)
    response = await code_for(server, person, again, otp="123456")
    assert isinstance(response, CodeResponse)
    strong = await server.exchange_code(response.code, redirect_uri, again.verifier, RESOURCE)

    assert isinstance(strong, TokenResponse)
    assert person.seen == ["Log in", "Consent", "Log in"]
    found = [claims_of(tokens.access_token) for tokens in (weak, strong)]
    assert [claims["acr"] for claims in found] == ["urn:pwd", "urn:mfa"]
    assert found[0]["auth_time"] <= found[1]["auth_time"]


def claims_of(token: str) -> Any:
    inspection = inspect_token(token.encode(), now=0)
    assert isinstance(inspection, Inspection)
    return inspection.claims


# --- console and TV


async def device_of(server: AuthorizationServer) -> DeviceAuthorization:
    found = await server.authorize_device((("scope", "orders:read"), *RESOURCE))
    assert isinstance(found, DeviceAuthorization), found
    return found


class HelpfulClock:
    """The clock of a device whose person acts while it waits; nobody waits in a test."""

    def __init__(self, person: Person, device: DeviceAuthorization, **pressed: Any) -> None:
        self._person = person
        self._device = device
        self._pressed = pressed
        self._now = 0.0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        if self._now > seconds:  # after the first poll, which is too early
            device, pressed = self._device, self._pressed
            address = device.complete_uri or device.verification_uri
            await self._person.visit(address, user_code=device.user_code, **pressed)


async def test_a_device_gets_a_token_once_a_person_has_entered_its_code(
    world: World, provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """8628.3: the first poll finds nobody, the second one a token."""
    server = await server_for(provider, session, registered("tv", NONE))
    device = await device_of(server)
    person = Person(browser, provider.issuer, "alice")

    found = await wait_for_tokens(server, device, HelpfulClock(person, device), RESOURCE)

    assert isinstance(found, TokenResponse), found
    assert person.seen[-1] == "Done"
    assert found.refresh_token is not None
    await assert_reaches_what_it_may(world, found.access_token, "tv", "alice", session)


async def test_a_device_whose_person_aborts_gets_no_token(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """8628.6."""
    server = await server_for(provider, session, registered("tv", NONE))
    device = await device_of(server)
    clock = HelpfulClock(Person(browser, provider.issuer), device, allow=False)

    found = await wait_for_tokens(server, device, clock, RESOURCE)

    assert isinstance(found, OAuthFault)
    assert found.code == "access_denied"


# --- refresh


async def test_a_refresh_token_gives_new_tokens_and_works_once(
    world: World, provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    """9700.15: rotation; a refresh token that comes twice ends the grant."""
    server = await server_for(provider, session, registered("web", BASIC))
    request = make_request(
        "web", "https://app.example.test/oauth/callback", "openid", "orders:read"
    )
    first = await tokens_by_code(server, Person(browser, provider.issuer, "bob"), request)
    assert first.refresh_token is not None

    second = await server.refresh(first.refresh_token, RESOURCE)

    assert isinstance(second, TokenResponse), second
    assert second.refresh_token not in {None, first.refresh_token}
    assert second.access_token != first.access_token
    await assert_reaches_what_it_may(world, second.access_token, "web", "bob", session)
    replayed = await server.refresh(first.refresh_token, RESOURCE)
    assert isinstance(replayed, OAuthFault)
    assert replayed.code == "invalid_grant"
    ended = await server.refresh(str(second.refresh_token), RESOURCE)
    assert isinstance(ended, OAuthFault)
    assert ended.code == "invalid_grant"


async def test_a_revoked_refresh_token_gives_nothing(
    provider: Provider, session: ClientSession, browser: ClientSession
) -> None:
    server = await server_for(provider, session, registered("spa", NONE))
    request = make_request("spa", SPA_REDIRECT, "openid", "orders:read")
    first = await tokens_by_code(server, Person(browser, provider.issuer), request)
    assert first.refresh_token is not None

    assert await server.revoke(first.refresh_token) is None

    found = await server.refresh(first.refresh_token, RESOURCE)
    assert isinstance(found, OAuthFault)
    assert found.code == "invalid_grant"
