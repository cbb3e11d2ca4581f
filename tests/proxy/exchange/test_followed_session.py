"""A tunnel or an event stream lives with its session: over refreshes, and not a moment longer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.reason import Reason
from tests.proxy.exchange.test_response_stream import stream
from tests.proxy.fake_logins import (
    HOST,
    ORIGIN,
    LoginWorld,
    login_sections,
    running_logins,
    until_so,
)
from tests.proxy.gateways import EXPIRED, TOKEN_SECONDS, make_token
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_answer, read_head
from tests.proxy.service import Service
from tests.proxy.wire import Wire

CLOSE = b"\x88"


@pytest.fixture
async def world(service: Service, tmp_path: Path) -> AsyncIterator[LoginWorld]:
    service.script = stream()
    async with running_logins(tmp_path, [service.url]) as made:
        yield made


def due(world: LoginWorld, seconds: float = 0.0) -> float:
    return world.gateway.clocks.wall() + seconds


async def open_events(world: LoginWorld, cookie: bytes, path: str = "/app/events") -> Wire:
    client = await world.gateway.connect()
    client.send(make_request(path, cookie, host=HOST))
    assert (await read_head(client)).status == 200
    await client.read_until(b"\n\n")
    return client


async def was_asked_again(world: LoginWorld, seconds: float = 1) -> None:
    """Let *seconds* pass, and wait until the session was asked about."""
    before = len(world.logins.asked)
    world.gateway.pass_time(seconds)
    await until_so(lambda: len(world.logins.asked) > before)
    await asyncio.sleep(0)


def expired_streams(world: LoginWorld, route: str = "app") -> float:
    return world.gateway.metric("gateway_streams_expired_total", route=route)


async def test_a_stream_ends_with_its_session(world: LoginWorld) -> None:
    client = await open_events(world, world.logins.begin("s1"))
    other = await open_events(world, world.logins.begin("s2"))

    world.logins.end("s1")

    assert await client.read_until(b"0\r\n\r\n")
    assert expired_streams(world) == 1
    assert not other.has_ended
    counted = world.gateway.metric("gateway_decisions_total", route="app", reason="login_required")
    assert counted == 1


async def test_a_session_that_ended_before_the_response_began_ends_it(
    service: Service, world: LoginWorld
) -> None:
    """The end came while the service had not yet answered: nobody was there to hear it."""
    cookie = world.logins.begin("s1")
    answer_now = asyncio.Event()

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await answer_now.wait()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")

    service.script = script
    client = await world.gateway.connect()
    client.send(make_request("/app/events", cookie, host=HOST))
    await service.request()
    world.logins.end("s1")
    answer_now.set()
    await client.read_until(b"\n\n")

    world.gateway.pass_time(1)

    assert await client.read_until(b"0\r\n\r\n")


async def test_a_stream_outlives_the_tokens_of_its_session(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 60))
    client = await open_events(world, cookie)

    for _ in range(3):
        clock = world.gateway.clocks
        late = int(clock.wall() + EXPIRED + TOKEN_SECONDS)
        token = make_token(exp=late, iat=int(clock.wall()), sub="alice")
        world.logins.begin("s1", token, check_at=due(world, EXPIRED + 60))
        await was_asked_again(world, EXPIRED)
        await until_so(lambda: len(world.gateway.gateway.data._serving.port.streams) == 1)

    assert not client.has_ended
    assert expired_streams(world) == 0
    world.logins.end("s1")
    assert await client.read_until(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [({"scope": "other"}, "scope_missing"), ({"exp": 1}, "token_expired")],
)
async def test_a_new_token_that_is_not_allowed_ends_the_stream(
    claims: dict[str, Any], reason: str, world: LoginWorld
) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 0.5))
    client = await open_events(world, cookie)
    world.logins.begin("s1", make_token(**claims))

    world.gateway.pass_time(1)

    assert await client.read_until(b"0\r\n\r\n")
    assert world.gateway.metric("gateway_decisions_total", route="app", reason=reason) == 1


async def test_a_session_that_is_gone_ends_the_stream_when_it_is_next_asked_about(
    world: LoginWorld,
) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 0.5))
    client = await open_events(world, cookie)
    world.logins.sessions.clear()

    world.gateway.pass_time(1)

    assert await client.read_until(b"0\r\n\r\n")


async def test_a_stream_is_use_of_its_session(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 0.5))
    await open_events(world, cookie)

    for _ in range(3):
        world.logins.begin("s1", check_at=due(world, 1.5))
        await was_asked_again(world)

    assert {one["__Host-session"] for one in world.logins.asked} == {"s1"}


async def test_while_nothing_is_known_a_stream_goes_on_until_its_token_ends(
    world: LoginWorld,
) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 0.5))
    client = await open_events(world, cookie)
    world.logins.fault = Reason.SESSIONS_UNAVAILABLE

    for _ in range(3):
        await was_asked_again(world)
    assert expired_streams(world) == 0
    world.gateway.pass_time(EXPIRED)

    assert await client.read_until(b"0\r\n\r\n")
    counted = world.gateway.metric("gateway_decisions_total", route="app", reason="token_expired")
    assert counted == 1


async def test_a_new_cookie_that_the_browser_cannot_get_is_used_for_the_stream(
    world: LoginWorld,
) -> None:
    cookie = world.logins.begin("s1", check_at=due(world, 0.5))
    await open_events(world, cookie)
    cookies = (b"__Host-session=s2; Path=/; Secure", b"__Host-session.1=; Max-Age=0")
    world.logins.begin("s1", check_at=due(world, 1.5), cookies=cookies)
    world.logins.begin("s2")

    await was_asked_again(world)
    await was_asked_again(world)

    assert world.logins.asked[-1] == {"__Host-session": "s2"}


async def test_a_report_only_route_reports_the_end(service: Service, world: LoginWorld) -> None:
    cookie = world.logins.begin("s1", make_token("nobody:has-it"))
    client = await open_events(world, cookie, "/report/events")

    world.logins.end("s1")
    wire = await service.connection()
    wire.send(b"data: 2\n\n")

    assert await client.read_until(b"data: 2\n\n")


async def test_a_stream_survives_a_reload_and_then_ends_with_its_session(
    world: LoginWorld,
) -> None:
    client = await open_events(world, world.logins.begin("s1"))
    assert await world.gateway.gateway.reload(world.settings()) is None
    world.gateway.pass_time(1)

    world.logins.end("s1")

    assert await client.read_until(b"0\r\n\r\n")


async def test_a_token_of_a_later_configuration_leaves_a_stream_on_its_own_route(
    service: Service, world: LoginWorld
) -> None:
    """Its place among the later routes may be that of another route, or of none."""
    cookie = world.logins.begin("s1", check_at=due(world, 60))
    client = await open_events(world, cookie)
    sections = login_sections()
    provider, main = sections["issuers"]["provider"], sections["issuers"]["main"]
    app = next(route for route in sections["routes"] if route["name"] == "app")
    fillers = [
        {"name": f"x{n}", "match": {"path": f"/x/{n}"}, "upstream": "main", "public": True}
        for n in range(20)
    ]
    later = {"issuers": {"provider": provider, "renamed": main}, "routes": [*fillers, app]}
    assert await world.gateway.gateway.reload(world.settings(**later)) is None
    token = make_token(sub="bob", iat=int(due(world)))
    world.logins.begin("s1", token, check_at=due(world, 3600))

    await was_asked_again(world, 61)
    world.logins.end("s1")

    assert await client.read_until(b"0\r\n\r\n")
    request_id = (await service.request()).one(b"X-Request-Id").decode()
    line = world.gateway.gateway.data.find_refusal(request_id)
    assert line is not None
    assert (line["route"], line["subject"], line["issuer"]) == ("app", "bob", "renamed")


async def test_without_logins_there_is_no_session_any_more(world: LoginWorld) -> None:
    client = await open_events(world, world.logins.begin("s1"))
    routes = [{"name": "open", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}]
    assert await world.gateway.gateway.reload(world.settings(login={}, routes=routes)) is None

    world.gateway.pass_time(1)

    assert await client.read_until(b"0\r\n\r\n")


# --- WebSockets


async def open_socket(world: LoginWorld, service: Service, cookie: bytes) -> Wire:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)

    service.script = script
    client = await world.gateway.connect()
    client.send(make_request("/socket/x", cookie, f"Origin: {ORIGIN}", *UPGRADE, host=HOST))
    assert (await read_head(client)).status == 101
    return client


async def test_a_websocket_is_closed_with_its_session(world: LoginWorld, service: Service) -> None:
    client = await open_socket(world, service, world.logins.begin("s1"))

    world.logins.end("s1")

    frame = await client.read(2)
    assert frame[:1] == CLOSE
    payload = await client.read(frame[1])
    assert (int.from_bytes(payload[:2]), payload[2:]) == (1008, b"session ended")


@pytest.mark.parametrize("origin", [None, b"https://evil.example", b"null", b"http://app.example"])
async def test_a_websocket_of_another_origin_is_refused(
    origin: bytes | None, world: LoginWorld, service: Service
) -> None:
    cookie = world.logins.begin("s1")
    lines = [cookie, b"X-CSRF: 1", b"Sec-Fetch-Site: same-origin"]
    lines += [] if origin is None else [b"Origin: " + origin]

    answer = await world.gateway.ask(make_request("/socket/x", *lines, *UPGRADE, host=HOST))

    assert answer.status == 403
    assert service.requests == []


async def test_a_websocket_without_a_session_is_never_redirected(world: LoginWorld) -> None:
    client = await world.gateway.connect()
    client.send(make_request("/socket/x", f"Origin: {ORIGIN}", *UPGRADE, host=HOST))

    assert (await read_answer(client)).status == 401
