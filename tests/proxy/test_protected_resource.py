"""A client that knows nothing but a URL finds out what it needs (RFC 9728, RFC 9470, MCP)."""

import json
import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ISSUER, RunningGateway, bearer, good_token, make_token
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.test_listener import connect_tls, tls_listen

HOST = "mcp.example.com"
RESOURCE = f"https://{HOST}/tools"
WELL_KNOWN = "/.well-known/oauth-protected-resource/tools"
METADATA_URL = f"https://{HOST}{WELL_KNOWN}"

ROUTES: list[Mapping[str, Any]] = [
    {
        "name": "tools",
        "match": {"path_prefix": "/tools/"},
        "upstream": "main",
        "require": {"scopes": ["tools:list", "tools:use"], "audiences": [RESOURCE]},
    },
    {
        "name": "danger",
        "match": {"path": "/tools/danger"},
        "upstream": "main",
        "require": {"acr": ["gold", "silver"], "max_age": "10m"},
    },
    {
        "name": "elsewhere",
        "match": {"path_prefix": "/api/"},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
    },
]
SETTINGS: Mapping[str, Any] = {
    "routes": ROUTES,
    "resources": {"tools": {"resource": RESOURCE, "authorization_servers": ["main"]}},
}


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(**SETTINGS)


async def ask(gateway: RunningGateway, target: str, *lines: bytes) -> Message:
    return await gateway.ask(make_request(target, *lines, host=HOST))


def parameters(answer: Message) -> dict[str, str]:
    return dict(re.findall(r'([a-z_]+)="([^"]*)"', answer.one(b"www-authenticate").decode()))


@pytest.mark.parametrize("lines", [[], [bearer()], [b"Authorization: Bearer x"]])
async def test_the_metadata_is_there_for_everybody(
    lines: list[bytes], service: Service, gateway: RunningGateway
) -> None:
    """9728.1, 9728.2, MCP.1."""
    answer = await ask(gateway, WELL_KNOWN, *lines)

    members = json.loads(answer.body)
    assert answer.status == 200
    assert answer.one(b"content-type") == b"application/json"
    assert members["resource"] == RESOURCE
    assert members["authorization_servers"] == [ISSUER]
    assert members["scopes_supported"] == ["tools:list", "tools:use"]
    assert members["bearer_methods_supported"] == ["header"]
    assert service.received == b""


async def test_what_there_is_nothing_of_is_left_out(start_gateway: StartGateway) -> None:
    """9728.3."""
    open_to_all = {**ROUTES[0], "require": {}}
    gateway = await start_gateway(**{**SETTINGS, "routes": [open_to_all]})

    members = json.loads((await ask(gateway, WELL_KNOWN)).body)

    assert members.keys() == {"resource", "authorization_servers", "bearer_methods_supported"}


async def test_the_metadata_is_not_elsewhere(gateway: RunningGateway) -> None:
    """9728.1: between host and path, and not behind the path or at another host."""
    for target in (
        "/tools/.well-known/oauth-protected-resource",
        WELL_KNOWN + "/",
        WELL_KNOWN + "x",
    ):
        assert (await ask(gateway, target)).status in {401, 404}
    other = await gateway.ask(make_request(WELL_KNOWN, host="other.example.com"))

    assert other.status == 404


CHALLENGED: dict[str, tuple[str, list[bytes], int]] = {
    "no token": ("/tools/x", [], 401),
    "no token at all": ("/tools/danger", [], 401),
    "malformed": ("/tools/x", [b"Authorization: Bearer x"], 401),
    "expired": ("/tools/x", [bearer(make_token(exp=1_000_000_000))], 401),
    "for another": ("/tools/x", [bearer()], 401),
    "two tokens": ("/tools/x", [bearer(), bearer()], 400),
    "too weak": ("/tools/danger", [bearer()], 401),
    "too little scope": ("/tools/x", [bearer(make_token(aud=["orders-api", RESOURCE]))], 403),
}


