"""A gateway asks the issuer about each token, and lets nothing through without its word."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.admin.explain import parse_question
from tests.introspection.gateways import ALICE, TOKEN, World, make_settings, running_world
from tests.introspection.introspector import CLIENT_ID
from tests.keyring.peers import until
from tests.proxy.gateways import AUDIENCE, EXPIRED
from tests.proxy.grpc_calls import call, speak, status_of, streaming
from tests.proxy.h2.frames import headers
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_answer, read_chunk, read_head
from tests.proxy.service import Script, Service
from tests.proxy.wire import Wire

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path) as started:
        yield started


async def test_an_active_token_is_let_through_with_the_identity_of_its_answer(
    world: World,
) -> None:
    assert await world.ask() == "200"

    (request,) = world.service.requests
    assert request.one(b"x-gateway-subject") == b"alice"
    assert request.one(b"x-gateway-scopes") == b"api:read"
    assert not request.has(b"authorization")


async def test_an_answer_is_asked_for_once_while_it_counts(world: World) -> None:
    """7662.4."""
    wire = await world.gateway.connect()
    for _ in range(3):
        wire.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
        assert (await read_answer(wire)).status == 200
    assert await world.ask() == "200"
    assert world.issuer.asked == [TOKEN]

    world.gateway.pass_time(61)
    wire.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
    assert (await read_answer(wire)).status == 200
    assert world.issuer.asked == [TOKEN, TOKEN]


async def test_a_token_that_was_revoked_is_refused_once_its_answer_is_old(world: World) -> None:
    """7662.4."""
    assert await world.ask() == "200"
    del world.issuer.tokens[TOKEN]
    assert await world.ask() == "200"

    world.gateway.pass_time(61)
    answer = await world.answer()

    assert (answer.status, json.loads(answer.body)["reason"]) == (401, "token_inactive")
    assert b'error="invalid_token"' in answer.one(b"www-authenticate")
    assert len(world.service.requests) == 2


async def test_without_a_cache_each_request_asks(tmp_path: Path) -> None:
    async with running_world(tmp_path, cache="0s") as world:
        assert await world.ask() == "200"
        del world.issuer.tokens[TOKEN]

        assert await world.ask() == "401 token_inactive"


async def test_a_token_outlives_no_exp(world: World) -> None:
    """7662.4, 7662.5."""
    now = world.gateway.clocks.wall()
    world.issuer.tokens[TOKEN] = {**ALICE, "exp": now + 10}
    assert await world.ask() == "200"

    world.gateway.pass_time(45)
    assert await world.ask() == "401 token_expired"


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        ("403 scope_missing", {"scope": "other"}),
        ("401 audience_mismatch", {"aud": "another-api"}),
        ("401 claim_missing", {"aud": None}),
        ("401 issuer_unknown", {"iss": "https://evil.example/"}),
        ("401 proof_invalid", {"cnf": {"jkt": "x"}}),
        ("401 token_type_mismatch", {"token_type": "DPoP"}),
        ("401 claim_malformed", {"exp": "tomorrow"}),
    ],
)
async def test_an_active_token_still_has_to_hold(
    outcome: str, changes: Mapping[str, Any], world: World
) -> None:
    world.issuer.tokens[TOKEN] = {**ALICE, **changes}

    assert await world.ask() == outcome
    assert world.service.requests == []


async def test_public_and_optional_routes_ask_no_more_than_they_must(world: World) -> None:
    assert await world.ask("any", "/open/x") == "200"
    assert (await world.gateway.ask(make_request("/maybe/x"))).status == 200
    assert world.issuer.asked == []

    assert await world.ask("unknown", "/maybe/x") == "401 token_inactive"
    assert await world.ask(TOKEN, "/maybe/x") == "200"
    assert world.issuer.asked == ["unknown", TOKEN]


async def test_requests_that_wait_share_one_question(world: World) -> None:
    world.issuer.gate.clear()
    asking = [asyncio.create_task(world.ask()) for _ in range(10)]
    await until(lambda: world.issuer.asked == [TOKEN])
    await until(lambda: world.gateway.gateway.data.counts().requests_in_flight == 10)
    world.issuer.gate.set()

    assert await asyncio.gather(*asking) == ["200"] * 10
    assert world.issuer.asked == [TOKEN]


async def test_signed_answers_are_checked_with_the_issuers_keys(tmp_path: Path) -> None:
    """9701.3."""
    async with running_world(tmp_path, response="jwt") as world:
        world.issuer.now = world.gateway.clocks.wall()
        assert await world.ask() == "503 introspection_unavailable"
        world.issuer.signs_for = CLIENT_ID

        assert await world.ask() == "200"
        assert await world.ask("unknown") == "401 token_inactive"


# --- providers that fail or lie


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "active is a text": {"text": '{"active": "true", "sub": "alice"}', "headers": JSON},
    "active is a number": {"text": '{"active": 1}', "headers": JSON},
    "active is missing": {"text": '{"sub": "alice"}', "headers": JSON},
    "active twice": {"text": '{"active": false, "active": true}', "headers": JSON},
    "a list": {"text": '[{"active": true}]', "headers": JSON},
    "cut": {"text": '{"active": tr', "headers": JSON},
    "nothing": {"text": "", "headers": JSON},
    "a page": {"text": '{"active": true}', "headers": {"Content-Type": "text/html"}},
    "a redirect": {"status": 307, "headers": {"Location": "/introspect2"}},
    "an error": {"status": 500, "text": '{"active": true}', "headers": JSON},
    "too busy": {"status": 429, "headers": {"Retry-After": "1", **JSON}},
    "a refused client": {"status": 401, "text": '{"error": "invalid_client", "active": true}'},
    "too long": {"text": '{"active": true, "x": "' + "a" * 70_000 + '"}', "headers": JSON},
    "packed": {"body": b"\x1f\x8b" + b"x" * 99, "headers": {"Content-Encoding": "gzip", **JSON}},
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_what_is_no_answer_lets_nothing_through(
    name: str, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """7662.3."""
    world.issuer.says = web.Response(**BAD_ANSWERS[name])

    answer = await world.answer()

    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "introspection_unavailable")
    assert int(answer.one(b"retry-after")) > 0
    assert world.service.requests == []
    assert "tokens cannot be introspected" in caplog.text
    assert TOKEN not in caplog.text
    assert world.counted("failed") == 1


async def test_an_answer_that_never_ends_is_cut_in_time(tmp_path: Path) -> None:
    """7662.3."""
    async with running_world(tmp_path, timeout="1s") as world:
        sent: list[int] = []

        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers=JSON)
            await response.prepare(request)
            while True:
                await response.write(b" " * 10)
                sent.append(10)
                await asyncio.sleep(0.01)

        world.issuer.peer.answer, metadata = endless, world.issuer.peer.answer
        assert await world.ask() == "503 introspection_unavailable"
        assert sent
        world.issuer.peer.answer = metadata


async def test_an_issuer_that_does_not_answer_is_waited_for_no_longer(tmp_path: Path) -> None:
    """7662.3."""
    async with running_world(tmp_path, timeout="1s") as world:
        world.issuer.gate.clear()

        assert await world.ask() == "503 introspection_unavailable"
        assert world.service.requests == []


async def test_an_issuer_that_is_gone_lets_nothing_new_through(tmp_path: Path) -> None:
    """7662.3: what it said before counts as long as it would have anyway."""
    async with running_world(tmp_path, cache="5m") as world:
        assert await world.ask() == "200"
        await world.issuer.peer.server.shutdown(0)
        world.issuer.peer.answer = _cut

        assert await world.ask() == "200"
        assert await world.ask("another") == "503 introspection_unavailable"
        world.gateway.pass_time(301)
        assert await world.ask() == "503 introspection_unavailable"


async def _cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_token_that_becomes_somebody_elses_is_refused(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert await world.ask() == "200"
    world.issuer.tokens[TOKEN] = {**ALICE, "sub": "bob"}
    world.gateway.pass_time(61)

    assert await world.ask() == "503 introspection_unavailable"
    assert "another sub" in caplog.text
    assert len(world.service.requests) == 1


async def test_report_mode_lets_through_and_reports(tmp_path: Path) -> None:
    routes = [
        {"name": "r", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}
        | {"mode": "report"}
    ]
    async with running_world(tmp_path, {"routes": routes}) as world:
        assert await world.ask("unknown") == "200"
        (request,) = world.service.requests
        assert not request.has(b"x-gateway-subject")
        reported = world.gateway.metric(
            "gateway_would_deny_total", route="r", reason="token_inactive"
        )
        assert reported == 1


# --- reloads


async def test_a_reload_decides_what_waits_for_an_answer(world: World, tmp_path: Path) -> None:
    world.issuer.gate.clear()
    waiting = asyncio.create_task(world.ask())
    await until(lambda: world.issuer.asked == [TOKEN])
    routes = [
        {"name": "r", "match": {"path_prefix": "/api/"}, "upstream": "main"}
        | {"require": {"scopes": ["admin"]}}
    ]
    latter = make_settings(tmp_path, world.service, world.issuer.url, {"routes": routes})
    reloading = asyncio.create_task(world.gateway.gateway.reload(latter))
    await until(lambda: world.gateway.gateway.data._serving.settings is latter)
    world.issuer.gate.set()

    assert await waiting == "403 scope_missing"
    assert await reloading is None
    assert world.issuer.asked == [TOKEN]
    assert world.counted("active") == 1


# --- streams


def lasting(head: bytes) -> Script:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(head)

    return script


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n"


async def test_an_event_stream_goes_on_while_its_issuer_says_so(world: World) -> None:
    world.service.script = lasting(EVENTS)
    client = await world.gateway.connect()
    client.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
    assert (await read_head(client)).status == 200
    await client.read_until(b"data: one\n\n")
    await client.read(2)

    world.gateway.pass_time(61)
    await until(lambda: world.issuer.asked == [TOKEN, TOKEN])
    (await world.service.connection()).send(b"data: two\n\n")
    await client.read_until(b"data: two\n\n")
    await client.read(2)
    del world.issuer.tokens[TOKEN]
    world.gateway.pass_time(61)

    assert await read_chunk(client) == b""
    assert world.issuer.asked == [TOKEN] * 3


async def test_a_call_of_grpc_ends_once_its_token_is_not_active(world: World) -> None:
    world.service.script = streaming()
    client = await speak(world.gateway)
    token = (b"authorization", b"Bearer " + TOKEN.encode())
    client.send(headers(1, call(b"/api/a.B/C", token), ends=False))
    await (await world.service.connection()).read_until(b"\r\n\r\n")
    world.gateway.pass_time(61)
    await until(lambda: world.issuer.asked == [TOKEN, TOKEN])
    assert await client.wait_read()
    assert not client.stream(1).is_over
    del world.issuer.tokens[TOKEN]

    world.gateway.pass_time(61)
    await client.wait_over(1)

    assert status_of(client.stream(1)) == (16, "token_inactive: The access token is not active")


async def test_a_websocket_is_closed_once_its_token_is_not_active(world: World) -> None:
    world.service.script = lasting(SWITCHED)
    client = await world.gateway.connect()
    client.send(make_request("/socket/x", *UPGRADE, f"Authorization: Bearer {TOKEN}"))
    assert (await read_head(client)).status == 101
    del world.issuer.tokens[TOKEN]

    world.gateway.pass_time(61)

    frame = await client.read(2)
    assert frame[0] == 0x88
    payload = await client.read(frame[1])
    assert payload == b"\x03\xf0" + b"token not active"


async def test_a_stream_ends_if_nobody_vouches_for_its_token_any_more(world: World) -> None:
    world.service.script = lasting(EVENTS)
    client = await world.gateway.connect()
    client.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
    assert (await read_head(client)).status == 200
    await client.read_until(b"data: one\n\n")
    await client.read(2)
    world.issuer.says = web.Response(**BAD_ANSWERS["an error"])

    world.gateway.pass_time(61)

    assert await read_chunk(client) == b""


async def test_a_stream_without_a_cache_is_not_asked_about_all_the_time(tmp_path: Path) -> None:
    async with running_world(tmp_path, cache="0s") as world:
        world.service.script = lasting(EVENTS)
        client = await world.gateway.connect()
        client.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
        assert (await read_head(client)).status == 200
        await client.read_until(b"data: one\n\n")

        world.gateway.pass_time(9)
        await world.gateway.wait_still(lambda: len(world.issuer.asked))
        assert world.issuer.asked == [TOKEN]
        world.gateway.pass_time(2)
        await until(lambda: world.issuer.asked == [TOKEN, TOKEN])


async def test_a_stream_still_ends_with_the_exp_of_its_token(world: World) -> None:
    now = world.gateway.clocks.wall()
    world.issuer.tokens[TOKEN] = {**ALICE, "exp": now + 10}
    world.service.script = lasting(EVENTS)
    client = await world.gateway.connect()
    client.send(make_request("/api/x", f"Authorization: Bearer {TOKEN}"))
    assert (await read_head(client)).status == 200
    await client.read_until(b"data: one\n\n")
    await client.read(2)

    world.gateway.pass_time(EXPIRED)

    assert await read_chunk(client) == b""


async def test_operators_see_what_issuers_say(world: World) -> None:
    await world.ask()
    await world.ask("unknown")

    status: Any = await world.gateway.gateway.status()

    assert status["introspection"] == [{"issuer": "idp", "remembered": 2, "last_error": None}]
    assert (world.counted("active"), world.counted("inactive")) == (1, 1)
    assert world.gateway.gateway.ready().not_ready == ()
    assert AUDIENCE not in world.gateway.page()


async def test_an_explanation_shows_a_token_to_its_issuer_only_if_it_is_told_to(
    world: World,
) -> None:
    wanted = {"url": "http://a.test/api/x", "token": TOKEN}
    gateway = world.gateway.gateway

    told = await gateway.explain(parse_question(json.dumps(wanted).encode()))
    assert (told["verdict"], told["reason"]) == ("refused", "introspection_unavailable")
    assert world.issuer.asked == []

    asked = json.dumps({**wanted, "introspect": True}).encode()
    told = await gateway.explain(parse_question(asked))
    assert told["verdict"] == "allow"
    assert world.issuer.asked == [TOKEN]
