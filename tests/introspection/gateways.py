"""A running gateway whose only issuer is asked about its tokens."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.settings.values.configuration import Settings
from tests.introspection.introspector import (
    CLIENT_ID,
    SECRET,
    Introspector,
    running_introspector,
)
from tests.proxy.gateways import AUDIENCE, RunningGateway, load, running_gateway, write_config
from tests.proxy.messages import Message, make_request
from tests.proxy.service import Service, running_service

ALICE: dict[str, Any] = {
    "sub": "alice",
    "aud": AUDIENCE,
    "scope": "api:read",
    "token_type": "Bearer",
}
TOKEN = "an-opaque-token-of-alice"


def issuer_section(iss: str, **changes: Any) -> dict[str, Any]:
    """Return the issuer *iss* as a configuration has it; *changes* are of its introspection."""
    introspection = {
        "client_id": CLIENT_ID,
        "client_secret_file": "secret",
        "timeout": "20s",
        **changes,
    }
    return {"issuer": iss, "audiences": [AUDIENCE], "introspection": introspection}


def make_settings(
    directory: Path, service: Service, iss: str, sections: dict[str, Any], **changes: Any
) -> Settings:
    (directory / "secret").write_text(SECRET)
    issuers = {"idp": issuer_section(iss, **changes)}
    return load(write_config(directory, [service.url], {"issuers": issuers, **sections}))


@dataclass
class World:
    """A gateway, the issuer that it asks, and the service behind it."""

    gateway: RunningGateway
    issuer: Introspector
    service: Service

    async def ask(self, token: str = TOKEN, target: str = "/api/x", *lines: str) -> str:
        """Return ``200``, or the status and the reason, of a request with *token*."""
        answer = await self.answer(token, target, *lines)
        if answer.status == 200:
            return "200"
        return f"{answer.status} {json.loads(answer.body)['reason']}"

    async def answer(self, token: str = TOKEN, target: str = "/api/x", *lines: str) -> Message:
        request = make_request(target, f"Authorization: Bearer {token}", *lines)
        return await self.gateway.ask(request)

    def counted(self, result: str) -> float:
        return self.gateway.metric("gateway_introspections_total", issuer="idp", result=result)


@asynccontextmanager
async def running_world(
    directory: Path, sections: dict[str, Any] | None = None, **changes: Any
) -> AsyncIterator[World]:
    """Yield a world; *changes* are of the introspection, *sections* of the configuration."""
    async with running_introspector() as issuer, running_service() as service:
        issuer.tokens[TOKEN] = ALICE
        settings = make_settings(directory, service, issuer.url, sections or {}, **changes)
        async with running_gateway(settings) as gateway:
            yield World(gateway, issuer, service)
