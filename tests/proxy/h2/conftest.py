"""A gateway before a recording service, for all cases of HTTP/2 in a module."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.proxy.corpus_routes import CORPUS_ROUTES
from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.recorder import RecordingService, running_recorder
from tests.proxy.wire import Wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Http2World:
    """A gateway before a recording service, and somebody else's connection to it."""

    runner: asyncio.Runner
    service: RecordingService
    gateway: RunningGateway
    bystander: Wire
    faults: list[dict[str, Any]]  # errors that only the event loop saw

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work*; an error that only the event loop saw fails the test."""
        done = self.runner.run(work)
        faults, self.faults[:] = [*self.faults], []
        assert faults == []
        return done

    async def check_bystander(self) -> None:
        """Ask on the other connection, which nothing of all this may have harmed."""
        self.bystander.send(make_request("/nowhere"))
        head = await self.bystander.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 ")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self.bystander.read(length)


@contextmanager
def running_world(folder: Path, *, tls: bool = False) -> Iterator[Http2World]:
    """Yield a gateway, on a port with TLS or without, before a recording service."""
    stack = AsyncExitStack()
    changes: dict[str, Any] = {"routes": CORPUS_ROUTES}
    if tls:
        changes["listen"] = listen_with_tls(folder)

    async def start(runner: asyncio.Runner) -> Http2World:
        service = await stack.enter_async_context(running_recorder())
        url = f"http://127.0.0.1:{service.port}"
        settings = load(write_config(folder, [url], changes))
        gateway = await stack.enter_async_context(running_gateway(settings))
        gateway.tls = trusting() if tls else None
        made = Http2World(runner, service, gateway, await gateway.connect(), [])
        await made.check_bystander()  # an idle connection may stay longer than a new one
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, fault: made.faults.append(fault))
        return made

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.run(start(runner))
        runner.run(stack.aclose())


def listen_with_tls(folder: Path) -> dict[str, Any]:
    """Write a certificate, and return a `listen` with it."""
    write_pair(folder, AUTHORITY.issue_cert("127.0.0.1"))
    return {
        "address": "127.0.0.1:0",
        "tls": {"certificate": "server.pem", "key": "server.key"},
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http2World]:
    with running_world(tmp_path_factory.mktemp("http2")) as made:
        yield made
