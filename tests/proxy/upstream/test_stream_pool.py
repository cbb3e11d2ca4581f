"""Requests share connections of HTTP/2: as few as their streams need, and never too many on one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest

from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.stream_pool import StreamPool
from gateway.settings.values.balancing import Balance, QueueLimits
from gateway.settings.values.configuration import UpstreamProtocol
from tests.certificates import AUTHORITY, serving, trusting
from tests.proxy.pools import eventually, make_pool
from tests.proxy.stream_service import StreamService, hold, running_streams
from tests.proxy.upstream.h2_service import GET, Asker


@pytest.fixture
async def streams() -> AsyncIterator[StreamService]:
    async with running_streams() as started:
        yield started


def h2_pool(*urls: str, tls: ssl.SSLContext | None = None, **balancing: Any) -> Pool:
    protocol = UpstreamProtocol.H2C if tls is None else UpstreamProtocol.H2
    return make_pool(*urls, protocol=protocol, tls=tls, **balancing)


def stream_pools(pool: Pool) -> list[StreamPool]:
    pools = [one.pool for one in pool._members.all]
    assert all(isinstance(one, StreamPool) for one in pools)
    return pools  # type: ignore[return-value]


def tally(pool: Pool) -> tuple[int, int, int]:
    """Return opened and reused connections, and failures, of all servers."""
    servers = pool.counts.servers.values()
    return (
        sum(one.opened for one in servers),
        sum(one.reused for one in servers),
        sum(one.failures for one in servers),
    )


async def ask(lease: Lease) -> int:
    """Send a request on *lease*, and return the status of its response."""
    asker = Asker()
    lease.send(asker, GET, monotonic(), 30.0)
    await asker.over()
    assert asker.failure is None, asker.failure
    return asker.status


async def test_requests_at_once_share_one_attempt_to_connect(streams: StreamService) -> None:
    """No stampede: a hundred requests that find no connection open one."""
    pool = h2_pool(streams.url)

    leases = await asyncio.gather(*(pool.connect() for _ in range(100)))

    assert len(streams.connections) == 1
    assert {await ask(lease) for lease in leases} == {200}
    assert (len(streams.connections), len(streams.calls)) == (1, 100)
    assert tally(pool) == (1, 99, 0)
    pool.close()


async def test_there_are_as_many_connections_as_their_streams_need() -> None:
    """RFC 9113 §5.1.2: no connection has more streams than its server allows."""
    async with running_streams(most_streams=10) as streams:
        streams.answer = hold
        pool = h2_pool(streams.url)
        leases = await asyncio.gather(*(pool.connect() for _ in range(95)))
        asked = [asyncio.ensure_future(ask(lease)) for lease in leases]
        await streams.until(lambda: len(streams.calls) == 95)

        assert len(streams.connections) == 10
        assert max(one.most_open for one in streams.connections) == 10
        for call in streams.calls:
            call.respond()
        assert {await one for one in asked} == {200}
        pool.close()


async def test_a_free_stream_is_taken_before_a_connection_is_opened(
    streams: StreamService,
) -> None:
    pool = h2_pool(streams.url)
    await ask(await pool.connect())

    for _ in range(20):
        lease = pool.take()
        assert lease is not None
        await ask(lease)

    assert len(streams.connections) == 1


async def test_the_connection_with_the_fewest_streams_is_taken() -> None:
    async with running_streams(most_streams=3) as streams:
        pool = h2_pool(streams.url)
        leases = await asyncio.gather(*(pool.connect() for _ in range(6)))
        first = leases[0].transport
        others = [one for one in leases if one.transport is not first]
        assert len(others) == 3
        for one in (*others[:2], leases[0]):
            one.give_back()

        lease = pool.take()

        assert lease is not None
        assert lease.transport is others[0].transport
        pool.close()


async def test_a_place_is_free_again_after_the_response_a_reset_and_a_return() -> None:
    async with running_streams(most_streams=1) as streams:
        pool = h2_pool(streams.url, max_connections=1)
        lease = await pool.connect()
        assert pool.take() is None
        await ask(lease)
        (stream_pool,) = stream_pools(pool)
        assert stream_pool.in_flight == 0

        for leave in ("give_back", "close"):
            taken = pool.take()
            assert taken is not None
            assert pool.take() is None
            getattr(taken, leave)()
            assert stream_pool.in_flight == 0
        streams.answer = hold
        left = pool.take()
        assert left is not None
        left.send(Asker(), GET, monotonic(), 30.0)
        await streams.until(lambda: len(streams.calls) == 2)
        left.close()
        await streams.until(lambda: streams.calls[1].is_reset)
        assert not streams.connections[0].is_closed
        await eventually(lambda: stream_pool.in_flight == 0)
        pool.close()


async def test_with_a_limit_requests_wait_for_a_stream_first_come_first_served() -> None:
    async with running_streams(most_streams=2) as streams:
        pool = h2_pool(streams.url, max_connections=2, queue=QueueLimits(10, 30.0))
        leases = await asyncio.gather(*(pool.connect() for _ in range(4)))
        waiting = [asyncio.ensure_future(pool.connect()) for _ in range(3)]
        await eventually(lambda: len(pool._queue) == 3)
        assert len(streams.connections) == 2

        leases[0].give_back()
        first = await waiting[0]
        assert not waiting[1].done()
        assert await ask(first) == 200
        second = await waiting[1]
        second.close()
        third = await waiting[2]

        assert await ask(third) == 200
        assert len(streams.connections) == 2
        pool.close()


async def test_a_limit_holds_although_a_server_takes_fewer_streams_than_expected() -> None:
    """Those who waited for the connection go to the queue, and are refused if it is full."""
    async with running_streams(most_streams=3) as streams:
        pool = h2_pool(streams.url, max_connections=1, queue=QueueLimits(5, 30.0))

        tasks = [asyncio.ensure_future(pool.connect()) for _ in range(20)]
        await eventually(lambda: sum(one.done() for one in tasks) == 15)

        assert len(streams.connections) == 1
        assert len(pool._queue) == 5
        done = [one for one in tasks if one.done()]
        assert sum(isinstance(one.exception(), NoServer) for one in done) == 12
        for one in done:
            if one.exception() is None:
                one.result().give_back()
        await eventually(lambda: sum(one.done() for one in tasks) == 18)
        for one in tasks:
            if one.done() and one.exception() is None:
                one.result().close()
        await asyncio.gather(*tasks, return_exceptions=True)
        pool.close()


async def test_a_request_that_leaves_the_wait_takes_no_place(streams: StreamService) -> None:
    streams.is_silent = True
    pool = h2_pool(streams.url)
    waiting = [asyncio.ensure_future(pool.connect()) for _ in range(3)]
    await eventually(lambda: len(streams.connections) == 1)

    waiting[0].cancel()
    streams.is_silent = False
    streams.connections[0].begin()
    leases = await asyncio.gather(*waiting[1:])

    (stream_pool,) = stream_pools(pool)
    assert stream_pool.in_flight == 2
    for lease in leases:
        lease.give_back()
    assert stream_pool.in_flight == 0
    pool.close()


@pytest.mark.parametrize("balance", list(Balance))
async def test_two_servers_share_the_load_by_streams(balance: Balance) -> None:
    async with running_streams() as one, running_streams() as other:
        pool = h2_pool(one.url, other.url, balance=balance)
        for service in (one, other):
            service.answer = hold
        leases = [await pool.connect() for _ in range(2)]
        while len(leases) < 40:
            lease = pool.take()
            assert lease is not None
            leases.append(lease)

        counts = [len(stream_pool.connections) for stream_pool in stream_pools(pool)]

        assert counts == [20, 20]
        assert [len(service.connections) for service in (one, other)] == [1, 1]
        pool.close()


async def test_the_server_with_fewer_streams_gets_the_next_requests() -> None:
    async with running_streams() as one, running_streams() as other:
        pool = h2_pool(one.url, other.url, balance=Balance.LEAST_REQUESTS)
        leases = [await pool.connect() for _ in range(12)]
        ports = {lease.owner.authority for lease in leases}
        slow = leases[0].owner
        for lease in leases:
            if lease.owner is not slow:
                lease.give_back()

        taken = [pool.take() for _ in range(6)]

        assert len(ports) == 2
        assert all(lease is not None and lease.owner is not slow for lease in taken)
        pool.close()


# --- servers that are not there, or speak something else


async def test_all_who_wait_learn_that_the_connection_failed(closed_port: int) -> None:
    pool = h2_pool(f"http://127.0.0.1:{closed_port}")

    done = await asyncio.gather(*(pool.connect() for _ in range(50)), return_exceptions=True)

    assert {type(one) for one in done} == {NoServer}
    assert "Connection refused" in str(done[0])
    assert tally(pool) == (0, 0, 1)
    assert stream_pools(pool)[0].in_flight == 0


async def test_the_next_server_is_tried_if_a_connection_fails(
    closed_port: int, streams: StreamService
) -> None:
    pool = h2_pool(f"http://127.0.0.1:{closed_port}", streams.url)

    leases = [await pool.connect() for _ in range(4)]

    assert [await ask(lease) for lease in leases] == [200] * 4
    pool.close()


async def test_a_server_of_http_1_is_a_failed_connection() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    pool = h2_pool("http://{}:{}".format(*server.sockets[0].getsockname()))

    with pytest.raises(NoServer, match="does not speak HTTP/2: the connection ended before"):
        await pool.connect()

    assert tally(pool) == (0, 0, 1)
    server.close()


async def test_a_server_that_says_nothing_is_a_failed_connection(streams: StreamService) -> None:
    streams.is_silent = True
    pool = h2_pool(streams.url, connect_timeout_seconds=0.05)

    with pytest.raises(NoServer, match=r"does not speak HTTP/2: no SETTINGS within 0\.05 s"):
        await pool.connect()

    await streams.until(lambda: streams.connections[0].is_closed)


async def test_a_server_that_takes_no_streams_is_waited_for(streams: StreamService) -> None:
    """RFC 9113 §6.5.2: a limit of 0 is for a time."""
    streams.most_streams = 0
    pool = h2_pool(streams.url)
    waiting = asyncio.ensure_future(pool.connect())
    await eventually(lambda: bool(streams.connections))
    assert not waiting.done()

    server = streams.connections[0]
    server.h2.update_settings({3: 7})
    server.flush()

    assert await ask(await waiting) == 200
    pool.close()


async def test_a_server_must_select_h2_in_the_tls_handshake() -> None:
    """RFC 9113 §3.2: without it the connection is one of HTTP/1.1."""
    context = serving(AUTHORITY.issue_cert("127.0.0.1"))
    offering = trusting()
    offering.set_alpn_protocols(["h2"])
    async with running_streams(tls=context) as unwilling:
        pool = h2_pool(unwilling.url, tls=offering)
        with pytest.raises(NoServer, match=r"does not select h2 in the TLS handshake \(ALPN\)"):
            await pool.connect()
        assert unwilling.calls == []
        pool.close()
        unwilling.faults.clear()
    context.set_alpn_protocols(["h2"])
    async with running_streams(tls=context) as willing:
        pool = h2_pool(willing.url, tls=offering)
        assert await ask(await pool.connect()) == 200
        assert willing.calls[0].head[b":scheme"] == b"https"
        pool.close()


# --- the end of connections


async def test_a_connection_that_goes_away_gets_nothing_more_and_its_streams_finish(
    streams: StreamService,
) -> None:
    """RFC 9113 §6.8."""
    pool = h2_pool(streams.url, max_connections=1)
    streams.answer = hold
    old = asyncio.ensure_future(ask(await pool.connect()))
    await streams.until(lambda: len(streams.calls) == 1)
    (stream_pool,) = stream_pools(pool)

    streams.connections[0].go_away(1)
    await eventually(lambda: not stream_pool._servers)
    assert pool.take() is None
    lease = await pool.connect()  # although there may be only one connection

    new = asyncio.ensure_future(ask(lease))
    await streams.until(lambda: len(streams.calls) == 2)
    assert streams.calls[1].connection is streams.connections[1]
    assert stream_pool.connection_count == 2
    for call in streams.calls:
        call.respond()
    assert (await old, await new) == (200, 200)
    await streams.until(lambda: streams.connections[0].is_closed)
    await eventually(lambda: stream_pool.connection_count == 1)
    pool.close()


async def test_the_streams_of_a_retired_pool_finish_and_its_connection_closes(
    streams: StreamService,
) -> None:
    streams.answer = hold
    pool = h2_pool(streams.url)
    asked = asyncio.ensure_future(ask(await pool.connect()))
    await streams.until(lambda: len(streams.calls) == 1)

    pool.retire()
    late = await pool.connect()  # a request that began before the reload
    other = asyncio.ensure_future(ask(late))
    await streams.until(lambda: len(streams.calls) == 2)

    assert len(streams.open) == 2
    for call in streams.calls:
        call.respond()
    assert (await asked, await other) == (200, 200)
    await streams.until(lambda: not streams.open)
    await eventually(lambda: stream_pools(pool)[0].connection_count == 0)


async def test_a_retired_pool_closes_what_is_idle(streams: StreamService) -> None:
    pool = h2_pool(streams.url)
    await ask(await pool.connect())

    pool.retire()

    await streams.until(lambda: not streams.open)
    assert streams.connections[0].got_goaway


async def test_an_idle_connection_is_closed_in_time(streams: StreamService) -> None:
    pool = h2_pool(streams.url)
    await ask(await pool.connect())

    pool.expire(monotonic() + 54.0)
    assert len(streams.open) == 1
    pool.expire(monotonic() + 56.0)

    await streams.until(lambda: not streams.open)
    assert pool.take() is None
    assert await ask(await pool.connect()) == 200
    pool.close()


async def test_the_expected_streams_survive_a_reload() -> None:
    """The next connections are opened for as many requests as the last one took."""
    async with running_streams(most_streams=5) as streams:
        former, pool = h2_pool(streams.url), h2_pool(streams.url)
        await ask(await former.connect())
        pool.inherit(former)

        leases = await asyncio.gather(*(pool.connect() for _ in range(10)))

        assert len(streams.connections) == 3
        assert len({id(lease.transport) for lease in leases}) == 2
        former.close()
        pool.close()
