"""Two gateways that share a Redis: a browser may be at either, and both know what it did."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from gateway.login.stores.redis_commands import RedisCommands
from gateway.settings.values.configuration import Settings
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis
from tests.login.provider import CLIENT_ID, Provider, serve_provider
from tests.login.signing import sign
from tests.login.test_running_gateway import (
    HOST,
    NAVIGATION,
    ORIGIN,
    World,
    make_login_sections,
)
from tests.proxy.gateways import load, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service

STORES = ["redis", "cookie"]
KEY = b64encode(bytes(range(32))).decode()
PROTECT = ("X-CSRF: 1", f"Origin: {ORIGIN}", "Content-Length: 0")


@dataclass
class Two:
    """Two gateways, as one browser sees them; *server* is their Redis."""

    here: World
    there: World
    server: RedisServer

    def pass_time(self, seconds: float) -> None:
        for world in (self.here, self.there):
            world.gateway.clocks.ahead_seconds += seconds


def settings(
    directory: Path, provider: Provider, service: Service, server: RedisServer, store: str
) -> Settings:
    (directory / "key").write_text(KEY)
    session = {"store": store, "key_files": ["key"]}
    sections = make_login_sections(directory, provider, session=session)
    sections["redis"] = {"url": server.url, "timeout": "20s"}
    return load(write_config(directory, [service.url], sections))


@pytest.fixture(params=STORES)
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Two]:
    ahead: list[World] = []

    def now() -> float:
        return ahead[0].gateway.clocks.wall() if ahead else time.time()

    with running_redis(tmp_path) as server:
        async with AsyncExitStack() as stack:
            provider = await stack.enter_async_context(serve_provider(now))
            service = await stack.enter_async_context(running_service())
            made = settings(tmp_path, provider, service, server, request.param)
            cookies: dict[str, str] = {}
            for _ in range(2):
                gateway = await stack.enter_async_context(running_gateway(made))
                ahead.append(World(gateway, provider, service, tmp_path, cookies))
            yield Two(ahead[0], ahead[1], server)


@contextmanager
def unreachable(server: RedisServer) -> Iterator[None]:
    """Let nobody connect to Redis; it keeps what it has."""
    hidden = server.socket.with_name("hidden.sock")
    server.socket.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(server.socket)


async def cut_connections(server: RedisServer) -> None:
    commands = RedisCommands(Redis(server.url, 60.0, OnFailure.REFUSE, ""))
    await commands.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await commands.close()


async def test_a_login_begins_at_one_and_ends_at_the_other(two: Two) -> None:
    begun = await two.here.ask("/app/x", *NAVIGATION)
    callback = urlsplit(two.here.provider.consent(begun.one(b"location").decode()))
    done = await two.there.ask(f"{callback.path}?{callback.query}", *NAVIGATION)

    assert done.status == 303
    for world in (two.here, two.there):
        assert (await world.ask("/app/x")).status == 200
        whoami = await world.ask("/oauth/userinfo")
        assert json.loads(whoami.body)["sub"] == "alice"


async def test_a_state_is_used_once_at_whichever(two: Two) -> None:
    begun = await two.here.ask("/app/x", *NAVIGATION)
    cookies = dict(two.here.cookies)
    callback = urlsplit(two.here.provider.consent(begun.one(b"location").decode()))
    target = f"{callback.path}?{callback.query}"
    assert (await two.here.ask(target, *NAVIGATION)).status == 303
    two.there.cookies.update(cookies)
    again = await two.there.ask(target, "Accept: application/json")

    assert again.status == 400
    assert json.loads(again.body)["reason"] == "login_failed"
    assert len(two.here.provider.paths("/token")) == 1


async def test_forty_requests_at_the_moment_of_expiry_cause_one_refresh(two: Two) -> None:
    """9700.13: over both gateways; a refresh token that is used twice ends the session."""
    await two.here.log_in()
    two.pass_time(301)
    pair = "; ".join(f"{name}={value}" for name, value in two.here.cookies.items())
    request = make_request("/app/x", f"Cookie: {pair}", host=HOST)
    gateways = [two.here.gateway, two.there.gateway]
    answers = await asyncio.gather(*(gateways[n % 2].ask(request) for n in range(40)))

    assert [one.status for one in answers] == [200] * 40
    assert len(two.here.provider.paths("/token")) == 2


async def test_after_a_logout_no_copy_of_the_cookie_is_a_session_anywhere(two: Two) -> None:
    await two.here.log_in()
    copy = dict(two.here.cookies)
    assert (await two.there.ask("/app/x")).status == 200
    assert (await two.here.ask("/oauth/logout", *PROTECT, method="POST")).status == 200
    two.pass_time(1)
    for world in (two.here, two.there):
        world.cookies.update(copy)
        assert (await world.ask("/app/x")).status == 401


async def test_a_logout_at_the_provider_ends_the_session_everywhere(two: Two) -> None:
    await two.here.log_in()
    assert (await two.there.ask("/app/x")).status == 200
    now = int(two.here.provider.now())
    token = sign(
        {
            "iss": two.here.provider.url,
            "aud": CLIENT_ID,
            "jti": "j",
            "sid": "provider-session",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "iat": now,
            "exp": now + 60,
        },
        "logout+jwt",
    )
    body = urlencode({"logout_token": token}).encode()
    form = "Content-Type: application/x-www-form-urlencoded"
    request = make_request("/oauth/backchannel-logout", form, method="POST", body=body, host=HOST)
    assert (await two.here.gateway.ask(request)).status == 200
    assert (await two.there.gateway.ask(request)).status == 400  # it is used once, everywhere
    two.pass_time(1)

    assert (await two.here.ask("/app/x")).status == 401
    assert (await two.there.ask("/app/x")).status == 401


async def test_without_redis_nobody_is_logged_in_or_out(two: Two) -> None:
    await two.here.log_in()
    copy = dict(two.here.cookies)
    await cut_connections(two.server)
    two.pass_time(61)
    with unreachable(two.server):
        for target, lines in (("/app/x", ()), ("/app/x", NAVIGATION), ("/oauth/userinfo", ())):
            refused = await two.here.ask(target, *lines)
            assert refused.status == 503
            assert refused.one(b"retry-after")
        out = await two.here.ask("/oauth/logout", *PROTECT, method="POST")
        assert out.status == 503
        assert json.loads(out.body)["reason"] == "sessions_unavailable"
    assert two.here.cookies == copy
    assert (await two.here.ask("/app/x")).status == 200
    assert (await two.there.ask("/app/x")).status == 200


async def test_without_redis_no_login_ends_with_a_session(two: Two) -> None:
    begun = await two.here.ask("/app/x", *NAVIGATION)
    callback = urlsplit(two.here.provider.consent(begun.one(b"location").decode()))
    await cut_connections(two.server)
    with unreachable(two.server):
        done = await two.here.ask(f"{callback.path}?{callback.query}", *NAVIGATION)

    assert done.status == 503
    assert not any(name.startswith("__Host-session") for name in two.here.cookies)
    assert two.here.provider.paths("/token") == []
    again = await two.here.ask(f"{callback.path}?{callback.query}", *NAVIGATION)
    assert again.status == 303


async def test_a_redis_that_lost_its_memory_has_no_session(two: Two) -> None:
    """In cookies as well: nobody knows any more which of them have ended."""
    await two.here.log_in()
    two.server.kill()
    two.server.start()
    two.pass_time(61)

    assert (await two.here.ask("/app/x")).status == 401
    assert (await two.there.log_in()).status == 200
