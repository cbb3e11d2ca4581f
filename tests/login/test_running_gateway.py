"""A whole gateway: a browser logs in, uses a service, and logs out, over sockets."""

import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from gateway.settings.values.configuration import Settings
from tests.login.provider import CLIENT_ID, SECRET, Provider, hang_up, serve_provider
from tests.login.signing import sign
from tests.proxy.gateways import RunningGateway, load, running_gateway, write_config
from tests.proxy.messages import Message, make_request
from tests.proxy.service import Service, running_service

# Two segments of a token: three letters alone may begin any random value.
TOKEN = rb"eyJ[\w-]{8,}\.[\w-]{8,}"

HOST = "app.example.com"
ORIGIN = f"https://{HOST}"
NAVIGATION = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html")
ROUTES = [
    {
        "name": "app",
        "match": {"path_prefix": "/app/"},
        "upstream": "main",
        "login": "web",
        "require": {"scopes": ["orders:read"]},
    }
]


@dataclass
class World:
    gateway: RunningGateway
    provider: Provider
    service: Service
    directory: Path
    cookies: dict[str, str] = field(default_factory=dict)
    answers: list[Message] = field(default_factory=list)

    async def ask(self, target: str, *lines: str, **options: Any) -> Message:
        """Send a request with the browser's cookies, and keep those of the response."""
        if self.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            lines = (*lines, f"Cookie: {pairs}")
        answer = await self.gateway.ask(make_request(target, *lines, host=HOST, **options))
        self.answers.append(answer)
        for one in answer.all(b"set-cookie"):
            name, _, rest = one.decode().partition("=")
            value, _, attributes = rest.partition(";")
            self.cookies[name] = value
            if "Max-Age=0" in attributes:
                del self.cookies[name]
        return answer

    async def log_in(self, target: str = "/app/x?a=1") -> Message:
        """Follow the redirects of a login; return the response of the page at last."""
        begun = await self.ask(target, *NAVIGATION)
        assert begun.status == 302
        callback = urlsplit(self.provider.consent(begun.one(b"location").decode()))
        done = await self.ask(f"{callback.path}?{callback.query}", *NAVIGATION)
        assert done.status == 303
        assert done.one(b"location").decode() == ORIGIN + target
        return await self.ask(target, *NAVIGATION)

    def settings(self, **changes: Any) -> Settings:
        return make_settings(self.directory, self.provider, self.service, **changes)


def make_settings(
    directory: Path, provider: Provider, service: Service, **changes: Any
) -> Settings:
    sections = make_login_sections(directory, provider, **changes)
    return load(write_config(directory, [service.url], sections))


def make_login_sections(directory: Path, provider: Provider, **changes: Any) -> dict[str, Any]:
    """Return the sections of a configuration with one login, ``web``; *changes* are to it."""
    (directory / "secret").write_text(SECRET)
    issuer = {
        "issuer": provider.url,
        "discovery": True,
        "audiences": ["orders-api"],
        "algorithms": ["ES256"],
        "leeway": "0s",
    }
    login = {
        "issuer": "main",
        "origins": [ORIGIN],
        "client_id": CLIENT_ID,
        "client_secret_file": "secret",
        "scopes": ["openid", "orders:read"],
        **changes,
    }
    return {"issuers": {"main": issuer}, "login": {"web": login}, "routes": ROUTES}


@asynccontextmanager
async def open_world(directory: Path, **changes: Any) -> AsyncIterator[World]:
    clocks: list[RunningGateway] = []

    def now() -> float:
        return clocks[0].clocks.wall() if clocks else 0.0

    async with serve_provider(now) as provider, running_service() as service:
        settings = make_settings(directory, provider, service, **changes)
        async with running_gateway(settings) as gateway:
            clocks.append(gateway)
            yield World(gateway, provider, service, directory)


async def admin(world: World, method: str, path: str) -> tuple[int, Any]:
    address = world.gateway.gateway.admin_address
    assert address is not None
    url = f"http://{address[0]}:{address[1]}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, await response.json()


async def test_a_browser_logs_in_uses_a_service_and_logs_out(tmp_path: Path) -> None:
    """10017.1 and 10017.6: the provider checks secret, code and PKCE."""
    async with open_world(tmp_path) as world:
        page = await world.log_in()

        assert page.status == 200
        seen = world.service.requests[-1]
        assert (seen.target, seen.one(b"x-gateway-subject")) == (b"/app/x?a=1", b"alice")
        assert not seen.has(b"cookie")
        whoami = await world.ask("/oauth/userinfo")
        assert json.loads(whoami.body) == {
            "sub": "alice", "name": "Alice", "email": "alice@example.com",
        }  # fmt: skip
        assert whoami.one(b"cache-control") == b"no-store"
        fields = ("X-CSRF: 1", f"Origin: {ORIGIN}", "Content-Length: 0")
        out = await world.ask("/oauth/logout", *fields, method="POST")
        assert out.status == 200
        assert json.loads(out.body)["redirect"].startswith(f"{world.provider.url}/logout?")
        assert not world.cookies
        assert (await world.ask("/oauth/userinfo")).status == 401
        assert world.gateway.metric("gateway_logins_total", login="web", outcome="succeeded") == 1


