"""A service behind the gateway that records every byte it gets, and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.hanging import LIMIT_SECONDS
from tests.proxy.messages import Message, make_answer, read_request
from tests.proxy.wire import Cut, Wire


class Service:
    """Runs *script* on every connection; *requests* are those that a script has read whole.

    A script ends well where the other side goes away; any other error fails the test.
    """

    def __init__(self) -> None:
        self.script: Script = serve(make_answer(b"hello"))
        self.connections: list[Wire] = []
        self.requests: list[Message] = []
        self.address = ("", 0)
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"

    @property
    def received(self) -> bytes:
        """Return every byte that came, on all connections."""
        return b"".join(bytes(wire.received) for wire in self.connections)

    async def read_request(self, wire: Wire) -> Message:
        """Return the next request on *wire*, and remember it."""
        message = await read_request(wire)
        self.requests.append(message)
        self._changed.set()
        return message

    async def request(self, number: int = 0) -> Message:
        """Return request *number*, once a script has read it."""
        await self._wait_for(lambda: len(self.requests) > number)
        return self.requests[number]

    async def connection(self, number: int = 0) -> Wire:
        """Return connection *number*, once it is there."""
        await self._wait_for(lambda: len(self.connections) > number)
        return self.connections[number]

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def take(self, wire: Wire) -> None:
        """Begin the script on a new connection."""
        self.connections.append(wire)
        self._changed.set()
        self._tasks.append(asyncio.get_running_loop().create_task(self._play(wire)))

    async def _play(self, wire: Wire) -> None:
        try:
            await self.script(self, wire)
        except Cut:
            wire.close()

    async def finish(self) -> None:
        """Stop every script; raises what went wrong in one."""
        for task in self._tasks:
            if not task.done():
                task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for wire in self.connections:
            wire.transport.abort()
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


Script = Callable[[Service, Wire], Awaitable[None]]


def serve(*answers: bytes) -> Script:
    """Return a script that gives each request the next of *answers*, the last one for ever."""
    left = list(answers)

    async def script(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            wire.send(left[0] if len(left) == 1 else left.pop(0))

    return script


async def echo(service: Service, wire: Wire) -> None:
    """Answer each request with its own target and body."""
    while True:
        request = await service.read_request(wire)
        wire.send(make_answer(request.target + b" " + request.body))


@asynccontextmanager
async def running_service() -> AsyncIterator[Service]:
    """Yield a service on a free port of loopback."""
    service = Service()
    server = await asyncio.get_running_loop().create_server(
        lambda: Wire(service.take), "127.0.0.1", 0
    )
    service.address = server.sockets[0].getsockname()[:2]
    try:
        yield service
    finally:
        server.close()
        await service.finish()
