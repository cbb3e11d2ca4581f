"""A gateway for the admin port to show, and a client of the port."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from gateway.admin.explain import Question
from gateway.admin.readiness import Readiness
from gateway.admin.server import AdminServer
from gateway.login.session import Session
from gateway.login.store import StoreUnavailable
from gateway.reloading.requests import ReloadRequests
from gateway.settings.values.configuration import Address, Admin


@dataclass
class FakeGateway:
    """An ``AdminView`` whose every answer can be set."""

    not_ready: tuple[str, ...] = ()
    issuers: tuple[Mapping[str, object], ...] = ()
    revocations: tuple[Mapping[str, object], ...] = ()
    members: Mapping[str, object] = field(default_factory=lambda: {"version": "1.2.3"})
    page: bytes = b"up 1\n"
    questions: list[Question] = field(default_factory=list)
    explaining: int = 0
    explained_at_once: int = 0
    decisions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    held: list[Session] = field(default_factory=list)
    store_fault: StoreUnavailable | None = None

    def ready(self) -> Readiness:
        return Readiness(self.not_ready, (), self.issuers, self.revocations)

    async def status(self) -> Mapping[str, object]:
        return self.members

    async def metrics(self) -> bytes:
        return self.page

    async def explain(self, question: Question) -> Mapping[str, object]:
        self.questions.append(question)
        self.explaining += 1
        self.explained_at_once = max(self.explained_at_once, self.explaining)
        await asyncio.sleep(0.01)  # so that others may come meanwhile
        self.explaining -= 1
        return {"verdict": "allow"}

    async def decision(self, request_id: str) -> Mapping[str, object] | None:
        return self.decisions.get(request_id)

    async def sessions(self, subject: str | None) -> Sequence[Session]:
        self._ask_store()
        return [one for one in self.held if subject in {None, one.subject}]

    async def end_session(self, session_id: bytes) -> bool:
        return self._end(lambda one: one.id == session_id) > 0

    async def end_sessions(self, subject: str) -> int:
        return self._end(lambda one: one.subject == subject)

    def _end(self, is_meant: Callable[[Session], bool]) -> int:
        self._ask_store()
        ended = list(filter(is_meant, self.held))
        self.held = [one for one in self.held if one not in ended]
        return len(ended)

    def _ask_store(self) -> None:
        if self.store_fault is not None:
            raise self.store_fault


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class AdminPort:
    """A running admin port and the gateway behind it."""

    server: AdminServer
    gateway: FakeGateway
    reloads: ReloadRequests
    session: aiohttp.ClientSession

    async def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        host, port = self.server.address
        url = f"http://{host}:{port}{path}"
        async with self.session.request(method, url, headers=headers, data=body) as response:
            return Answer(response.status, dict(response.headers), await response.read())


@asynccontextmanager
async def admin_port(
    token: str | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[AdminPort]:
    gateway, reloads = FakeGateway(), ReloadRequests()
    server = AdminServer(Admin(Address(address, 0), token), gateway, reloads)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield AdminPort(server, gateway, reloads, session)
    finally:
        await server.stop()
