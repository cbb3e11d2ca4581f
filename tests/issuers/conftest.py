"""An issuer, a service behind a gateway, and a clock for the keys, fresh for each test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import uvloop

from tests.issuers.world import World, issuer_section
from tests.keyring.peers import IssuerPeer, MovableClock, issuer_peer
from tests.proxy.gateways import load, running_gateway, write_config
from tests.proxy.service import Service, running_service


class StartWorld(Protocol):
    """Start a gateway whose configuration differs by *changes*; see ``write_config``."""

    async def __call__(self, **changes: Any) -> World: ...


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the loop that ``gateway run`` runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def issuer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as started:
        yield started


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def start(service: Service, issuer: IssuerPeer, tmp_path: Path) -> AsyncIterator[StartWorld]:
    """Return what starts a gateway that trusts *issuer*, unless ``issuers`` say otherwise."""
    async with AsyncExitStack() as stack:

        async def begin(**changes: Any) -> World:
            sections = {"issuers": {"main": issuer_section(issuer.url + "/jwks")}, **changes}
            settings = load(write_config(tmp_path, [service.url], sections))
            clock = MovableClock()
            gateway = await stack.enter_async_context(running_gateway(settings, clock))
            return World(gateway, clock, service)

        yield begin
