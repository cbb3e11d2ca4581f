"""Real access tokens through the installed gateway to a real service."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.cli.token.inspect import Inspection, inspect_token
from tests.end_to_end.conftest import (
    AUDIENCE,
    Provider,
    RunningGateway,
    running_gateway,
    running_service,
)
from tests.hanging import LIMIT_SECONDS

# Requests that must follow an event before a test believes that it was survived.
ENOUGH_REQUESTS = 100


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def kid_of(token: str) -> object:
    inspection = inspect_token(token.encode(), now=0)
    assert isinstance(inspection, Inspection)
    return inspection.header["kid"]


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="module")
def provider(
    provider_modules: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provider]:
    started = Provider(tmp_path_factory.mktemp("provider"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("service")) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(
    provider: Provider, service: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway"), service, provider.issuer) as running:
        yield running


def test_the_provider_gives_access_tokens_of_the_rfc_9068_profile(provider: Provider) -> None:
    """9068.1, 9068.6: what follows rests on it."""
    inspection = inspect_token(provider.token("orders:read").encode(), now=0)

    assert isinstance(inspection, Inspection)
    assert inspection.header["typ"] == "at+jwt"
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(inspection.claims)
    assert inspection.claims["aud"] == AUDIENCE


async def test_a_good_token_reaches_the_service_with_its_identity(
    provider: Provider, gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    """9700.1: the service sees what the token says, and not what the client says."""
    token = provider.token("orders:read")
    forged = {"X-Gateway-Subject": "root", "x_gateway_subject": "root", "X-GATEWAY-SCOPES": "all"}

    async with client.get(gateway.data + "/orders/7?a=b", headers=forged | bearer(token)) as answer:
        seen = await answer.json()

    assert answer.status == 200
    inspection = inspect_token(token.encode(), now=0)
    assert isinstance(inspection, Inspection)
    assert seen.pop("via") != ""
    assert seen == {
        "method": "GET",
        "target": "/orders/7?a=b",
        "subject": "shop",
        "issuer": provider.issuer,
        "client": "shop",
        "scopes": "orders:read",
        "token_id": inspection.claims["jti"],
        "authorization": "",
    }


async def test_a_public_route_needs_no_token_and_carries_no_identity(
    gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    """9700.1, CVE-2026-44087: forged identity goes on public routes too."""
    async with client.get(
        gateway.data + "/healthz", headers={"X-Gateway-Subject": "root"}
    ) as answer:
        seen = await answer.json()

    assert answer.status == 200
    assert seen["subject"] == ""


async def test_without_a_token_the_answer_is_a_bare_challenge(
    gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    """6750.4."""
    async with client.get(gateway.data + "/orders/7") as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 401
    assert problem["reason"] == "token_missing"
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer")
    assert "error" not in challenge


async def test_a_token_with_another_signature_is_refused(
    provider: Provider, gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    """6750.5."""
    head, claims, _ = provider.token("orders:read").split(".")
    _, _, signature = provider.token("orders:read").split(".")
    forged = f"{head}.{claims}.{signature}"

    async with client.get(gateway.data + "/orders/7", headers=bearer(forged)) as answer:
        text = await answer.text()
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 401
    assert problem["reason"] == "signature_invalid"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert not [part for part in (head, claims, signature) if part in text]


async def test_too_little_scope_is_refused_with_the_scope_that_is_needed(
    provider: Provider, gateway: RunningGateway, client: aiohttp.ClientSession
) -> None:
    """6750.6."""
    headers = bearer(provider.token("orders:read"))

    async with client.post(gateway.data + "/orders/7", headers=headers, data=b"x") as answer:
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 403
    assert problem["reason"] == "scope_missing"
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="orders:write"' in challenge


class Traffic:
    """Requests without a pause, counted by status and key."""

    def __init__(
        self, gateway: RunningGateway, client: aiohttp.ClientSession, tokens: list[str]
    ) -> None:
        self._url = gateway.data + "/orders/1"
        self._client = client
        self.tokens = tokens
        self.seen: Counter[tuple[int, object]] = Counter()
        self._answered = asyncio.Condition()

    async def keep_asking(self) -> None:
        while True:
            for token in list(self.tokens):
                async with self._client.get(self._url, headers=bearer(token)) as answer:
                    await answer.read()
                async with self._answered:
                    self.seen[answer.status, kid_of(token)] += 1
                    self._answered.notify_all()

    async def pass_with(self, token: str) -> None:
        """Return once enough requests with the key of *token* have been answered."""
        kid = kid_of(token)
        enough = self._count(kid) + ENOUGH_REQUESTS
        async with self._answered:
            await self._answered.wait_for(lambda: self._count(kid) >= enough)

    def _count(self, kid: object) -> int:
        return sum(count for (_, seen_kid), count in self.seen.items() if seen_kid == kid)

    def failures(self) -> list[tuple[int, object]]:
        return [key for key in self.seen if key[0] != 200]


async def keys_of(gateway: RunningGateway, client: aiohttp.ClientSession) -> dict[str, Any]:
    """Return what the admin port says of the provider's keys."""
    async with client.get(gateway.admin + "/status") as answer:
        issuers = (await answer.json())["issuers"]
    keys: dict[str, Any] = issuers[0]
    return keys