@pytest.mark.parametrize(("target", "lines", "status"), CHALLENGED.values(), ids=CHALLENGED)
async def test_every_challenge_says_where_the_metadata_is(
    target: str, lines: list[bytes], status: int, gateway: RunningGateway
) -> None:
    """9728.4."""
    answer = await ask(gateway, target, *lines)

    assert answer.status == status
    assert parameters(answer)["resource_metadata"] == METADATA_URL


async def test_a_challenge_of_another_part_of_the_api_says_nothing_of_it(
    gateway: RunningGateway,
) -> None:
    assert "resource_metadata" not in parameters(await ask(gateway, "/api/x"))


async def test_the_metadata_is_served_over_tls(start_gateway: StartGateway, tmp_path: Path) -> None:
    """9728.5."""
    authority = trustme.CA()
    gateway = await start_gateway(**SETTINGS, listen=tls_listen(authority, tmp_path))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client = await connect_tls(gateway, context)

    client.send(make_request(WELL_KNOWN, host=HOST))

    assert json.loads((await read_answer(client)).body)["resource"] == RESOURCE


async def test_an_identifier_in_plain_http_is_refused(start_gateway: StartGateway) -> None:
    """9728.5: the metadata has its scheme."""
    plain = {"tools": {"resource": f"http://{HOST}/tools"}}

    with pytest.raises(AssertionError, match="insecure_url"):
        await start_gateway(**{**SETTINGS, "resources": plain})


async def test_a_client_of_mcp_is_told_all_at_once_and_its_token_stays_here(
    service: Service, gateway: RunningGateway
) -> None:
    """MCP.1."""
    good = make_token("tools:list tools:use", aud=["orders-api", RESOURCE])
    bare = await ask(gateway, "/tools/x")
    query = await ask(gateway, "/tools/x?access_token=" + good.decode())
    other = await ask(gateway, "/tools/x", bearer(make_token("tools:list tools:use")))
    assert service.received == b""
    passed = await ask(gateway, "/tools/x", bearer(good))

    assert [answer.status for answer in (bare, query, other, passed)] == [401, 401, 401, 200]
    assert parameters(bare)["scope"] == parameters(query)["scope"] == "tools:list tools:use"
    assert reason(query) == "token_missing"
    assert reason(other) == "audience_mismatch"
    assert not service.requests[0].has(b"authorization")
    assert good.rpartition(b".")[2] not in service.received


# --- a better authentication (RFC 9470)


@pytest.mark.parametrize(
    ("acr", "ago_seconds", "why"),
    [
        ("gold", 5, None),
        ("silver", 590, None),
        ("bronze", 5, "authentication_too_weak"),
        ("GOLD", 5, "authentication_too_weak"),
        (None, 5, "authentication_too_weak"),
        (["gold"], 5, "authentication_too_weak"),
        ("gold", 700, "authentication_too_old"),
        ("gold", None, "authentication_too_old"),
    ],
)
async def test_a_better_authentication_is_asked_for_in_the_words_of_rfc_9470(
    acr: object, ago_seconds: int | None, why: str | None, service: Service, gateway: RunningGateway
) -> None:
    """9470.1, 9470.2, 9470.3."""
    auth_time = None if ago_seconds is None else int(time.time()) - ago_seconds

    answer = await ask(gateway, "/tools/danger", bearer(make_token(acr=acr, auth_time=auth_time)))

    if why is None:
        assert answer.status == 200
        return
    said = parameters(answer)
    assert (answer.status, reason(answer)) == (401, why)
    assert said["error"] == "insufficient_user_authentication"
    assert (said["acr_values"], said["max_age"]) == ("gold silver", "600")
    assert said["resource_metadata"] == METADATA_URL
    assert service.received == b""


async def test_a_token_without_any_word_on_the_authentication_does_not_pass(
    service: Service, gateway: RunningGateway
) -> None:
    """9470.3."""
    answer = await ask(gateway, "/tools/danger", bearer(good_token()))

    assert parameters(answer)["error"] == "insufficient_user_authentication"
    assert service.received == b""
