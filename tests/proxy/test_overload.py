"""With twice the load that a service can answer, it answers as much as ever, and what matters."""

import asyncio
from itertools import count
from typing import Any

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Cut, Wire

# What the service can do: so many at once, each for so long. Others wait, first come first served.
AT_ONCE = 4
WORK_SECONDS = 0.05

TARGET_SECONDS = 3 * WORK_SECONDS
PATIENCE_SECONDS = 8 * WORK_SECONDS  # of clients: then they leave, which the service cannot see

WORKED = 240
EVERY_SO_MANY_IS_HIGH = 4


class Load:
    """Two new requests for each that the service has worked off, whether anybody waits or not.

    So the load is twice the capacity of the service, however fast this machine is.
    """

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        self._free = asyncio.Semaphore(AT_ONCE)
        self._numbers = count()
        self._clients: list[asyncio.Task[None]] = []
        self._is_enough = asyncio.Event()
        self._under_way = 0
        self.worked: list[bytes] = []
        self.busy: list[int] = []  # how many others the service had, each time that one was done
        self.statuses: dict[bytes, int | None] = {}  # None: the client left
        self.asked_at: dict[bytes, int] = {}  # how many were worked off then

    async def script(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            self._under_way += 1
            async with self._free:
                await asyncio.sleep(WORK_SECONDS)
            self._under_way -= 1
            self.worked.append(request.target)
            self.busy.append(self._under_way)
            wire.send(make_answer(request.target))
            self.ask(2)

    def ask(self, requests: int) -> None:
        if len(self.worked) >= WORKED:
            self._is_enough.set()
            return
        for number in (next(self._numbers) for _ in range(requests)):
            name = "low" if number % EVERY_SO_MANY_IS_HIGH else "high"
            self._clients.append(asyncio.create_task(self._client(f"/{name}/{number}")))

    async def _client(self, target: str) -> None:
        name = target.encode()
        self.asked_at[name] = len(self.worked)
        wire = await self._gateway.connect()
        wire.send(make_request(target))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self.statuses[name] = (await read_answer(wire)).status
        except (TimeoutError, Cut):
            self.statuses[name] = None
        wire.transport.abort()

    async def run(self) -> None:
        self.ask(2 * AT_ONCE)
        async with asyncio.timeout(60):
            await self._is_enough.wait()
            await asyncio.gather(*self._clients)

    def goodput(self) -> float:
        """Return the share of the later work that came in time for those who had asked."""
        later = self.worked[WORKED // 2 : WORKED]
        return sum(self.statuses.get(one) == 200 for one in later) / len(later)

    def later(self, name: bytes) -> list[int | None]:
        """Return what became of those of a route that asked in the second half."""
        return [
            status
            for target, status in self.statuses.items()
            if target.startswith(name) and self.asked_at[target] >= WORKED // 2
        ]


async def overloaded(start_gateway: StartGateway, service: Service, **upstream: Any) -> Load:
    routes = [
        {
            "name": name,
            "match": {"path_prefix": f"/{name}/"},
            "upstream": "main",
            "public": True,
            "priority": name,
        }
        for name in ("high", "low")
    ]
    gateway = await start_gateway(routes=routes, upstream=upstream)
    load = Load(gateway)
    service.script = load.script
    await load.run()
    return load


async def test_without_limits_nearly_all_work_is_for_clients_that_have_left(
    start_gateway: StartGateway, service: Service
) -> None:
    load = await overloaded(start_gateway, service)

    assert load.goodput() < 0.2
    assert 503 not in load.statuses.values()


async def test_with_a_target_the_service_works_for_clients_that_wait_and_high_priority_passes(
    start_gateway: StartGateway, service: Service
) -> None:
    load = await overloaded(
        start_gateway, service, overload={"target": f"{TARGET_SECONDS * 1000:.0f}ms"}
    )

    assert load.goodput() >= 0.8
    idle = [one for one in load.busy[WORKED // 2 : WORKED] if one < AT_ONCE - 1]
    assert len(idle) <= 0.2 * WORKED / 2
    assert set(load.later(b"/high/")) == {200}
    assert {200, 503} <= set(load.later(b"/low/"))


async def test_with_a_fixed_number_it_does_too(
    start_gateway: StartGateway, service: Service
) -> None:
    routes = [{"name": "low", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}]
    gateway = await start_gateway(routes=routes, limits={"requests": 2 * AT_ONCE})
    load = Load(gateway)
    service.script = load.script
    await load.run()

    assert load.goodput() >= 0.8
    assert 503 in load.statuses.values()