@pytest.mark.parametrize("store", ["memory", "cookie"])
async def test_no_response_has_a_token_in_it(store: str, tmp_path: Path) -> None:
    """10017.5: from the first redirect to what comes after a refresh, and what fails."""
    (tmp_path / "key").write_text(b64encode(bytes(range(32))).decode())
    session = {"store": store} | ({"key_files": ["key"]} if store == "cookie" else {})
    async with open_world(tmp_path, session=session) as world:
        await world.log_in()
        world.gateway.clocks.ahead_seconds += 301
        for target in ("/app/x", "/oauth/userinfo", "/oauth/login", "/oauth/callback?code=a"):
            await world.ask(target, *NAVIGATION)
        world.provider.id_claims = {"nonce": "other"}
        begun = await world.ask("/oauth/login", *NAVIGATION)
        callback = urlsplit(world.provider.consent(begun.one(b"location").decode()))
        assert (await world.ask(f"{callback.path}?{callback.query}")).status == 400

        shown = b"".join(
            answer.start + repr(answer.fields).encode() + answer.body for answer in world.answers
        )
        assert len(world.provider.issued) == 9  # three of each kind
        for secret in world.provider.issued:
            assert secret.encode() not in shown
            assert secret.split(".")[-1].encode() not in shown
        assert re.search(TOKEN, shown) is None


async def test_a_session_outlives_its_first_token_and_a_reload(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.log_in()
        world.gateway.clocks.ahead_seconds += 301
        assert (await world.ask("/app/x")).status == 200
        assert len(world.provider.paths("/token")) == 2

        refusal = await world.gateway.gateway.reload(world.settings(claims=["sub"]))
        assert refusal is None
        assert (await world.ask("/app/x")).status == 200
        assert json.loads((await world.ask("/oauth/userinfo")).body)["sub"] == "alice"


async def test_a_reload_that_takes_the_login_away_ends_what_it_gave(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.log_in()
        assert await world.gateway.gateway.reload(world.settings(client_id="other")) is None

        assert (await world.ask("/app/x")).status == 401


async def test_a_logout_at_the_provider_ends_the_session_here(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.log_in()
        claims = {"iat": int(world.provider.now()), "exp": int(world.provider.now()) + 60}
        token = sign(
            {
                "iss": world.provider.url, "aud": CLIENT_ID, "jti": "j", "sid": "provider-session",
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **claims,
            },
            "logout+jwt",
        )  # fmt: skip
        body = urlencode({"logout_token": token}).encode()
        form = "Content-Type: application/x-www-form-urlencoded"
        target = "/oauth/backchannel-logout"
        answer = await world.gateway.ask(
            make_request(target, form, method="POST", body=body, host=HOST)
        )

        assert (answer.status, answer.one(b"cache-control")) == (200, b"no-store")
        assert (await world.ask("/app/x")).status == 401


async def test_operators_see_sessions_and_end_them(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.log_in()
        status, shown = await admin(world, "GET", "/sessions?subject=alice")
        (one,) = shown["sessions"]
        assert (status, one["login"], one["subject"]) == (200, "web", "alice")
        text = json.dumps(shown)
        assert not [value for value in world.cookies.values() if value in text]
        assert await admin(world, "DELETE", f"/sessions/{one['id']}") == (200, {"ended": 1})
        assert (await world.ask("/app/x")).status == 401

        await world.log_in()
        assert await admin(world, "DELETE", "/sessions?subject=alice") == (200, {"ended": 1})
        assert (await world.ask("/app/x")).status == 401


async def test_a_provider_that_is_down_is_an_error_page_and_no_more(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.log_in()
        world.provider.answers["/token"] = hang_up
        world.gateway.clocks.ahead_seconds += 301
        refused = await world.ask("/app/x")

        assert refused.status == 503
        assert json.loads(refused.body)["reason"] == "login_unavailable"
        assert world.cookies


async def test_the_state_of_logins_is_in_the_status(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        status = (await admin(world, "GET", "/status"))[1]

        assert status["logins"] == [
            {
                "login": "web", "issuer": "main", "loaded": True, "store": "memory",
                "age_seconds": pytest.approx(0, abs=60), "failures_in_a_row": 0,
                "last_error": None,
            }
        ]  # fmt: skip
