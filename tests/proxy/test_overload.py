"""With twice the load that a service can answer, it answers as much as ever, and what matters.

Everything happens step by step, and patience is counted in steps: to a machine that is slow or
stands still, an upstream is slower, too, and all of this holds nevertheless.
"""

import asyncio
from collections import deque
from typing import Any

from gateway.limits.adaptive_limit import START
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire

# Clients wait until the service has worked off so many requests since they asked. Then they leave,
# which the service cannot see.
PATIENCE = 6

# With START requests in flight, a new one waits for longer than its client does; with as many as
# are worked off in the target, it does not.
WORK_SECONDS = 0.02
TARGET = "70ms"

WORKED = 120
LATER = WORKED // 2
EVERY_SO_MANY_IS_HIGH = 4


class Client:
    """One that asked for *target* when the service had worked off *asked_at* requests."""

    def __init__(self, target: str, asked_at: int, wire: Wire) -> None:
        self.target = target
        self.asked_at = asked_at
        self.has_left = False
        self._wire = wire
        wire.send(make_request(target))
        self.answer = asyncio.create_task(read_answer(wire))

    @property
    def status(self) -> int | None:
        """Return the status of the answer; None if there was none in time."""
        return None if self.has_left else self.answer.result().status

    def leave(self) -> None:
        """Wait no longer for an answer that is not there yet."""
        if not self.answer.done():
            self.has_left = True
            self.answer.cancel()
        self._wire.transport.abort()


class Load:
    """Two new requests for each that the service has worked off, whether anybody waits or not.

    So the load is twice the capacity of the service. It works off one at a time, each for at least
    *work_seconds*; others wait there, first come first served.
    """

    def __init__(
        self, gateway: RunningGateway, service: Service, work_seconds: float = 0.0
    ) -> None:
        self._gateway = gateway
        self._work_seconds = work_seconds
        self._arrived: asyncio.Queue[Wire] = asyncio.Queue()
        self._waiting: deque[tuple[Client, Wire]] = deque()
        self.clients: list[Client] = []
        self.worked: list[Client] = []
        service.script = self._script

    async def _script(self, service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            self._arrived.put_nowait(wire)

    async def run(self, steps: int = WORKED) -> None:
        """Have the service work off as many requests as there are *steps*."""
        for _ in range(START):
            await self._ask()
        for _ in range(steps):
            await self._work_off()
            for client in self.clients:
                if len(self.worked) - client.asked_at >= PATIENCE:
                    client.leave()
            await self._ask()
            await self._ask()
        for client in self.clients:
            client.leave()

    async def _ask(self) -> None:
        """Send a request, and wait until the service has it or the client has an answer."""
        number = len(self.clients)
        name = "low" if number % EVERY_SO_MANY_IS_HIGH else "high"
        client = Client(f"/{name}/{number}", len(self.worked), await self._gateway.connect())
        self.clients.append(client)
        arrival = asyncio.create_task(self._arrived.get())
        await asyncio.wait((arrival, client.answer), return_when=asyncio.FIRST_COMPLETED)
        if arrival.done():
            self._waiting.append((client, arrival.result()))
        else:
            arrival.cancel()

    async def _work_off(self) -> None:
        """Answer the request that has waited longest: no limit lets the service be idle."""
        client, wire = self._waiting.popleft()
        await asyncio.sleep(self._work_seconds)
        self.worked.append(client)
        if not wire.transport.is_closing():
            wire.send(make_answer(client.target.encode()))
        if not client.has_left:
            await client.answer

    def goodput(self) -> float:
        """Return the share of the later work that came in time for those who had asked."""
        later = self.worked[LATER:]
        return sum(client.status == 200 for client in later) / len(later)

    def later(self, name: str) -> set[int | None]:
        """Return what became of those of a route that asked in the second half."""
        return {
            client.status
            for client in self.clients
            # Who asked in the last steps was still waiting.
            if client.target.startswith(name) and LATER <= client.asked_at < WORKED - PATIENCE
        }


def routes() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "match": {"path_prefix": f"/{name}/"},
            "upstream": "main",
            "public": True,
            "priority": name,
        }
        for name in ("high", "low")
    ]


async def test_without_limits_all_work_is_soon_for_clients_that_have_left(
    start_gateway: StartGateway, service: Service
) -> None:
    load = Load(await start_gateway(routes=routes()), service)

    await load.run()

    assert load.goodput() == 0
    assert load.later("/") == {None}


async def test_with_a_target_the_service_works_for_clients_that_wait_and_high_priority_passes(
    start_gateway: StartGateway, service: Service
) -> None:
    gateway = await start_gateway(routes=routes(), upstream={"overload": {"target": TARGET}})
    load = Load(gateway, service, WORK_SECONDS)

    await load.run()

    assert load.goodput() >= 0.8
    assert load.later("/high/") == {200}
    assert {200, 503} <= load.later("/low/")


async def test_as_long_as_responses_are_in_time_each_allows_one_more(
    start_gateway: StartGateway, service: Service
) -> None:
    gateway = await start_gateway(routes=routes(), upstream={"overload": {"target": "1h"}})
    load = Load(gateway, service)

    await load.run(PATIENCE)

    allowed = gateway.metric("gateway_upstream_requests_allowed", upstream="main")
    assert allowed == START + PATIENCE


async def test_with_a_fixed_number_the_service_works_only_for_clients_that_wait(
    start_gateway: StartGateway, service: Service
) -> None:
    gateway = await start_gateway(routes=routes(), limits={"requests": PATIENCE - 1})
    load = Load(gateway, service)

    await load.run()

    assert load.goodput() == 1
    assert load.later("/") == {200, 503}
