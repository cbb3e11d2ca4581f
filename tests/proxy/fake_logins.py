"""Logins that keep what a test gives them, and a gateway that asks them about browsers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.decision.reason import Reason
from gateway.login.requests import LoginRequest, LoginResponse
from gateway.login.session import SessionView
from gateway.settings.values.configuration import Settings
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    RunningGateway,
    good_token,
    load,
    running_gateway,
    write_config,
)

HOST = "app.example"
ORIGIN = f"https://{HOST}"

ROUTES: tuple[Mapping[str, Any], ...] = (
    {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    {
        "name": "app",
        "match": {"path_prefix": "/app/"},
        "upstream": "main",
        "login": "web",
        "require": {"scopes": ["api:read"]},
    },
    {
        "name": "maybe",
        "match": {"path_prefix": "/maybe/"},
        "upstream": "main",
        "login": "web",
        "require": {"optional": True},
    },
    {
        "name": "step",
        "match": {"path_prefix": "/step/"},
        "upstream": "main",
        "login": "web",
        "require": {"acr": ["gold"], "max_age": "5m"},
    },
    {
        "name": "report",
        "match": {"path_prefix": "/report/"},
        "upstream": "main",
        "login": "web",
        "mode": "report",
        "require": {"scopes": ["nobody:has-it"]},
    },
    {
        "name": "socket",
        "match": {"path_prefix": "/socket/"},
        "upstream": "main",
        "login": "web",
        "require": {},
        "upgrades": ["websocket"],
    },
    {"name": "api", "match": {"path_prefix": "/api/"}, "upstream": "main", "require": {}},
)

# Its keys are never needed: the tokens of the tests are those of the other issuer.
_PROVIDER = {
    "issuer": "http://127.0.0.1:1/",
    "discovery": True,
    "required": False,
    "audiences": [AUDIENCE],
    "algorithms": ["ES256"],
}


def login_sections(**changes: Any) -> dict[str, Any]:
    """Return the sections of a configuration with one login, ``web``; *changes* are to it."""
    web = {
        "issuer": "provider",
        "origins": [ORIGIN],
        "client_id": "web",
        "client_auth": "none",
        **changes,
    }
    main = {
        "issuer": ISSUER,
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
    }
    return {
        "issuers": {"main": main, "provider": _PROVIDER},
        "login": {"web": web},
        "routes": [dict(route) for route in ROUTES],
    }


class FakeLogins:
    """Keeps *sessions* by the value of their cookie, and answers with *response*.

    *asked* are the cookies of every question, *served* every request. While *gate* is set, they
    wait for it. *fault* is raised, or returned, in place of an answer.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, SessionView] = {}
        self.response = LoginResponse(302, (("Location", "https://login.example/authorize"),))
        self.asked: list[Mapping[str, str]] = []
        self.served: list[LoginRequest] = []
        self.gate: asyncio.Event | None = None
        self.fault: Exception | Reason | None = None
        self._listeners: list[Callable[[frozenset[bytes]], None]] = []
        self._changed = asyncio.Event()

    async def serve(self, request: LoginRequest) -> LoginResponse:
        self.served.append(request)
        await self._wait()
        return self.response

    async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
        self.asked.append(cookies)
        await self._wait()
        if isinstance(self.fault, Reason):
            return self.fault
        return self.sessions.get(cookies.get("__Host-session", ""), Reason.LOGIN_REQUIRED)

    async def _wait(self) -> None:
        self._changed.set()
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.fault, Exception):
            raise self.fault

    def subscribe(self, ended: Callable[[frozenset[bytes]], None]) -> None:
        self._listeners.append(ended)

    async def was_asked(self, times: int = 1) -> None:
        """Wait until there were so many questions, or requests."""
        while len(self.asked) + len(self.served) < times:
            self._changed.clear()
            await self._changed.wait()

    def begin(self, value: str = "s1", token: bytes | None = None, **changes: Any) -> bytes:
        """Begin the session that a cookie of this *value* stands for; return the Cookie field."""
        known: dict[str, Any] = {
            "id": value.encode(),
            "login": "web",
            "subject": "alice",
            "token": good_token() if token is None else token,
            "check_at": time.time() + 3600,
        }
        self.sessions[value] = SessionView(**(known | changes))
        return b"Cookie: __Host-session=" + value.encode()

    def end(self, value: str) -> None:
        """End a session, and tell so."""
        view = self.sessions.pop(value)
        for listener in self._listeners:
            listener(frozenset((view.id,)))


class LoginWorld:
    """A gateway with logins; *logins* are those of its last configuration."""

    def __init__(self, directory: Path, servers: list[str]) -> None:
        self.directory = directory
        self.servers = servers
        self.logins = FakeLogins()
        self.gateway: RunningGateway

    def settings(self, **changes: Any) -> Settings:
        """Return a configuration with the login of the tests; *changes* replace sections."""
        return load(write_config(self.directory, self.servers, login_sections() | changes))


@asynccontextmanager
async def running_logins(
    directory: Path, servers: list[str], **changes: Any
) -> AsyncIterator[LoginWorld]:
    """Yield a gateway whose logins are fake."""
    world = LoginWorld(directory, servers)
    settings = world.settings(**changes)
    async with running_gateway(settings, make_logins=lambda _: world.logins) as gateway:
        world.gateway = gateway
        yield world


async def until_so(holds: Callable[[], bool]) -> None:
    """Wait until something *holds* that no event tells."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
