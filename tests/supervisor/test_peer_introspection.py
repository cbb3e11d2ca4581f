"""Workers have the supervisor ask issuers about tokens; without it no token is active."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.decision.tokens.introspected import TokenAnswer
from gateway.supervisor.messages import Introspect
from gateway.supervisor.mirror import PeerIntrospection
from gateway.supervisor.peer import Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from tests.introspection.gateways import ALICE, TOKEN, issuer_section
from tests.introspection.introspector import SECRET, Introspector, running_introspector
from tests.proxy.service import Service, echo, running_service
from tests.supervisor.pair import End, two_ends
from tests.supervisor.pools import Stage, serving


def introspection_of(end: End) -> PeerIntrospection:
    return PeerIntrospection(3, PeerCircuit(end.peer, timeout_seconds=0.05))


async def test_a_worker_has_the_supervisor_ask() -> None:
    answer = TokenAnswer({"active": True, "sub": "alice"}, 1.0, 2.0)

    async def reply(question: object) -> object:
        assert isinstance(question, Introspect)
        return answer if question.token == b"good" else None

    async with two_ends() as (worker, supervisor):
        supervisor.reply = reply
        asked = introspection_of(worker)

        assert await asked.ask("idp", b"good") == answer
        assert await asked.ask("idp", b"other") is None
        assert supervisor.heard == [Introspect(3, "idp", b"good"), Introspect(3, "idp", b"other")]
        assert "good" not in repr(supervisor.heard)


async def test_a_supervisor_that_is_gone_hangs_or_refuses_says_nothing() -> None:
    """7662.3."""
    hang = asyncio.Event()

    async def never(question: object) -> object:
        await hang.wait()
        return question

    async def refuse(question: object) -> object:
        raise Refused(f"no {type(question).__name__}")

    async with two_ends() as (worker, supervisor):
        asked = introspection_of(worker)
        supervisor.reply = refuse
        assert await asked.ask("idp", b"t") is None
        supervisor.reply = never
        assert await asked.ask("idp", b"t") is None
        hang.set()


# --- a gateway with two workers


ROUTE = {
    "name": "api",
    "match": {"path_prefix": "/api/"},
    "upstream": "main",
    "require": {"scopes": ["api:read"]},
}


@asynccontextmanager
async def two_workers(directory: Path) -> AsyncIterator[tuple[Stage, Introspector, Service]]:
    (directory / "secret").write_text(SECRET)
    async with running_introspector() as issuer, running_service() as service:
        service.script = echo
        issuer.tokens[TOKEN] = ALICE
        issuers = {"idp": issuer_section(issuer.url)}
        async with serving(directory, route=ROUTE, servers=[service.url], issuers=issuers) as stage:
            yield stage, issuer, service


async def ask(stage: Stage, token: str = TOKEN) -> int:
    """Return the status of a request on a connection of its own, which any worker accepts."""
    field = f"Authorization: Bearer {token}\r\n".encode()
    return await (await stage.send("/api/x", field)).status()


async def test_the_issuer_is_asked_once_for_all_workers(tmp_path: Path) -> None:
    async with two_workers(tmp_path) as (stage, issuer, service):
        assert {await ask(stage) for _ in range(20)} == {200}
        assert {await ask(stage, "unknown") for _ in range(5)} == {401}

        assert issuer.asked == [TOKEN, "unknown"]
        assert service.requests[0].one(b"x-gateway-subject") == b"alice"
        assert len(service.requests) == 20


async def test_without_the_supervisors_answer_nothing_new_is_let_through(tmp_path: Path) -> None:
    """7662.3."""
    async with two_workers(tmp_path) as (stage, issuer, service):
        introspection = stage.supervisor.fetched.introspection
        assert introspection is not None
        await introspection.close()

        assert {await ask(stage) for _ in range(5)} == {503}
        assert (issuer.asked, service.requests) == ([], [])
