"""An OpenID provider that is honest by default, and at each step whatever a test wants."""

import asyncio
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlencode, urlsplit

from aiohttp import web

from tests.login.signing import KEY, PUBLIC_JWK, sign

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

CLIENT_ID = "web"
SECRET = "a client secret: with + and %"


@dataclass
class Grant:
    """What a person consented to."""

    redirect_uri: str
    nonce: str
    challenge: str
    scopes: list[str]
    resource: str | None
    max_age: str | None = None
    acr_values: str | None = None


@dataclass
class Provider:
    """One provider; *answers* replaces what it does at a path, *claims* what it signs.

    *now* is its clock. *rotates* says that each refresh token works once.
    """

    now: Callable[[], float]
    url: str = ""
    subject: str = "alice"
    life_seconds: float = 300.0
    rotates: bool = True
    refreshes: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    access_claims: dict[str, Any] = field(default_factory=dict)
    id_claims: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)  # of a token response
    key: Any = KEY
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, Grant] = field(default_factory=dict)
    pushed: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)  # every token
    has_revoked: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=lambda: count(1))

    def paths(self, path: str) -> list[dict[str, str]]:
        """Return the forms that were sent to *path*."""
        return [form for asked, form in self.asked if asked == path]

    # --- what a browser does there

    def consent(self, location: str) -> str:
        """Return the callback's URL after the person at *location* has consented."""
        asked = self.read_request(location)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{next(self._numbers)}"
        self.codes[code] = Grant(
            asked["redirect_uri"],
            asked["nonce"],
            asked["code_challenge"],
            asked["scope"].split(" "),
            asked.get("resource"),
            asked.get("max_age"),
            asked.get("acr_values"),
        )
        return self.callback(asked, code=code)

    def callback(self, asked: Mapping[str, str], **parameters: str) -> str:
        """Return the URL of a response to the authorization request *asked*."""
        query = {"state": asked["state"], "iss": self.url, **parameters}
        present = {name: value for name, value in query.items() if value}
        return f"{asked['redirect_uri']}?{urlencode(present)}"

    def read_request(self, location: str) -> dict[str, str]:
        """Return the parameters of the authorization request at *location*."""
        assert location.startswith(f"{self.url}/authorize?")
        asked = dict(parse_qsl(urlsplit(location).query, strict_parsing=True))
        return self.pushed.pop(asked["request_uri"]) if "request_uri" in asked else asked

    # --- what the gateway asks

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        self.asked.append((request.path, form))
        if request.path in self.answers:
            return await self.answers[request.path](request)  # type: ignore[arg-type]
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(self.describe())
        if request.path == "/jwks":
            return web.json_response({"keys": [PUBLIC_JWK]})
        if not self._knows(request):
            return web.json_response({"error": "invalid_client"}, status=401)
        if request.path == "/par":
            uri = f"urn:request:{next(self._numbers)}"
            self.pushed[uri] = form
            return web.json_response({"request_uri": uri, "expires_in": 60}, status=201)
        if request.path == "/revoke":
            self.revoked.append(form["token"])
            self.has_revoked.set()
            return web.Response()
        assert request.path == "/token"
        return self.answer_token()

    def describe(self) -> dict[str, Any]:
        """Return the metadata; a member that is None is left out."""
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "end_session_endpoint": f"{self.url}/logout",
            "revocation_endpoint": f"{self.url}/revoke",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: one for name, one in {**usual, **self.metadata}.items() if one is not None}

    def _knows(self, request: web.BaseRequest) -> bool:
        scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
        user, _, secret = b64decode(pair).decode().partition(":")
        return scheme == "Basic" and (unquote_plus(user), secret) == (
            CLIENT_ID,
            quote_plus(SECRET),
        )

    def answer_token(self) -> web.Response:
        """Return the honest answer to the last token request."""
        form = self.paths("/token")[-1]
        if form["grant_type"] == "authorization_code":
            grant = self.codes.pop(form["code"], None)
            hashed = sha256(form["code_verifier"].encode()).digest()
            challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
            is_good = (
                grant is not None
                and grant.redirect_uri == form["redirect_uri"]
                and grant.challenge == challenge
                and grant.resource == form.get("resource")
            )
        else:
            grant = self.refresh_tokens.get(form["refresh_token"])
            is_good = grant is not None
            if self.rotates:
                self.refresh_tokens.pop(form["refresh_token"], None)
        if grant is None or not is_good:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(self.issue(grant, is_first="code" in form))

    def issue(self, grant: Grant, *, is_first: bool = True) -> dict[str, Any]:
        """Return a token response."""
        now = self.now()
        shared = {"iss": self.url, "sub": self.subject, "iat": int(now)}
        access = {
            **shared, "aud": "orders-api", "exp": now + self.life_seconds, "client_id": CLIENT_ID,
            "jti": f"a{next(self._numbers)}", "scope": " ".join(grant.scopes),
            "auth_time": int(now),
        }  # fmt: skip
        identity = {
            **shared, "aud": CLIENT_ID, "exp": now + 60, "sid": "provider-session", "name": "Alice",
            "email": "alice@example.com", "auth_time": int(now),
        }  # fmt: skip
        if is_first:
            identity["nonce"] = grant.nonce
        response = {
            "access_token": sign({**access, **self.access_claims}, "at+jwt", self.key),
            "id_token": sign({**identity, **self.id_claims}, "JWT", self.key),
            "token_type": "Bearer",
            "expires_in": int(self.life_seconds),
        }
        if self.refreshes:
            token = f"refresh-{next(self._numbers)}"
            self.refresh_tokens[token] = grant
            response["refresh_token"] = token
        self.issued += [str(response[name]) for name in response if name.endswith("_token")]
        changed = {**response, **self.members}
        return {name: value for name, value in changed.items() if value is not None}


@asynccontextmanager
async def serve_provider(now: Callable[[], float]) -> AsyncIterator[Provider]:
    """Serve a provider on loopback."""
    provider = Provider(now)
    runner = web.ServerRunner(web.Server(provider), shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    provider.url = f"http://{host}:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    """Return an answer that is always *body*: bytes as they are, all else as JSON."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}

    async def say(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=octets, status=status, headers=fields)

    return say


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without a word."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
