"""Whatever becomes of connections of HTTP/2: nobody waits where a stream is, no limit breaks."""

import asyncio
import random
from time import monotonic
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.h2_connection import H2ServerConnection
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.stream_pool import StreamPool
from gateway.settings.values.balancing import Balance, EjectionLimits, QueueLimits
from gateway.settings.values.configuration import Server, UpstreamProtocol
from tests.proxy.pools import make_pool


class ImaginedConnection:
    """Has *places*, and says what becomes of them, as a connection of HTTP/2 does."""

    def __init__(self, owner: StreamPool, places: int) -> None:
        self.owner = owner
        self.places = places
        self.stream_count = self.most = 0
        self.is_ending = self.is_closed = False

    @property
    def _self(self) -> H2ServerConnection:
        return cast(H2ServerConnection, self)

    def room(self) -> int:
        return 0 if self.is_ending or self.is_closed else self.places - self.stream_count

    def lease(self) -> "ImaginedLease":
        assert self.room() > 0
        self.stream_count += 1
        self.most = max(self.most, self.stream_count)
        return ImaginedLease(self)

    def free_place(self) -> None:
        self.stream_count -= 1
        if self.is_ending and not self.stream_count:
            self.close()
        self.owner.room_changed(self._self)

    def go_away(self) -> None:
        self.is_ending = True
        self.owner.room_changed(self._self)

    def retire(self) -> None:
        self.is_ending = True
        if not self.stream_count:
            self.close()

    def expire(self, now: float) -> None:
        """Do nothing: a test says what happens."""

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.owner.lost(self._self)


class ImaginedLease:
    """One place of a connection, given back at most once."""

    def __init__(self, connection: ImaginedConnection) -> None:
        self.connection = connection
        self.is_over = False

    @property
    def is_open(self) -> bool:
        return not self.connection.is_closed

    def give_back(self) -> None:
        assert not self.is_over
        self.is_over = True
        self.connection.free_place()


class ImaginedPool(StreamPool):
    """Opens a connection when the test says so."""

    def __init__(self, places: int, *args: Any) -> None:
        super().__init__(*args)
        self.places = places
        self.opening: list[asyncio.Future[None]] = []
        self.made: list[ImaginedConnection] = []

    async def _open(self) -> H2ServerConnection:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opening.append(opened)
        try:
            await opened
        finally:
            self.opening.remove(opened)
        made = ImaginedConnection(self, self.places)
        self.made.append(made)
        return cast(H2ServerConnection, made)


class World:
    """A pool of imagined servers, and the requests that want streams of it."""

    def __init__(self, places: list[int], cap: int | None, size: int, balance: Balance) -> None:
        self.cap = cap
        self.tasks: list[asyncio.Task[Lease]] = []
        self.busy: list[ImaginedLease] = []
        self.has_refused = False
        left = iter(places)

        class Imagined(Pool):
            def _make_pool(self, server: Server, host: str) -> StreamPool:
                tally = self.counts.servers[server.authority]
                parts = (server, host, self._upstream, self._timeouts, self._write_buffer)
                return ImaginedPool(next(left), cap, self._queue, *parts, self.counts, tally)

        self.pool = make_pool(
            *(f"http://10.0.0.{number}:80" for number in range(len(places))),
            kind=Imagined,
            protocol=UpstreamProtocol.H2C,
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
        for _ in range(20):
            await asyncio.sleep(0)
        if self.has_refused:
            self.pool.expire(monotonic())
            for _ in range(20):
                await asyncio.sleep(0)
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            try:
                self.busy.append(cast(ImaginedLease, task.result()))
            except NoServer:
                continue
        self.busy = [one for one in self.busy if one.is_open]
        waiting = sum(len(pool._waiting) for pool in self.pools)
        assert len(self.tasks) == waiting + len(self.pool._queue)
        for pool in self.pools:
            assert all(one.most <= one.places for one in pool.made)
            assert pool.connecting == len(pool._waiting)
            assert not pool._waiting or pool.opening
            used = [one for one in pool.made if not (one.is_ending or one.is_closed)]
            assert self.cap is None or len(used) + len(pool.opening) <= self.cap
            if pool.is_used and len(self.pool._queue):
                assert not pool.has_room()
        streams = sum(len(pool.connections) for pool in self.pools)
        assert streams == len(self.busy)

    def act(self, event: str, dice: random.Random) -> None:
        opening = [one for pool in self.pools for one in pool.opening if not one.done()]
        made = [one for pool in self.pools for one in pool.made if not one.is_closed]
        if event == "ask":
            kept = self.pool.take()
            if kept is not None:
                self.busy.append(cast(ImaginedLease, kept))
            else:
                self.tasks.append(asyncio.ensure_future(self.pool.connect()))
        elif event == "open" and opening:
            dice.choice(opening).set_result(None)
        elif event == "refuse" and opening:
            self.has_refused = True
            dice.choice(opening).set_exception(ConnectionRefusedError())
        elif event == "answer" and self.busy:
            self.busy.pop(dice.randrange(len(self.busy))).give_back()
        elif event == "go away" and made:
            dice.choice(made).go_away()
        elif event == "break" and made:
            dice.choice(made).close()

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


USUAL = ("ask", "ask", "ask", "ask", "open", "open", "answer", "answer", "go away", "break")
EVENTS = st.sampled_from([USUAL, (*USUAL, "refuse")]).flatmap(
    lambda kinds: st.lists(st.sampled_from(kinds), min_size=15, max_size=60)
)


@given(
    events=EVENTS,
    places=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    cap=st.none() | st.integers(1, 3),
    size=st.integers(1, 8),
    balance=st.sampled_from(Balance),
    seed=st.integers(0, 1000),
)
def test_no_request_waits_while_there_is_a_stream_and_no_limit_is_exceeded(
    events: list[str],
    places: list[int],
    cap: int | None,
    size: int,
    balance: Balance,
    seed: int,
) -> None:
    async def play() -> None:
        world, dice = World(places, cap, size, balance), random.Random(seed)
        for event in events:
            world.act(event, dice)
            await world.settle()
        await world.end()

    asyncio.run(play())
