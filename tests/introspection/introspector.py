"""An authorization server that answers about tokens as a test says, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.oauth.introspection import JSON_TYPE, JWT_TYPE
from tests.keyring.keys import ec_jwk
from tests.keyring.peers import IssuerPeer, issuer_peer
from tests.tokens import make_private, mint

CLIENT_ID, SECRET = "gateway", "a-secret-of-the-gateway"


class Introspector:
    """The server at *peer*: *tokens* are those that are active, with what it says about each.

    *asked* are all tokens that it was asked about, in order. While *gate* is closed it does not
    answer. *says*, if it is set, is the whole answer to any question.
    """

    def __init__(self, peer: IssuerPeer) -> None:
        self.peer = peer
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.says: web.StreamResponse | None = None
        self.signs_for: str | None = None
        self.now = 0.0
        peer.answer = self._answer

    @property
    def url(self) -> str:
        return self.peer.url

    @property
    def endpoint(self) -> str:
        return self.peer.url + "/introspect"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/.well-known/"):
            metadata = {
                "issuer": self.url,
                "introspection_endpoint": self.endpoint,
                "jwks_uri": self.url + "/jwks",
            }
            return web.json_response(metadata)
        if request.path == "/jwks":
            keys = [{**ec_jwk(make_private("ES256", 0)), "kid": "k1", "alg": "ES256"}]
            return web.json_response({"keys": keys})
        form = dict(parse_qsl(self.peer.bodies[-1].decode()))
        self.asked.append(form["token"])
        state = self.tokens.get(form["token"])
        await self.gate.wait()
        if self.says is not None:
            return self.says
        return self._render({"active": False} if state is None else {"active": True, **state})

    def _render(self, state: Mapping[str, Any]) -> web.Response:
        if self.signs_for is None:
            return web.Response(body=json.dumps(state).encode(), content_type=JSON_TYPE)
        payload = {
            "iss": self.url,
            "aud": self.signs_for,
            "iat": self.now,
            "token_introspection": state,
        }
        headers = {"typ": "token-introspection+jwt"}
        signed = mint(make_private("ES256", 0), "ES256", payload, headers=headers)
        return web.Response(body=signed, headers={"Content-Type": JWT_TYPE})


@asynccontextmanager
async def running_introspector() -> AsyncIterator[Introspector]:
    async with issuer_peer() as peer:
        server = Introspector(peer)
        try:
            yield server
        finally:
            server.gate.set()
