"""Clients that ask one request behind the other, and remember what became of each."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request, read_answer


class Load:
    """What was asked: each target once, and the status that it was answered with.

    *under_way* are those that are not answered yet.
    """

    def __init__(self, gateway: RunningGateway, prefix: str) -> None:
        self._gateway = gateway
        self._prefix = prefix
        self._numbers = count()
        self._changed = asyncio.Event()
        self._is_over = False
        self.under_way: set[str] = set()
        self.statuses: dict[str, int] = {}
        self.bodies: dict[str, bytes] = {}

    @property
    def failed(self) -> set[str]:
        """Return the targets that were not answered with 200."""
        return {target for target, status in self.statuses.items() if status != 200}

    async def _ask(self) -> None:
        wire = await self._gateway.connect()
        while not self._is_over:
            target = f"{self._prefix}{next(self._numbers)}"
            self.under_way.add(target)
            wire.send(make_request(target))
            answer = await read_answer(wire)
            self.under_way.discard(target)
            self.statuses[target] = answer.status
            self.bodies[target] = answer.body
            self._changed.set()
        wire.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Go on until *condition* holds behind some answer."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def more(self, requests: int) -> None:
        """Go on for so many answers."""
        wanted = len(self.statuses) + requests
        await self.until(lambda: len(self.statuses) >= wanted)

    def end(self) -> None:
        """Ask nothing any more."""
        self._is_over = True


@asynccontextmanager
async def running_load(
    gateway: RunningGateway, clients: int, prefix: str = "/open/"
) -> AsyncIterator[Load]:
    """Yield the load of so many clients; when it is left, all that was asked is answered."""
    load = Load(gateway, prefix)
    tasks = [asyncio.get_running_loop().create_task(load._ask()) for _ in range(clients)]
    try:
        yield load
        load.end()
        async with asyncio.timeout(LIMIT_SECONDS):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
