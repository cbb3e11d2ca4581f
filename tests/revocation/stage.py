"""A running gateway with one revocation list, and the clock by which the list lives."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.settings.values.configuration import Settings
from tests.keyring.peers import MovableClock, until
from tests.proxy.gateways import RunningGateway, bearer, load, running_gateway, write_config
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import connect


class Stage:
    """What a test does with the gateway and its list, which is called ``blocked``."""

    def __init__(self, gateway: RunningGateway, clock: MovableClock) -> None:
        self.gateway = gateway
        self.clock = clock

    async def ask(self, token: bytes, target: str = "/api/x") -> Message:
        """Return the answer to a request with *token*, on a connection of its own."""
        return await self.gateway.ask(make_request(target, bearer(token)))

    async def reason(self, token: bytes) -> str | None:
        """Return why *token* is refused, or None where it passes."""
        answer = await self.ask(token)
        return None if answer.status == 200 else str(json.loads(answer.body)["reason"])

    async def refresh(self) -> None:
        """Move to the next reading of the list, and wait for its end."""
        reads = self.metric("fetches_total")
        # Its keeper sleeps until then, and not for something else.
        await until(
            lambda: (
                (due_in := self.metric("next_refresh_seconds")) > 0.0
                and abs(self.clock.next_wake_in_seconds - due_in) < 1e-6
            )
        )
        self.clock.advance(self.metric("next_refresh_seconds"))
        await until(
            lambda: (
                self.metric("fetches_total") == reads + 1
                and self.metric("next_refresh_seconds") > 0.0
            )
        )

    def metric(self, name: str) -> float:
        """Return a metric of the list."""
        return self.gateway.metric(f"gateway_revocation_{name}", list="blocked")

    async def admin(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return what the admin port says there."""
        address = self.gateway.gateway.admin_address
        assert address is not None
        wire = await connect(address)
        wire.send(make_request(path, "Connection: close", host=f"{address[0]}:{address[1]}"))
        answer = await read_answer(wire)
        wire.transport.abort()
        return answer.status, json.loads(answer.body)


def stage_settings(
    directory: Path, service: Service, source: Mapping[str, Any] | None, **changes: Any
) -> Settings:
    """Return a configuration with the list *source*, or with none."""
    lists = {} if source is None else {"revocations": {"blocked": dict(source)}}
    return load(write_config(directory, [service.url], {**lists, **changes}))


@asynccontextmanager
async def stage(settings: Settings, clock: MovableClock) -> AsyncIterator[Stage]:
    async with running_gateway(settings, clock) as gateway:
        yield Stage(gateway, clock)
