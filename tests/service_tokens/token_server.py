"""An authorization server's token endpoint: honest by default, else as a test wants it."""

import asyncio
import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

CLIENT_ID = "gateway"
SECRET = "a-secret-of-the-gateway"
TYPES = "urn:ietf:params:oauth:token-type:"


@dataclass
class TokenServer:
    """Issues ``own-N`` to the gateway, and ``of-SUBJECT-N`` for a caller's token.

    *members* replace those of a response; one that is None is left out. *answer* replaces the whole
    response. While *gate* is closed, responses wait.
    """

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Condition = field(default_factory=asyncio.Condition)
    in_flight: int = 0
    most_in_flight: int = 0
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.gate.set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(self.metadata())
        if request.path != "/token":
            return web.Response(status=404)
        pairs = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        self.forms.append(dict(pairs))
        assert len(pairs) == len(self.forms[-1])
        self.users.append(_user(request))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        async with self.asked:
            self.asked.notify_all()
        try:
            await self.gate.wait()
            return await self.answer(request) if self.answer else self._issue(dict(pairs))
        finally:
            self.in_flight -= 1

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "authorization_endpoint": f"{self.url}/authorize",
        }

    async def wait_for(self, requests: int) -> None:
        """Return once so many token requests have come."""
        async with self.asked:
            await self.asked.wait_for(lambda: len(self.forms) >= requests)

    def _issue(self, form: dict[str, str]) -> web.Response:
        members: dict[str, Any] = {"token_type": "Bearer", "expires_in": 600}
        if form["grant_type"] == "client_credentials":
            members["access_token"] = f"own-{next(self._numbers)}"
        else:
            subject = subject_of(form["subject_token"])
            members["access_token"] = f"of-{subject}-{next(self._numbers)}"
            members["issued_token_type"] = form["requested_token_type"]
        merged = {**members, **self.members}
        return web.json_response({name: one for name, one in merged.items() if one is not None})


def subject_of(token: str) -> str:
    """Return the `sub` of a caller's token."""
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sub"])


def _user(request: web.BaseRequest) -> str:
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    return b64decode(pair).decode() if scheme == "Basic" else ""


def respond(body: object, status: int = 200, **headers: str) -> Answer:
    """Return an answer that is always *body*: bytes as they are, all else as JSON."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def say(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=octets, status=status, headers=fields)

    return say


async def never_end(request: web.BaseRequest) -> web.StreamResponse:
    """Begin a body of JSON, and go on for as long as somebody reads."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"access_token":"')
    while True:
        await response.write(b"a" * 16384)
        await asyncio.sleep(0)


async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """Close the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """Serve a token endpoint on loopback."""
    peer = TokenServer()
    runner = web.ServerRunner(web.Server(peer), shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    peer.url = f"http://{host}:{port}"
    try:
        yield peer
    finally:
        peer.gate.set()
        await runner.cleanup()
