"""Browsers at a gateway with several workers: the same sessions everywhere, whatever dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.hanging import LIMIT_SECONDS
from tests.login.provider import CLIENT_ID, SECRET, Provider, serve_provider
from tests.proxy.messages import Message, make_request, read_answer, read_head
from tests.proxy.service import Service, echo, running_service
from tests.proxy.wire import Wire, connect
from tests.supervisor.pools import Stage, serving

HOST = "app.example.com"
ORIGIN = f"https://{HOST}"
PAGE = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
ROUTE = {
    "name": "app",
    "match": {"path_prefix": "/app/"},
    "upstream": "main",
    "login": "web",
    "require": {"scopes": ["orders:read"]},
}


@dataclass
class Browser:
    """A browser with its cookies, before a gateway whose provider is fake, but not its logins."""

    stage: Stage
    provider: Provider
    service: Service
    cookies: dict[str, str] = field(default_factory=dict)

    async def send(self, target: str, *lines: str, method: str = "GET") -> Wire:
        """Send a request on a connection of its own, which any worker accepts."""
        host, port = self.stage.supervisor.data_address
        wire = await connect((host, port))
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        wire.send(make_request(target, *lines, f"Cookie: {pairs}", method=method, host=HOST))
        return wire

    async def ask(self, target: str, *lines: str, method: str = "GET") -> Message:
        wire = await self.send(target, *lines, method=method)
        answer = await read_answer(wire)
        wire.close()
        for one in answer.all(b"set-cookie"):
            name, _, rest = one.decode().partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in rest:
                del self.cookies[name]
        return answer

    async def log_in(self) -> None:
        begun = await self.ask("/app/x", *PAGE)
        callback = urlsplit(self.provider.consent(begun.one(b"location").decode()))
        done = await self.ask(f"{callback.path}?{callback.query}", *PAGE)
        assert done.status == 303

    async def statuses(self, count: int) -> list[int]:
        """Return the statuses of so many requests at once."""
        answers = await asyncio.gather(*(self.ask(f"/app/{number}") for number in range(count)))
        return [answer.status for answer in answers]


@asynccontextmanager
async def browsing(directory: Path, life_seconds: float = 300) -> AsyncIterator[Browser]:
    """Yield a browser that has logged in; its first token lives so long."""
    (directory / "secret").write_text(SECRET)
    async with serve_provider(time.time) as provider, running_service() as service:
        service.script = echo
        provider.life_seconds = life_seconds
        issuer = {
            "issuer": provider.url,
            "discovery": True,
            "audiences": ["orders-api"],
            "algorithms": ["ES256"],
        }
        login = {
            "issuer": "main",
            "origins": [ORIGIN],
            "client_id": CLIENT_ID,
            "client_secret_file": "secret",
            "scopes": ["openid", "orders:read"],
        }
        async with serving(
            directory,
            route=ROUTE,
            servers=[service.url],
            issuers={"main": issuer},
            login={"web": login},
        ) as stage:
            browser = Browser(stage, provider, service)
            await browser.log_in()
            provider.life_seconds = 300
            yield browser


async def test_forty_requests_when_a_token_is_due_are_one_refresh(tmp_path: Path) -> None:
    async with browsing(tmp_path, life_seconds=1) as browser:
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(browser.provider.paths("/token")) == 1:
                assert await browser.statuses(40) == [200] * 40
        assert await browser.statuses(40) == [200] * 40

        assert len(browser.provider.paths("/token")) == 2
        assert not any(one.has(b"cookie") for one in browser.service.requests)


async def test_a_logout_at_one_worker_ends_everything_at_all(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:

        async def script(service: Service, wire: Wire) -> None:
            await service.read_request(wire)
            wire.send(EVENTS)

        browser.service.script = script
        streams = [await browser.send("/app/events") for _ in range(8)]
        for wire in streams:
            assert (await read_head(wire)).status == 200
        former = dict(browser.cookies)

        fields = ("X-CSRF: 1", f"Origin: {ORIGIN}", "Content-Length: 0")
        out = await browser.ask("/oauth/logout", *fields, method="POST")

        assert out.status == 200
        for wire in streams:
            await wire.read_until(b"0\r\n\r\n")
        browser.cookies = former
        assert await browser.statuses(8) == [401] * 8


async def test_sessions_survive_the_death_of_every_worker(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        before = set(browser.stage.workers)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        await browser.stage.until(lambda: len(set(browser.stage.workers) - before) == 2)

        assert await browser.statuses(8) == [200] * 8
        assert len(browser.provider.paths("/token")) == 1
