"""Whatever becomes of connections: nobody waits where there is room, no cap is exceeded."""

import asyncio
import random
from time import monotonic
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.capped_pool import CappedPool
from gateway.proxy.upstream.connection import ConnectionOwner, ServerConnection
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.balancing import Balance, EjectionLimits, QueueLimits
from gateway.settings.values.configuration import Server
from tests.proxy.pools import make_pool


class Transport(asyncio.Transport):
    """Goes nowhere."""

    def abort(self) -> None:
        """Do nothing."""

    def is_closing(self) -> bool:
        return False


class ImaginedPool(CappedPool):
    """Opens a connection when the test says so."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.opening: list[asyncio.Future[None]] = []

    async def open_alone(self, owner: ConnectionOwner) -> ServerConnection:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opening.append(opened)
        try:
            await opened
        finally:
            self.opening.remove(opened)
        server = ServerConnection(owner)
        server.connection_made(Transport())
        return server


class World:
    """A pool of imagined servers, and the requests that want connections of it."""

    def __init__(self, servers: int, cap: int, size: int, balance: Balance) -> None:
        self.cap = cap
        self.tasks: list[asyncio.Task[Lease]] = []
        self.busy: list[Lease] = []
        self.refused = 0
        self.has_refused = False

        class Imagined(Pool):
            def _make_pool(self, server: Server, host: str) -> ServerPool:
                tally = self.counts.servers[server.authority]
                parts = (server, host, self._upstream, self._timeouts, self._write_buffer)
                return ImaginedPool(cap, self._queue, *parts, self.counts, tally)

        urls = [f"http://10.0.0.{number}:80" for number in range(servers)]
        self.pool = make_pool(
            *urls,
            kind=Imagined,
            max_connections=cap,
            queue=QueueLimits(size, 1000.0),
            balance=balance,
            ejection=EjectionLimits(2, 1000.0, 1000.0, 0.5),
        )

    @property
    def pools(self) -> list[ImaginedPool]:
        return [cast(ImaginedPool, one.pool) for one in self.pool._members.all]

    async def settle(self) -> None:
        """Let everything happen that can, and hold what must hold then."""
        for _ in range(12):
            await asyncio.sleep(0)
        if self.has_refused:
            # Who could not connect does not try there again before the next sweep.
            self.pool.expire(monotonic())
            for _ in range(12):
                await asyncio.sleep(0)
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            try:
                self.busy.append(task.result())
            except NoServer:
                self.refused += 1
        opening = sum(len(pool.opening) for pool in self.pools)
        assert len(self.tasks) == opening + len(self.pool._queue)
        for pool in self.pools:
            assert len(pool.connections) + pool.connecting <= self.cap
            assert pool.connecting == len(pool.opening)
            assert set(pool.idle) <= pool.connections
            if pool.is_used and len(self.pool._queue):
                assert not pool.has_room()
        assert len(self.busy) == sum(len(p.connections) - len(p.idle) for p in self.pools)

    def act(self, event: str, dice: random.Random) -> None:
        opening = [one for pool in self.pools for one in pool.opening if not one.done()]
        if event == "ask":
            kept = self.pool.take()
            if kept is not None:
                self.busy.append(kept)
            else:
                self.tasks.append(asyncio.ensure_future(self.pool.connect()))
        elif event == "open" and opening:
            dice.choice(opening).set_result(None)
        elif event == "refuse" and opening:
            self.has_refused = True
            dice.choice(opening).set_exception(ConnectionRefusedError())
        elif event == "answer" and self.busy:
            server = self.busy.pop(dice.randrange(len(self.busy)))
            server.give_back()
        elif event == "break" and self.busy:
            server = self.busy.pop(dice.randrange(len(self.busy)))
            server.owner.fail(0.0)
            server.close()

    async def end(self) -> None:
        """Open and answer everything: nobody may be left waiting."""
        for _ in range(400):
            if not self.tasks:
                break
            for event in ("open", "answer"):
                self.act(event, random.Random(0))
                await self.settle()
        assert not self.tasks
        self.pool.close()


USUAL = ("ask", "ask", "ask", "open", "open", "answer", "answer", "break")
EVENTS = st.sampled_from([USUAL, (*USUAL, "refuse")]).flatmap(
    lambda kinds: st.lists(st.sampled_from(kinds), min_size=15, max_size=60)
)


@given(
    events=EVENTS,
    servers=st.integers(1, 4),
    cap=st.integers(1, 3),
    size=st.integers(1, 6),
    balance=st.sampled_from(Balance),
    seed=st.integers(0, 1000),
)
def test_no_request_waits_while_there_is_room_and_no_server_exceeds_its_limit(
    events: list[str], servers: int, cap: int, size: int, balance: Balance, seed: int
) -> None:
    async def play() -> None:
        world, dice = World(servers, cap, size, balance), random.Random(seed)
        for event in events:
            world.act(event, dice)
            await world.settle()
        await world.end()

    asyncio.run(play())


@pytest.mark.parametrize("balance", list(Balance))
def test_all_requests_that_wait_are_served(balance: Balance) -> None:
    async def play() -> int:
        world = World(2, 1, 9, balance)
        for _ in range(8):
            world.act("ask", random.Random(0))
        await world.settle()
        assert len(world.pool._queue) == 6
        await world.end()
        return world.refused

    assert asyncio.run(play()) == 0


async def test_a_request_that_waits_is_served_at_once_when_a_connection_fails() -> None:
    world = World(1, 1, 9, Balance.ROUND_ROBIN)
    world.act("ask", random.Random(0))
    world.act("ask", random.Random(0))
    await world.settle()

    world.pools[0].opening[0].set_exception(ConnectionRefusedError())
    await world.settle()

    assert world.refused == 1
    assert len(world.pools[0].opening) == 1
    assert not len(world.pool._queue)
    await world.end()
