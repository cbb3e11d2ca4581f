"""A gateway and a service that serve every example of a property."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.messages import Message
from tests.proxy.service import Service, echo, running_service

T = TypeVar("T")


class World:
    """A gateway and a service on a loop of their own, for all examples of all laws."""

    def __init__(self, runner: asyncio.Runner, service: Service, gateway: RunningGateway) -> None:
        self.run_on = runner
        self.service = service
        self.gateway = gateway
        self.faults: list[dict[str, Any]] = []
        self.numbers = count()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work*; an error that only the event loop saw fails the test."""
        answer = self.run_on.run(work)
        faults, self.faults[:] = [*self.faults], []
        assert faults == []
        return answer

    def ask(self, request: bytes) -> Message:
        return self.run(self.gateway.ask(request))


@contextmanager
def running_world(directory: Path) -> Iterator[World]:
    """Yield a gateway with the routes for hostile input, before a service that echoes."""
    stack = AsyncExitStack()

    async def start(runner: asyncio.Runner) -> World:
        service = await stack.enter_async_context(running_service())
        service.script = echo
        path = write_config(directory, [service.url], {"routes": HOSTILE_ROUTES})
        gateway = await stack.enter_async_context(running_gateway(load(path)))
        made = World(runner, service, gateway)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, fault: made.faults.append(fault))
        return made

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        made = runner.run(start(runner))
        yield made
        made.run(stack.aclose())