async def keys_are_old_and_cannot_be_had(
    gateway: RunningGateway, client: aiohttp.ClientSession, fresh_seconds: float
) -> None:
    """Return once the keys are past their freshness and a refresh has failed."""
    while True:
        keys = await keys_of(gateway, client)
        if keys["failures"] and keys["age_seconds"] > fresh_seconds:
            return
        await asyncio.sleep(0.05)


@asynccontextmanager
async def traffic(
    gateway: RunningGateway, client: aiohttp.ClientSession, tokens: list[str]
) -> AsyncIterator[Traffic]:
    """Ask from several connections at once for as long as the block lasts."""
    asked = Traffic(gateway, client, tokens)
    async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as group:
        tasks = [group.create_task(asked.keep_asking()) for _ in range(4)]
        yield asked
        for task in tasks:
            task.cancel()


async def test_a_key_rotation_is_followed_without_a_failed_request(
    provider: Provider, service: str, tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    """Tokens of the old and of the new key hold, from the first request on.

    One fetch at the start and one for the new key: an unknown `kid` is asked for once.
    """
    old = provider.token("orders:read")
    with running_gateway(tmp_path, service, provider.issuer) as gateway:
        async with traffic(gateway, client, [old]) as asked:
            await asked.pass_with(old)
            new_kid = await asyncio.to_thread(provider.rotate)
            new = await asyncio.to_thread(provider.token, "orders:read")
            assert kid_of(new) == new_kid
            asked.tokens.append(new)
            await asked.pass_with(new)
            await asked.pass_with(old)
        fetches = (await keys_of(gateway, client))["fetches"]

    assert asked.failures() == []
    assert fetches == 2


async def test_a_provider_that_is_away_for_a_while_fails_no_request(
    provider: Provider, service: str, tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    """Keys serve past their freshness, and a rotation meanwhile is followed afterwards."""
    fresh_seconds = 1
    old = provider.token("orders:read")
    with running_gateway(tmp_path, service, provider.issuer, fresh=f"{fresh_seconds}s") as gateway:
        async with traffic(gateway, client, [old]) as asked:
            await asked.pass_with(old)
            await asyncio.to_thread(provider.stop)
            await keys_are_old_and_cannot_be_had(gateway, client, fresh_seconds)
            await asked.pass_with(old)
            await asyncio.to_thread(provider.start)
            await asyncio.to_thread(provider.rotate)
            new = await asyncio.to_thread(provider.token, "orders:read")
            asked.tokens.append(new)
            await asked.pass_with(new)

    assert asked.failures() == []
