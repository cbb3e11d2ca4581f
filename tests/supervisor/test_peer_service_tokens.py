"""Tokens for services in a worker: the supervisor gets them, for all workers together."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from gateway.decision.reason import Reason
from gateway.service_tokens.requests import NoServiceToken, ServiceToken
from gateway.supervisor.messages import (
    ExchangeToken,
    FindServiceToken,
    RejectServiceToken,
    ServiceTokenUpdate,
)
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.peer_service_tokens import PeerServiceTokens
from tests.keyring.peers import until
from tests.proxy.gateways import bearer, make_token
from tests.proxy.service import Service, running_service
from tests.service_tokens.token_server import (
    CLIENT_ID,
    SECRET,
    TokenServer,
    hang_up,
    token_server,
)
from tests.supervisor.pair import End, two_ends
from tests.supervisor.pools import CLOSED, Stage, serving

DIGEST = sha256(b"alice").digest()


def tokens_of(end: End) -> PeerServiceTokens:
    return PeerServiceTokens(3, PeerCircuit(end.peer, timeout_seconds=0.05))


def token(age_seconds: float = 0.0, life_seconds: float = 600.0) -> ServiceToken:
    now = time.monotonic() - age_seconds
    return ServiceToken(b"Authorization: Bearer a\r\n", now, now + life_seconds)


async def test_updates_of_the_supervisor_are_at_hand() -> None:
    async with two_ends() as (worker, supervisor):
        tokens, first = tokens_of(worker), token()
        tokens.update(ServiceTokenUpdate(3, "orders", first))
        assert tokens.held == {"orders": first}
        tokens.update(ServiceTokenUpdate(3, "orders", None))
        tokens.update(ServiceTokenUpdate(3, "orders", None))

        assert tokens.held == {}
        assert supervisor.heard == []


async def test_the_supervisor_is_asked_once_for_each_token_of_a_caller() -> None:
    answers = {"orders": token(), "bills": token(life_seconds=700.0)}

    async def reply(question: object) -> object:
        assert isinstance(question, FindServiceToken | ExchangeToken)
        return answers[question.upstream]

    async with two_ends() as (worker, supervisor):
        supervisor.reply = reply
        tokens = tokens_of(worker)
        assert tokens.recall("orders", DIGEST) is None
        for name, answer in answers.items():
            assert await tokens.exchange(name, DIGEST, b"alice", 60.0) == answer
            assert tokens.recall(name, DIGEST) == answer
        assert tokens.recall("orders", sha256(b"bob").digest()) is None
        assert await tokens.find("orders") == answers["orders"]

        assert supervisor.heard == [
            ExchangeToken(3, "orders", DIGEST, b"alice", 60.0),
            ExchangeToken(3, "bills", DIGEST, b"alice", 60.0),
            FindServiceToken(3, "orders"),
        ]


async def test_without_the_supervisor_what_is_at_hand_goes_on_and_nothing_else() -> None:
    hang = asyncio.Event()

    async def never(question: object) -> object:
        await hang.wait()
        return None

    async with two_ends() as (worker, supervisor):
        tokens, held = tokens_of(worker), token()
        tokens.update(ServiceTokenUpdate(3, "orders", held))
        supervisor.reply = never

        for _ in range(2):
            found = await tokens.exchange("orders", DIGEST, b"alice", 60.0)
            assert isinstance(found, NoServiceToken)
            assert found.reason is Reason.SERVICE_TOKEN_UNAVAILABLE
            assert isinstance(await tokens.find("bills"), NoServiceToken)
        assert tokens.recall("orders", DIGEST) is None
        assert tokens.held == {"orders": held}
        assert len(supervisor.heard) == 1  # then the circuit is open
        hang.set()


async def test_a_rejected_token_is_reported_unless_it_is_young() -> None:
    async def reply(question: object) -> object:
        return token(age_seconds=90.0) if isinstance(question, ExchangeToken) else None

    async with two_ends() as (worker, supervisor):
        supervisor.reply = reply
        tokens = tokens_of(worker)
        tokens.reject("orders", token(age_seconds=10.0), None)
        old = await tokens.exchange("orders", DIGEST, b"alice", 600.0)
        assert isinstance(old, ServiceToken)
        tokens.reject("orders", old, DIGEST)
        assert tokens.recall("orders", DIGEST) is None
        await until(lambda: len(supervisor.heard) == 2)

        assert supervisor.heard[-1] == RejectServiceToken(3, "orders", old, DIGEST)


async def test_a_report_to_a_supervisor_that_is_gone_is_no_error() -> None:
    async with two_ends() as (worker, supervisor):
        supervisor.peer.close()
        await worker.listening

        tokens_of(worker).reject("orders", token(age_seconds=90.0), None)
        await asyncio.sleep(0)


def test_no_token_is_in_a_repr() -> None:
    held = ServiceToken(b"Authorization: Bearer secret\r\n", 0.0, 1.0)
    for message in (
        ServiceTokenUpdate(1, "orders", held),
        ExchangeToken(1, "orders", b"secret", b"secret", 1.0),
        RejectServiceToken(1, "orders", held, b"secret"),
        held,
    ):
        assert "secret" not in repr(message)


# --- two workers


@asynccontextmanager
async def workers(directory: Path, grant: str) -> AsyncIterator[tuple[Stage, Service, TokenServer]]:
    """Yield a gateway with two workers, a service that records, and a token server."""
    (directory / "client.secret").write_text(SECRET)
    async with token_server() as server, running_service() as service:
        client = {
            "token_url": f"{server.url}/token",
            "client_id": CLIENT_ID,
            "client_secret_file": "client.secret",
        }
        upstream = {"credentials": {grant: client}}
        async with serving(
            directory, route=CLOSED, servers=[service.url], upstream=upstream
        ) as one:
            yield one, service, server


async def received(stage: Stage, service: Service, *tokens: bytes) -> list[bytes]:
    """Return what the service receives of a request with each token, all sent at once."""
    before = len(service.requests)
    fields = [bearer(one) + b"\r\n" for one in tokens]
    clients = [await stage.send(f"/{number}", one) for number, one in enumerate(fields)]
    assert {await client.status() for client in clients} == {200}
    got = service.requests[before:]
    by_target = {one.target: one.one(b"authorization") for one in got}
    return [by_target[b"/%d" % number] for number in range(len(tokens))]


async def test_all_workers_use_the_one_token_that_the_supervisor_gets(tmp_path: Path) -> None:
    async with workers(tmp_path, "client_credentials") as (stage, service, server):
        assert set(await received(stage, service, *[make_token()] * 12)) == {b"Bearer own-1"}
        before = set(stage.workers)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await stage.until(lambda: len(set(stage.workers) - before) == 2)

        assert set(await received(stage, service, *[make_token()] * 4)) == {b"Bearer own-1"}
        assert len(server.forms) == 1


async def test_8693_5_a_caller_s_token_is_exchanged_once_for_all_workers(tmp_path: Path) -> None:
    """8693.4."""
    names = ["alice", "bob", "carol"]
    tokens = [make_token(sub=name) for name in names]
    async with workers(tmp_path, "token_exchange") as (stage, service, server):
        for _ in range(2):
            got = await received(stage, service, *tokens * 6)
            for name, value in zip(names * 6, got, strict=True):
                assert value.startswith(f"Bearer of-{name}-".encode())

        assert len(server.forms) == len(names)


async def test_a_reload_without_changed_credentials_asks_for_nothing(tmp_path: Path) -> None:
    async with workers(tmp_path, "client_credentials") as (stage, service, server):
        upstream = {"credentials": {"client_credentials": {
            "token_url": f"{server.url}/token", "client_id": CLIENT_ID,
            "client_secret_file": "client.secret",
        }}}  # fmt: skip
        changes = {"servers": [service.url], "upstream": upstream}
        server.answer = hang_up
        assert await stage.reload(CLOSED | {"name": "renamed"}, **changes) is None

        assert set(await received(stage, service, *[make_token()] * 6)) == {b"Bearer own-1"}
        assert len(server.forms) == 1
