"""A service receives a signed word about its caller that it can verify, and nobody can forge."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.admin.explain import parse_question
from gateway.assertion.signer import TYPE
from gateway.settings.values.configuration import Settings
from tests.assertion.callers import signing_pem
from tests.proxy.gateways import (
    ISSUER,
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service

# RFC 9864 prefers the name Ed25519; what services have today knows EdDSA.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

OURS = "https://gateway.example.com/"
FIELD = b"x-gateway-assertion"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


def settings_with(directory: Path, service: Service, *keys: str, **more: Any) -> Settings:
    for algorithm in ("ES256", "EdDSA"):
        (directory / f"{algorithm}.pem").write_bytes(signing_pem(algorithm))
    named = [f"{algorithm}.pem" for algorithm in keys or ("ES256", "EdDSA")]
    assertion = {"issuer": OURS, "keys": named, **more}
    return load(write_config(directory, [service.url], {"identity": {"assertion": assertion}}))


@pytest.fixture
async def gateway(service: Service, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with running_gateway(settings_with(tmp_path, service)) as running:
        yield running


async def published(gateway: RunningGateway) -> KeySet:
    answer = await gateway.ask(make_request("/.well-known/jwks.json"))
    assert answer.status == 200
    assert answer.one(b"content-type") == b"application/json"
    return KeySet.import_key_set(json.loads(answer.body))


def verify(assertion: bytes, keys: KeySet, upstream: str = "main") -> dict[str, Any]:
    """Do what a service does: check signature, type, issuer, audience and time."""
    token = jwt.decode(assertion.decode(), keys, algorithms=["ES256", "Ed25519", "EdDSA"])
    assert token.header["typ"] == TYPE
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": OURS},
        aud={"essential": True, "value": upstream},
        exp={"essential": True},
    ).validate(token.claims)
    return dict(token.claims)


async def test_a_service_verifies_who_calls_with_the_published_keys(
    gateway: RunningGateway, service: Service
) -> None:
    assert (await gateway.ask(make_request("/api/x", bearer()))).status == 200

    (assertion,) = service.requests[0].all(FIELD)
    claims = verify(assertion, await published(gateway))

    assert claims["sub"] == "alice"
    assert claims["client_id"] == "shop"
    assert claims["scope"] == "api:read"
    assert claims["token_issuer"] == ISSUER
    assert service.requests[0].one(b"x-gateway-subject") == b"alice"


async def test_a_client_cannot_send_one_on_any_route_in_any_spelling(
    gateway: RunningGateway, service: Service
) -> None:
    """HOSTILE 54, 55, 57"""
    for target, credential in (
        ("/open/x", ()),
        ("/maybe/x", ()),
        ("/api/x", (bearer(),)),
    ):
        for name in (b"X-Gateway-Assertion", b"x_gateway_assertion", b"X.Gateway.Assertion"):
            forged = name + b": eyJhbGciOiJub25lIn0.e30."
            assert (await gateway.ask(make_request(target, forged, *credential))).status == 200

    for request in service.requests:
        found = [value for name, value in request.fields if b"assertion" in name.lower()]
        assert b"eyJhbGciOiJub25lIn0.e30." not in found
        assert len(found) == (1 if request.target == b"/api/x" else 0)


async def test_a_connection_field_cannot_take_it_away(
    gateway: RunningGateway, service: Service
) -> None:
    """HOSTILE 56"""
    line = b"Connection: close, X-Gateway-Assertion"
    assert (await gateway.ask(make_request("/api/x", bearer(), line))).status == 200

    assert len(service.requests[0].all(FIELD)) == 1


async def test_requests_with_one_token_share_it_and_another_token_has_another(
    gateway: RunningGateway, service: Service
) -> None:
    for token in (None, None, make_token(sub="bob")):
        await gateway.ask(make_request("/api/x", bearer(token)))

    first, second, third = (request.one(FIELD) for request in service.requests)
    assert first == second
    assert verify(third, await published(gateway))["sub"] == "bob"


async def test_it_is_made_anew_before_it_is_old(gateway: RunningGateway, service: Service) -> None:
    await gateway.ask(make_request("/api/x", bearer()))
    gateway.pass_time(31)
    await gateway.ask(make_request("/api/x", bearer()))

    first, second = (request.one(FIELD) for request in service.requests)
    assert first != second


async def test_it_is_not_an_access_token(gateway: RunningGateway, service: Service) -> None:
    """8725.11: a service that sends on what it got is nobody."""
    await gateway.ask(make_request("/api/x", bearer()))
    (assertion,) = service.requests[0].all(FIELD)

    answer = await gateway.ask(make_request("/api/x", bearer(assertion)))

    assert answer.status == 401
    assert len(service.requests) == 1


async def test_a_reload_that_changes_the_key_that_signs_loses_no_service(
    service: Service, tmp_path: Path
) -> None:
    """Both keys are published before, between and behind: whoever fetched them verifies all."""
    async with running_gateway(settings_with(tmp_path, service, "ES256", "EdDSA")) as gateway:
        before = await published(gateway)
        await gateway.ask(make_request("/api/x", bearer()))
        turned = settings_with(tmp_path, service, "EdDSA", "ES256")
        assert await gateway.gateway.reload(turned) is None
        await gateway.ask(make_request("/api/x", bearer()))

        first, second = (request.one(FIELD) for request in service.requests)
        assert verify(first, await published(gateway))["sub"] == "alice"
        assert verify(second, before)["sub"] == "alice"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_keys_are_for_everybody_on_every_host(gateway: RunningGateway, method: str) -> None:
    wire = await gateway.connect()
    wire.send(make_request("/.well-known/jwks.json", method=method, host="any.example.com"))
    head = await wire.read_until(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")


async def test_keys_cannot_be_written(gateway: RunningGateway, service: Service) -> None:
    answer = await gateway.ask(make_request("/.well-known/jwks.json", method="PUT", body=b"{}"))

    assert answer.status == 405
    assert service.requests == []


async def test_an_explanation_says_that_there_is_one_and_does_not_show_it(
    gateway: RunningGateway,
) -> None:
    question = {"url": "http://api.example.com/api/x", "token": make_token().decode()}
    told = await gateway.gateway.explain(parse_question(json.dumps(question).encode()))

    assert "X-Gateway-Assertion: (not shown)" in str(told["forwarded"])


# --- transaction tokens

DOMAIN = {"profile": "transaction_token", "trust_domain": "example.com"}


async def test_each_request_has_a_transaction_token_with_its_id(
    service: Service, tmp_path: Path
) -> None:
    async with running_gateway(settings_with(tmp_path, service, "ES256", **DOMAIN)) as gateway:
        keys = await published(gateway)
        for _ in range(2):
            answer = await gateway.ask(make_request("/api/x", bearer(), "Txn-Token: forged"))
            assert answer.status == 200
        assert (await gateway.ask(make_request("/open/x", "txn_token: forged"))).status == 200

    first, second, unknown = service.requests
    for request in (first, second):
        token = jwt.decode(request.one(b"txn-token").decode(), keys, algorithms=["ES256"])
        assert token.header["typ"] == "txntoken+jwt"
        assert token.claims["aud"] == "example.com"
        assert token.claims["txn"] == request.one(b"x-request-id").decode()
        assert token.claims["rctx"] == {"req_ip": "127.0.0.1"}
    assert first.one(b"txn-token") != second.one(b"txn-token")
    assert b"forged" not in service.received
    assert not unknown.has(b"txn-token")


@pytest.mark.parametrize("name", ["Txn-Token", "txn_token", "TXN.TOKEN"])
async def test_a_client_s_transaction_token_never_reaches_a_service(
    name: str, service: Service, tmp_path: Path
) -> None:
    async with running_gateway(load(write_config(tmp_path, [service.url], {}))) as gateway:
        for target, lines in (("/api/x", (bearer(),)), ("/open/x", ())):
            answer = await gateway.ask(make_request(target, *lines, f"{name}: forged"))
            assert answer.status == 200

    assert b"forged" not in service.received
