"""The connections to one address: kept, counted, and closed when they are old or retired."""

from time import monotonic

import pytest

from gateway.proxy.upstream.connection import ConnectionOwner, ServerConnection
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.server_pool import ServerPool
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request
from tests.proxy.pools import eventually, make_pool
from tests.proxy.service import Service
from tests.proxy.wire import Wire


class Watched:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def failed(self, sent_at: float) -> None:
        self.told.append("failed")

    def refused(self) -> None:
        self.told.append("refused")

    def abandoned(self, sent_at: float) -> None:
        self.told.append("abandoned")


def watch(pool: Pool) -> tuple[ServerPool, Watched]:
    (member,) = pool._members.all
    assert isinstance(member.pool, ServerPool)
    watched = Watched()
    member.pool.watcher = watched
    return member.pool, watched


async def test_a_connection_neither_idle_nor_gone_is_a_request_in_flight(service: Service) -> None:
    pool = make_pool(service.url)
    server_pool, _ = watch(pool)

    first, second = [await pool.connect() for _ in range(2)]
    assert server_pool.in_flight == 2
    first.give_back()
    assert server_pool.in_flight == 1
    second.close()
    assert server_pool.in_flight == 0
    assert pool.take() is first
    assert server_pool.in_flight == 1
    assert (server_pool.tally.opened, server_pool.tally.reused) == (2, 1)
    pool.close()


async def test_an_old_connection_is_closed(service: Service) -> None:
    pool = make_pool(service.url)
    server = await pool.connect()
    server.give_back()

    pool.expire(monotonic() + 54.0)
    assert server.is_open
    pool.expire(monotonic() + 56.0)

    assert not server.is_open
    assert pool.take() is None
    pool.close()


async def test_a_connection_that_cannot_be_opened_counts_and_is_reported(closed_port: int) -> None:
    pool = make_pool(f"http://127.0.0.1:{closed_port}")
    server_pool, watched = watch(pool)

    with pytest.raises(OSError, match="refused"):
        await server_pool.connect()

    assert watched.told == ["refused"]
    assert (server_pool.tally.failures, server_pool.tally.opened) == (1, 0)
    assert server_pool.in_flight == 0


@pytest.fixture
def is_lost_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """End each new connection before the code that opened it continues."""
    open_one = ServerPool.open_alone

    async def open_late(self: ServerPool, owner: ConnectionOwner) -> ServerConnection:
        server = await open_one(self, owner)
        await eventually(lambda: not server.is_open)
        return server

    monkeypatch.setattr(ServerPool, "open_alone", open_late)


@pytest.mark.usefixtures("is_lost_before_it_is_used")
async def test_a_connection_that_is_closed_at_once_has_failed(service: Service) -> None:
    service.script = shut
    pool = make_pool(service.url)
    server_pool, watched = watch(pool)

    with pytest.raises(NoServer, match="closed at once"):
        await pool.connect()

    assert len(service.connections) == 1  # and not one after the other as fast as it can be
    assert watched.told == ["refused"]
    assert (server_pool.tally.failures, server_pool.tally.opened) == (1, 0)
    assert (server_pool.in_flight, server_pool.connections) == (0, set())


async def test_outcomes_of_requests_are_reported_after_a_reload_too(service: Service) -> None:
    pool = make_pool(service.url)
    server_pool, watched = watch(pool)
    server = await pool.connect()

    pool.retire()
    server.owner.fail(0.0)
    server.owner.abandon(0.0)
    server.give_back()

    assert watched.told == ["failed", "abandoned"]
    assert server_pool.tally.failures == 1
    assert not server.is_open


async def test_a_client_that_leaves_says_nothing_about_the_server(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = never_answer
    (pool,) = gateway.gateway.data._serving.pools
    server_pool, watched = watch(pool)
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()

    client.reset()
    await (await service.connection()).wait_end()

    assert watched.told == ["abandoned"]
    assert server_pool.tally.failures == 0


@pytest.mark.parametrize("end", ["time", "close"])
async def test_a_server_that_does_not_respond_has_failed(
    service: Service, start_gateway: StartGateway, end: str
) -> None:
    service.script = never_answer if end == "time" else leave
    gateway = await start_gateway(upstream={"response_timeout": "100ms"})
    (pool,) = gateway.gateway.data._serving.pools
    server_pool, watched = watch(pool)

    await gateway.ask(make_request("/open/"))

    assert watched.told == ["failed"]
    assert server_pool.tally.failures == 1


async def never_answer(service: Service, wire: Wire) -> None:
    await service.read_request(wire)


async def leave(service: Service, wire: Wire) -> None:
    await service.read_request(wire)
    wire.close()


async def shut(service: Service, wire: Wire) -> None:
    wire.close()
