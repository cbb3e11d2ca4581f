"""Tickets in a real Redis: used once by all gateways that share it, and never without it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.limits.redis_client import connect_to_redis
from gateway.settings.values.rates import OnFailure, Redis
from gateway.tickets.redis import RedisTickets
from gateway.tickets.ticket import Grant, TicketsGone
from tests.limits.redis_server import RedisServer, running_redis

GRANT = Grant(b"the-token", "api.test", b"alice")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as started:
        yield started


def settings_of(server: RedisServer) -> Redis:
    return Redis(server.url, 1.0, OnFailure.REFUSE, "gateway:")


@asynccontextmanager
async def tickets_in(server: RedisServer, most_of_caller: int = 64) -> AsyncIterator[RedisTickets]:
    tickets = RedisTickets(settings_of(server), most_of_caller=most_of_caller)
    try:
        yield tickets
    finally:
        await tickets.close()


async def issued(tickets: RedisTickets) -> bytes:
    ticket = await tickets.issue(GRANT, 30.0)
    assert isinstance(ticket, str)
    return ticket.encode()


async def test_of_two_gateways_exactly_one_redeems_a_ticket(server: RedisServer) -> None:
    async with tickets_in(server) as one, tickets_in(server) as other:
        for _ in range(10):
            ticket = await issued(one)
            found = await asyncio.gather(*(keeper.redeem(ticket) for keeper in (one, other) * 4))
            assert [grant for grant in found if grant is not None] == [GRANT]


async def test_a_ticket_waits_longer_than_a_rate_limit_for_redis(server: RedisServer) -> None:
    """A rate limit has something to fall back on while Redis is slow, a ticket has nothing."""
    tickets = RedisTickets(replace(settings_of(server), timeout_seconds=0.01))
    pausing = connect_to_redis(settings_of(server))
    await pausing.execute_command("CLIENT", "PAUSE", 100)

    assert await tickets.redeem(await issued(tickets)) == GRANT

    await tickets.close()
    await pausing.aclose()


async def test_redis_holds_neither_tickets_nor_tokens_and_forgets_them(server: RedisServer) -> None:
    async with tickets_in(server) as tickets:
        ticket = await issued(tickets)
        client = connect_to_redis(settings_of(server))
        keys = await client.keys("*")
        kept = [await client.dump(key) for key in keys]
        lives = [await client.pttl(key) for key in keys]
        await client.aclose()

        assert len(keys) == 2
        assert not [one for one in (*keys, *kept) if ticket in one or b"the-token" in one]
        assert all(0 < life <= 30_000 for life in lives)


async def test_a_ticket_expires_and_a_caller_has_so_many(server: RedisServer) -> None:
    async with tickets_in(server, most_of_caller=2) as tickets:
        brief = await tickets.issue(GRANT, 0.001)
        assert isinstance(brief, str)
        client = connect_to_redis(settings_of(server))
        while await client.keys("*"):  # it has its own clock
            pass
        await client.aclose()

        assert await tickets.redeem(brief.encode()) is None
        await issued(tickets)
        await issued(tickets)
        assert await tickets.issue(GRANT, 30.0) is Reason.RATE_LIMITED


async def test_without_redis_there_is_no_ticket_and_none_is_valid(server: RedisServer) -> None:
    async with tickets_in(server) as tickets:
        ticket = await issued(tickets)
        server.stall()
        with pytest.raises(TicketsGone):
            await tickets.redeem(ticket)
        with pytest.raises(TicketsGone):
            await tickets.issue(GRANT, 30.0)
        server.go_on()
        server.kill()
        with pytest.raises(TicketsGone):
            await tickets.redeem(ticket)
