"""A gateway before a hostile service of HTTP/2, for all cases in a module."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client
from tests.proxy.hostile import HOSTILE_ROUTES, reason
from tests.proxy.http2_services.service import Call, Http2Service, echo, running_http2_service
from tests.proxy.messages import make_request, read_answer
from tests.proxy.wire import Cut, Wire

T = TypeVar("T")

_OTHER = "/public/other"
_VICTIM = "/public/victim"


@dataclass(slots=True)
class HostileWorld:
    """A gateway and a service; *attack* is what the service does to the request for the victim."""

    runner: asyncio.Runner
    service: Http2Service
    gateway: RunningGateway
    attack: Callable[[Call], None] = lambda call: None
    released: asyncio.Event = field(default_factory=asyncio.Event)
    faults: list[Mapping[str, Any]] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work*; an error that only the event loop saw fails the test."""
        done = self.runner.run(work)
        faults, self.faults[:] = [*self.faults], []
        assert faults == []
        return done

    async def script(self, call: Call) -> None:
        """Hold the other request until it is released; attack the first one for the victim."""
        if call.path == _OTHER.encode():
            await self.released.wait()
            call.respond(b"other")
        elif call.path == _VICTIM.encode():
            if sum(one.path == call.path for one in self.service.calls) == 1:
                self.attack(call)
            else:
                call.respond(b"fine")
        else:
            await echo(call)

    def begin(self, attack: Callable[[Call], None]) -> None:
        """Forget what was; from now on the service does *attack*."""
        self.attack = attack
        self.released = asyncio.Event()
        self.service.calls.clear()

    async def ask_other(self) -> Wire:
        """Send a request that the service holds; return once it is there."""
        wire = await self.gateway.connect()
        wire.send(make_request(_OTHER))
        await self.service.call(0)
        return wire

    async def ask_victim(self) -> Wire:
        """Send a request on a new connection of HTTP/1.1."""
        wire = await self.gateway.connect()
        wire.send(make_request(_VICTIM))
        return wire

    async def label_in_http2(self) -> str:
        """Return what the victim gets over HTTP/2, as it would be called over HTTP/1.1."""
        client = Http2Client(await self.gateway.connect())
        client.begin()
        stream = await client.fetch(request_fields(_VICTIM.encode()))
        client.wire.close()
        if stream.label.startswith("reset ") or stream.label.endswith(" unfinished"):
            return "cut"
        assert not client.goaways, client.goaways
        text = stream.label
        return text if " " in text else f"{text} {bytes(stream.body).decode()}"


async def label(wire: Wire) -> str:
    """Return the next final answer in a few words."""
    try:
        answer = await read_answer(wire)
        while answer.status < 200:
            answer = await read_answer(wire)
    except Cut:
        return "cut"
    refused = reason(answer)
    return f"{answer.status} {refused or answer.body.decode()}"


@contextmanager
def running_hostile_world(folder: Path) -> Iterator[HostileWorld]:
    """Yield a gateway whose upstream speaks HTTP/2 in the clear."""
    stack = AsyncExitStack()

    async def start(runner: asyncio.Runner) -> HostileWorld:
        service = await stack.enter_async_context(running_http2_service())
        changes = {"routes": HOSTILE_ROUTES, "upstream": {"protocol": "h2c"}}
        settings = load(write_config(folder, [service.url], changes))
        gateway = await stack.enter_async_context(running_gateway(settings))
        made = HostileWorld(runner, service, gateway)
        service.script = made.script
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, fault: made.faults.append(fault))
        return made

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        made = runner.run(start(runner))
        yield made
        made.run(stack.aclose())
