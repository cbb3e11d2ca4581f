"""What a service receives as its token, from the real provider: its own, or the caller's exchanged.

The service records every byte, and verifies what it received with the provider's published keys.
"""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.assertion.callers import signing_key, signing_pem
from tests.end_to_end.conftest import AUDIENCE, Provider
from tests.proxy.messages import Message
from tests.proxy.service import Service, running_service
from tests.supervisor.pools import Stage, serving

INTERNAL = "https://internal.example.test"
SECRET = "relay-secret-of-the-end-to-end-tests"
SETTINGS: Mapping[str, Any] = {
    "clients": {"relay-key": {"jwks": {"keys": [dict(signing_key("ES256").public_jwk)]}}},
    "unwelcome": ["shop-post"],
}
OWN, EXCHANGE = "client_credentials", "token_exchange"


@pytest.fixture(scope="module")
def relayed(provider_modules: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    provider = Provider(tmp_path_factory.mktemp("provider"), SETTINGS)
    provider.start()
    yield provider
    provider.stop()


@dataclass
class World:
    """A gateway with two workers between the provider and a service."""

    provider: Provider
    stage: Stage
    service: Service

    async def ask(self, token: str) -> tuple[int, list[Message]]:
        """Return the status, and what the service received."""
        before = len(self.service.requests)
        line = f"Authorization: Bearer {token}\r\n".encode()
        status = await (await self.stage.send("/x", line)).status()
        return status, self.service.requests[before:]

    def verified(self, message: Message) -> dict[str, Any]:
        """Return the claims of the token that the service received, for it alone."""
        scheme, _, token = message.one(b"authorization").decode().partition(" ")
        assert scheme == "Bearer"
        with urllib.request.urlopen(self.provider.issuer + "/jwks", timeout=30) as answer:
            keys = KeySet.import_key_set(json.load(answer))
        found = jwt.decode(token, keys, algorithms=["ES256"])
        assert found.header["typ"] == "at+jwt"
        assert found.claims["aud"] == INTERNAL
        assert found.claims["iss"] == self.provider.issuer
        return dict(found.claims)


@asynccontextmanager
async def world(
    directory: Path, provider: Provider, grant: str, **client: str
) -> AsyncIterator[World]:
    (directory / "relay.secret").write_text(SECRET)
    (directory / "relay.key").write_bytes(signing_pem("ES256"))
    usual = {"client_id": "relay", "client_secret_file": "relay.secret"}
    asked = {"issuer": "main", "resource": INTERNAL, **(client or usual)}
    if grant == OWN:
        asked["scopes"] = ["internal:read"]  # type: ignore[assignment]
    issuer = {"issuer": provider.issuer, "discovery": True, "audiences": [AUDIENCE]}
    route = {"name": "a", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}
    async with running_service() as service:
        changes: dict[str, Any] = {
            "issuers": {"main": {**issuer, "algorithms": ["ES256"]}},
            "servers": [service.url],
            "upstream": {"credentials": {grant: asked}},
        }
        async with serving(directory, route=route, **changes) as stage:
            yield World(provider, stage, service)


SIGNED = {
    "client_id": "relay-key",
    "client_auth": "private_key_jwt",
    "client_key_file": "relay.key",
}


@pytest.mark.parametrize("client", [{}, SIGNED], ids=["secret", "key"])
async def test_6749_4_4_the_service_receives_the_gateway_s_own_token(
    client: dict[str, str], relayed: Provider, tmp_path: Path
) -> None:
    async with world(tmp_path, relayed, OWN, **client) as one:
        tokens = []
        for _ in range(6):
            status, (message,) = await one.ask(relayed.token("orders:read"))
            assert status == 200
            claims = one.verified(message)
            assert claims["client_id"] == client.get("client_id", "relay")
            assert claims["scope"] == "internal:read"
            tokens.append(message.one(b"authorization"))
        assert len(set(tokens)) == 1


async def test_8693_2_the_service_receives_a_token_of_the_caller(
    relayed: Provider, tmp_path: Path
) -> None:
    async with world(tmp_path, relayed, EXCHANGE) as one:
        token = relayed.token("orders:read")
        received = set()
        for _ in range(6):
            status, (message,) = await one.ask(token)
            assert status == 200
            claims = one.verified(message)
            assert (claims["sub"], claims["client_id"]) == ("shop", "relay")
            received.add(message.one(b"authorization"))
        assert len(received) == 1
        assert token.encode() not in one.service.received

        _, (other,) = await one.ask(relayed.token("orders:read"))
        assert other.one(b"authorization") not in received  # each token is exchanged by itself


async def test_a_caller_that_the_provider_refuses_is_403(relayed: Provider, tmp_path: Path) -> None:
    async with world(tmp_path, relayed, EXCHANGE) as one:
        relayed.change(unwelcome=["shop"])
        try:
            assert await one.ask(relayed.token("orders:read")) == (403, [])
            assert one.service.connections == []
        finally:
            relayed.change(unwelcome=[])


@pytest.mark.parametrize("grant", [OWN, EXCHANGE])
async def test_with_the_provider_down_what_is_at_hand_goes_on_and_nothing_else(
    grant: str, provider_modules: None, tmp_path: Path
) -> None:
    provider = Provider(tmp_path, SETTINGS)
    provider.start()
    try:
        async with world(tmp_path, provider, grant) as one:
            known, unknown = provider.token("orders:read"), provider.token("orders:read")
            status, (message,) = await one.ask(known)
            assert status == 200
            provider.stop()

            # Connections are spread over the workers: at least one has it, the supervisor always.
            for _ in range(4):
                assert (await one.ask(known))[0] == 200
            status, received = await one.ask(unknown)
            if grant == OWN:
                assert status == 200
                assert received[0].one(b"authorization") == message.one(b"authorization")
            else:
                assert (status, received) == (503, [])
    finally:
        provider.stop()
