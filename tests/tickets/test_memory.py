"""Tickets in memory: each is used once, in time, and none fills the memory."""

import asyncio
from dataclasses import replace

from gateway.decision.reason import Reason
from gateway.tickets.memory import MemoryTickets
from gateway.tickets.ticket import Grant

GRANT = Grant(b"the-token", "api.test", b"alice")
OTHER = replace(GRANT, caller=b"bob")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def issued(tickets: MemoryTickets, grant: Grant = GRANT) -> bytes:
    ticket = await tickets.issue(grant, 30.0)
    assert isinstance(ticket, str)
    return ticket.encode()


async def test_a_ticket_is_redeemed_once() -> None:
    tickets = MemoryTickets()
    ticket = await issued(tickets)

    assert await tickets.redeem(ticket) == GRANT
    assert await tickets.redeem(ticket) is None
    assert await tickets.redeem(b"A" * 43) is None


async def test_of_many_at_once_exactly_one_gets_it() -> None:
    tickets = MemoryTickets()
    ticket = await issued(tickets)

    found = await asyncio.gather(*(tickets.redeem(ticket) for _ in range(20)))

    assert [one for one in found if one is not None] == [GRANT]


async def test_a_ticket_expires() -> None:
    clock = Clock()
    tickets = MemoryTickets(clock)
    ticket = await issued(tickets)

    clock.now += 30.0

    assert await tickets.redeem(ticket) is None


async def test_a_caller_has_so_many_within_their_lifetime_used_or_not() -> None:
    clock = Clock()
    tickets = MemoryTickets(clock, most_of_caller=2)
    await tickets.redeem(await issued(tickets))
    await issued(tickets)

    assert await tickets.issue(GRANT, 30.0) is Reason.RATE_LIMITED
    assert isinstance(await tickets.issue(OTHER, 30.0), str)
    clock.now += 30.0
    assert isinstance(await tickets.issue(GRANT, 30.0), str)


async def test_all_callers_together_have_so_many() -> None:
    clock = Clock()
    tickets = MemoryTickets(clock, most=2)
    await issued(tickets)
    await issued(tickets, OTHER)

    assert await tickets.issue(replace(GRANT, caller=b"carol"), 30.0) is Reason.OVERLOADED
    clock.now += 30.0
    assert isinstance(await tickets.issue(GRANT, 30.0), str)


async def test_a_reload_keeps_tickets_and_none_is_used_on_both_sides_of_it() -> None:
    former, latter = MemoryTickets(), MemoryTickets()
    first, second = await issued(former), await issued(former)

    latter.take_over(former)

    assert await former.redeem(first) == GRANT
    assert await latter.redeem(first) is None
    assert await latter.redeem(second) == GRANT
