"""Tickets of a gateway with several workers: the supervisor keeps them, so each is used once."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from gateway.supervisor.messages import IssueTicket, RedeemTicket
from gateway.supervisor.mirror import PeerTickets
from gateway.supervisor.peer import Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.tickets.ticket import Grant, TicketsGone
from tests.proxy.gateways import bearer
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import echo, running_service
from tests.proxy.wire import connect
from tests.supervisor.pair import End, two_ends
from tests.supervisor.pools import Stage, serving

GRANT = Grant(b"the-token", "api.test", b"alice")


def tickets_of(end: End) -> PeerTickets:
    return PeerTickets(3, PeerCircuit(end.peer, timeout_seconds=0.05))


async def test_a_worker_has_the_supervisor_issue_and_redeem() -> None:
    async def reply(question: object) -> object:
        return "text" if isinstance(question, IssueTicket) else GRANT

    async with two_ends() as (worker, supervisor):
        supervisor.reply = reply
        tickets = tickets_of(worker)

        assert await tickets.issue(GRANT, 30.0) == "text"
        assert await tickets.redeem(b"text") == GRANT
        assert supervisor.heard == [IssueTicket(3, GRANT, 30.0), RedeemTicket(3, b"text")]
        assert "text" not in repr(supervisor.heard[1])


async def test_a_supervisor_that_hangs_or_refuses_is_as_good_as_none() -> None:
    hang = asyncio.Event()

    async def never(question: object) -> object:
        await hang.wait()
        return None

    async def refuse(question: object) -> object:
        raise Refused("no")

    for reply in (refuse, never):
        async with two_ends() as (worker, supervisor):
            supervisor.reply = reply
            with pytest.raises(TicketsGone):
                await tickets_of(worker).redeem(b"text")
            with pytest.raises(TicketsGone):
                await tickets_of(worker).issue(GRANT, 30.0)


ROUTE = {
    "name": "events",
    "match": {"path_prefix": "/events/"},
    "upstream": "main",
    "require": {},
    "token_from": ["ticket"],
}


async def ask(stage: Stage, request: bytes) -> Message:
    """Send a request on a connection of its own, which any worker accepts."""
    host, port = stage.supervisor.data_address
    wire = await connect((host, port))
    wire.send(request)
    answer = await read_answer(wire)
    wire.close()
    return answer


async def test_of_requests_at_two_workers_exactly_one_uses_a_ticket(tmp_path: Path) -> None:
    async with running_service() as service:
        service.script = echo
        servers = [service.url]
        async with serving(tmp_path, 2, route=ROUTE, servers=servers, tickets={}) as stage:
            for number in range(1, 4):
                got = await ask(stage, make_request("/gateway/ticket", bearer(), method="POST"))
                target = f"/events/x?ticket={json.loads(got.body)['ticket']}"

                answers = await asyncio.gather(
                    *(ask(stage, make_request(target)) for _ in range(8))
                )

                assert sorted(answer.status for answer in answers) == [200, *[401] * 7]
                assert len(service.requests) == number

            os.kill(stage.supervisor.pool.pids[1], signal.SIGKILL)  # a worker keeps none of them
            got = await ask(stage, make_request("/gateway/ticket", bearer(), method="POST"))
            target = f"/events/x?ticket={json.loads(got.body)['ticket']}"
            assert (await ask(stage, make_request(target))).status == 200
