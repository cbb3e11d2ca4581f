"""A recording service, a gateway in front of it, and clients, fresh for each test."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import uvloop

from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire


class StartGateway(Protocol):
    """Start a gateway whose configuration differs by *changes*; see ``write_config``."""

    def __call__(
        self, servers: list[str] | None = None, **changes: Any
    ) -> Awaitable[RunningGateway]: ...


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on the loop that ``gateway run`` runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
async def start_gateway(service: Service, tmp_path: Path) -> AsyncIterator[StartGateway]:
    async with AsyncExitStack() as stack:

        async def start(servers: list[str] | None = None, **changes: Any) -> RunningGateway:
            path = write_config(tmp_path, servers or [service.url], changes)
            return await stack.enter_async_context(running_gateway(load(path)))

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway()


@pytest.fixture
async def client(gateway: RunningGateway) -> Wire:
    return await gateway.connect()
