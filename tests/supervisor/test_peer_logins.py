"""Browsers that come to a worker: the supervisor keeps their sessions, and logs them in."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.login.requests import Endpoint, LoginRequest, LoginResponse, LoginsGone
from gateway.supervisor.messages import FindSession, ServeLogin
from gateway.supervisor.mirror import PeerLogins
from gateway.supervisor.peer_circuit import PeerCircuit
from tests.proxy.fake_logins import HOST, FakeLogins, login_sections
from tests.proxy.messages import make_request, read_answer, read_head
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire, connect
from tests.supervisor.pair import End, two_ends
from tests.supervisor.pools import Stage, serving

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
ASKED = LoginRequest(Endpoint.LOGIN, False, ("web",), "GET", HOST, "/oauth/login", {})


# --- the mirror in a worker


def logins_of(end: End) -> PeerLogins:
    return PeerLogins(3, PeerCircuit(end.peer, timeout_seconds=0.05))


async def test_a_worker_has_the_supervisor_find_and_serve() -> None:
    fake = FakeLogins()
    fake.begin("s1", cookies=(b"__Host-session=s2",))
    fake.response = LoginResponse(400, (("A", "b"),), b"x", Reason.LOGIN_FAILED, "why")

    async def reply(question: object) -> object:
        if isinstance(question, FindSession):
            return await fake.find(question.cookies)
        assert isinstance(question, ServeLogin)
        return await fake.serve(question.request)

    async with two_ends() as (worker, supervisor):
        supervisor.reply = reply
        logins = logins_of(worker)

        assert await logins.find({"__Host-session": "s1"}) == fake.sessions["s1"]
        assert await logins.find({"__Host-session": "no"}) is Reason.LOGIN_REQUIRED
        assert await logins.serve(ASKED) == fake.response
        assert supervisor.heard[-1] == ServeLogin(3, ASKED)


async def test_a_supervisor_that_is_gone_or_hangs_says_nothing_about_sessions() -> None:
    hang = asyncio.Event()

    async def never(question: object) -> object:
        await hang.wait()
        return None

    async with two_ends() as (worker, supervisor):
        supervisor.reply = never
        logins = logins_of(worker)
        for _ in range(2):
            with pytest.raises(LoginsGone):
                await logins.find({"__Host-session": "s1"})
        with pytest.raises(LoginsGone):
            await logins.serve(ASKED)
        assert len(supervisor.heard) == 1  # then the circuit is open
        hang.set()
        supervisor.peer.close()
        await worker.listening
        with pytest.raises(LoginsGone):
            await logins.find({"__Host-session": "s1"})


def test_no_secret_is_in_a_repr() -> None:
    asked = LoginRequest(
        Endpoint.LOGOUT, False, ("web",), "POST", HOST, "/", {"__Host-session": "secret"},
        body=b"secret",
    )  # fmt: skip

    assert "secret" not in repr(FindSession(1, {"__Host-session": "secret"}))
    assert "secret" not in repr(ServeLogin(1, asked))


# --- two workers


@asynccontextmanager
async def browsers(directory: Path) -> AsyncIterator[tuple[Stage, FakeLogins, Service]]:
    """Yield a gateway with two workers before a service that answers with events."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(EVENTS)

    fake = FakeLogins()
    sections = login_sections()
    async with running_service() as service:
        service.script = script
        async with serving(
            directory, make_logins=lambda _: fake, servers=[service.url], **sections
        ) as stage:
            yield stage, fake, service


async def ask(stage: Stage, target: str, *lines: bytes) -> Wire:
    host, port = stage.supervisor.data_address
    wire = await connect((host, port))
    wire.send(make_request(target, *lines, host=HOST))
    return wire


async def test_all_workers_have_the_same_sessions(tmp_path: Path) -> None:
    async with browsers(tmp_path) as (stage, fake, service):
        cookie = fake.begin("s1")
        wires = [await ask(stage, "/app/events", cookie) for _ in range(12)]
        for wire in wires:
            assert (await read_head(wire)).status == 200
        answer = await read_answer(await ask(stage, "/oauth/login?to=/app/x", cookie))
        assert answer.status == 302

        fake.end("s1")

        for wire in wires:
            await wire.read_until(b"0\r\n\r\n")
        gone = await read_answer(await ask(stage, "/app/events", cookie))
        assert gone.status == 401
        assert all(not one.has(b"cookie") for one in service.requests)
        assert len(fake.asked) <= 3  # once by each worker, and once more by one in the end


async def test_a_worker_that_starts_late_keeps_our_cookies_from_services(tmp_path: Path) -> None:
    """The configuration it starts with has no login any more, but browsers still have cookies."""
    async with browsers(tmp_path) as (stage, _, service):
        opened = {"name": "open", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}
        changes = {"login": {}, "servers": [service.url]}
        assert await stage.reload(opened, **changes) is None
        before = set(stage.workers)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await stage.until(lambda: len(set(stage.workers) - before) == 2)

        wire = await ask(stage, "/x", b"Cookie: a=1; __Host-session=secret")

        assert (await read_head(wire)).status == 200
        assert service.requests[-1].all(b"cookie") == [b"a=1"]


async def test_after_a_reload_the_new_logins_are_asked(tmp_path: Path) -> None:
    async with browsers(tmp_path) as (stage, fake, service):
        cookie = fake.begin("s1", check_at=time.time() + 3600)
        assert (await read_head(await ask(stage, "/app/events", cookie))).status == 200
        route = login_sections()["routes"][1]
        sections = login_sections() | {"servers": [service.url]}
        del sections["routes"]
        assert await stage.reload(route, **sections) is None

        asked = len(fake.asked)
        assert (await read_head(await ask(stage, "/app/events", cookie))).status == 200
        assert len(fake.asked) > asked
