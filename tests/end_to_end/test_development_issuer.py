"""The development issuer refuses what the certified provider refuses, and says so alike."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import aiohttp
import pytest

from gateway.issuer.state.codes import challenge_of
from tests.end_to_end.conftest import Provider
from tests.issuer.running import VERIFIER, running_issuer

CALLBACK = "http://127.0.0.1:50123/callback"
VALID = {
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid",
    "state": "s",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


class Server(NamedTuple):
    """One of the two: where it is, and the ID of its native client."""

    issuer: str
    native: str
    device: str


@pytest.fixture
async def servers(provider: Provider) -> AsyncIterator[tuple[Server, Server]]:
    async with running_issuer() as running:
        yield Server(running.origin, "cli", "tv"), Server(provider.issuer, "native", "tv")


async def endpoints_of(http: aiohttp.ClientSession, server: Server) -> Mapping[str, str]:
    async with http.get(server.issuer + "/.well-known/openid-configuration") as answer:
        members: Mapping[str, str] = await answer.json()
        return members


async def authorize(http: aiohttp.ClientSession, server: Server, changed: Mapping[str, str]) -> str:
    """Return what becomes of an authorization request: a page, a question, or an error sent."""
    endpoints = await endpoints_of(http, server)
    wanted = {"client_id": server.native, **VALID, **changed}
    sent = {name: value for name, value in wanted.items() if value}
    url = endpoints["authorization_endpoint"] + "?" + urllib.parse.urlencode(sent)
    async with http.get(url, allow_redirects=False) as answer:
        location = urllib.parse.urlsplit(answer.headers.get("Location", ""))
        parameters = urllib.parse.parse_qs(location.query or location.fragment)
        if "error" in parameters:
            assert parameters["iss"] == [server.issuer]
            return "sent back: " + parameters["error"][0]
        if answer.status >= 400:
            return "a page"
        return "asks"


REQUESTS = [
    {},
    {"client_id": "nobody"},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": CALLBACK + "/"},
    {"redirect_uri": "http://127.0.0.1:50124/callback"},
    {"response_type": ""},
    {"response_type": "id_token"},
    {"response_mode": "nonsense"},
    {"code_challenge": "", "code_challenge_method": ""},
    {"code_challenge_method": "plain"},
    {"code_challenge": "short"},
    {"prompt": "none"},
    {"prompt": "none login"},
    {"prompt": "nonsense"},
    {"max_age": "-1"},
    {"max_age": "x"},
    {"request_uri": "https://evil.example/request"},
    {"request": "eyJ"},
    {"id_token_hint": "x.y.z"},
]

DIFFERENT_REQUESTS = {
    # The provider knows the implicit flow, and misses a nonce.
    "{'response_type': 'id_token'}": (
        "sent back: unsupported_response_type",
        "sent back: invalid_request",
    ),
    # OAuth 2.0 Multiple Response Types §2.1 names no error for it.
    "{'response_mode': 'nonsense'}": (
        "sent back: invalid_request",
        "sent back: unsupported_response_mode",
    ),
}


async def test_what_becomes_of_an_authorization_request_is_the_same(
    servers: tuple[Server, Server],
) -> None:
    different = {}
    async with aiohttp.ClientSession() as http:
        for changed in REQUESTS:
            ours, theirs = [await authorize(http, server, changed) for server in servers]
            if ours != theirs:
                different[str(changed)] = (ours, theirs)

    assert different == DIFFERENT_REQUESTS


async def post(
    http: aiohttp.ClientSession, server: Server, endpoint: str, form: Mapping[str, str]
) -> tuple[int, str]:
    endpoints = await endpoints_of(http, server)
    sent = {name: value for name, value in form.items() if value}
    async with http.post(endpoints[endpoint], data=sent) as answer:
        members = await answer.json()
        return answer.status, members.get("error", "")


TOKEN, PUSHED, DEVICE = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
)
FORMS = [
    (TOKEN, {"grant_type": ""}),
    (TOKEN, {"grant_type": "password"}),
    (TOKEN, {"grant_type": "authorization_code"}),
    (TOKEN, {"grant_type": "authorization_code", "code": "x"}),
    (TOKEN, {"grant_type": "refresh_token"}),
    (TOKEN, {"grant_type": "refresh_token", "refresh_token": "x"}),
    (TOKEN, {"grant_type": "client_credentials"}),
    (TOKEN, {"grant_type": "refresh_token", "client_id": "nobody"}),
    (TOKEN, {"grant_type": "refresh_token", "client_id": ""}),
    (PUSHED, VALID),
    (PUSHED, VALID | {"redirect_uri": "https://evil.example"}),
    (PUSHED, VALID | {"client_id": "nobody"}),
    (DEVICE, {}),
    (DEVICE, {"client_id": "nobody"}),
]

# RFC 6749 §5.2 names what the development issuer answers.
DIFFERENT_FORMS = {
    "{'grant_type': 'client_credentials'}": (
        (400, "unauthorized_client"),
        (400, "invalid_request"),
    ),
    "{'grant_type': 'refresh_token', 'client_id': ''}": (
        (401, "invalid_client"),
        (400, "invalid_request"),
    ),
}


async def test_what_is_refused_without_a_browser_is_the_same(
    servers: tuple[Server, Server],
) -> None:
    different = {}
    async with aiohttp.ClientSession() as http:
        for endpoint, changed in FORMS:
            ours, theirs = [
                await post(
                    http,
                    server,
                    endpoint,
                    {"client_id": server.device if endpoint == DEVICE else server.native} | changed,
                )
                for server in servers
            ]
            if ours != theirs:
                different[str(changed)] = (ours, theirs)

    assert different == DIFFERENT_FORMS
