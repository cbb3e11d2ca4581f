"""One-time tickets: got with a token or a session, used once, and seen by no service."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.tickets.ticket import Grant, TicketsGone
from tests.limits.redis_server import running_redis
from tests.proxy.conftest import StartGateway
from tests.proxy.fake_logins import HOST, ORIGIN, FakeLogins, login_sections
from tests.proxy.gateways import (
    EXPIRED,
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.handshakes import UPGRADE, make_switch
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request, read_head
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire

__all__ = ["log"]  # a fixture

PATH: Final = "/gateway/ticket"


def _route(name: str, *places: str, **require: Any) -> dict[str, Any]:
    return {
        "name": name,
        "match": {"path_prefix": f"/{name}/"},
        "upstream": "main",
        "require": require,
        "upgrades": ["websocket"],
        "token_from": ["authorization", *places],
    }


CONFIG: Final[dict[str, Any]] = {
    "tickets": {"cors": {"origins": ["https://app.example.com"]}},
    "routes": [
        _route("events", "ticket", scopes=["api:read"]),
        _route("others", "ticket"),
        _route("plain"),
    ],
    "access_log": "stdout",
}


@pytest.fixture
async def started(log: Log, service: Service, start_gateway: StartGateway) -> RunningGateway:
    assert not log.text  # it takes in what the gateway writes from here on
    service.script = echo
    return await start_gateway(**CONFIG)


async def post(gateway: RunningGateway, *lines: bytes | str, **more: Any) -> Message:
    return await gateway.ask(make_request(PATH, *lines, method="POST", **more))


async def ticket(gateway: RunningGateway, token: bytes | None = None, **wanted: str) -> str:
    body = json.dumps(wanted).encode() if wanted else None
    answer = await post(gateway, bearer(token), body=body)
    assert answer.status == 201, answer
    members = json.loads(answer.body)
    assert members["expires_in"] == 30
    text: str = members["ticket"]
    return text


async def use(
    gateway: RunningGateway, text: str, target: str = "/events/x", **more: Any
) -> Message:
    sign = "&" if "?" in target else "?"
    return await gateway.ask(make_request(f"{target}{sign}ticket={text}", **more))


async def test_a_ticket_opens_what_its_token_would_once_and_goes_no_further(
    service: Service, started: RunningGateway, log: Log
) -> None:
    answer = await post(started, bearer())
    text = json.loads(answer.body)["ticket"]
    assert answer.one(b"Cache-Control") == b"no-store"

    first, second = await use(started, text, "/events/x?a=1"), await use(started, text)

    assert first.status == 200
    assert first.one(b"Cache-Control") == b"private"
    received = service.requests[-1]
    assert received.target == b"/events/x?a=1"
    assert received.one(b"X-Gateway-Subject") == b"alice"
    assert not received.has(b"authorization")
    assert (second.status, reason(second)) == (401, "token_expired")
    assert b"WWW-Authenticate" in {name for name, _ in second.fields}
    lines = await log.lines(started)
    assert [(line["path"], line["subject"]) for line in lines][1:] == [
        ("/events/x", "alice"),
        ("/events/x", None),
    ]
    assert text not in log.text
    assert text.encode() not in service.received


async def test_of_many_requests_with_one_ticket_exactly_one_passes(
    service: Service, started: RunningGateway
) -> None:
    text = await ticket(started)

    answers = await asyncio.gather(*(use(started, text) for _ in range(16)))

    assert sorted(answer.status for answer in answers) == [200, *[401] * 15]
    assert len(service.requests) == 1


async def test_a_ticket_is_for_the_host_the_route_and_the_path_that_it_was_asked_for(
    service: Service, started: RunningGateway
) -> None:
    anywhere, host = await ticket(started), await ticket(started)
    route, path = await ticket(started, route="events"), await ticket(started, path="/events/x")

    assert reason(await use(started, host, host="other.test")) == "audience_mismatch"
    assert reason(await use(started, host)) == "token_expired"  # it is used up
    assert reason(await use(started, route, "/others/x")) == "audience_mismatch"
    assert reason(await use(started, path, "/events/y")) == "audience_mismatch"
    assert (await use(started, anywhere, "/others/x")).status == 200
    for wanted in ({"route": "events"}, {"path": "/events/x"}):
        assert (await use(started, await ticket(started, None, **wanted))).status == 200
    assert len(service.requests) == 3


async def test_the_token_of_a_ticket_is_judged_when_it_is_used(
    service: Service, started: RunningGateway
) -> None:
    """Expired meanwhile, or never enough: as if the token itself had been sent."""
    weak = await ticket(started, make_token(scope="else"))
    text = await ticket(started)

    assert reason(await use(started, weak)) == "scope_missing"
    started.pass_time(EXPIRED)
    assert reason(await use(started, text)) == "token_expired"
    assert service.requests == []


@pytest.mark.parametrize(
    ("target", "lines", "code"),
    [
        ("/events/x?ticket=", (), "token_expired"),
        ("/events/x?ticket=" + "A" * 43, (), "token_expired"),
        ("/events/x?ticket=..%2f", (), "token_expired"),
        ("/events/x?ticket=a&ticket=b", (), "token_repeated"),
        ("/events/x?ticket=a&t%69cket=b", (), "token_repeated"),
        ("/events/x?ticket=a", (bearer(),), "token_repeated"),
        ("/plain/x?ticket=a", (), "token_missing"),
    ],
)
async def test_what_is_no_ticket_opens_nothing(
    service: Service, started: RunningGateway, target: str, lines: tuple[bytes, ...], code: str
) -> None:
    assert reason(await started.ask(make_request(target, *lines))) == code
    assert service.requests == []


async def test_a_ticket_opens_streams_alone_and_is_not_used_up_by_a_post(
    service: Service, started: RunningGateway
) -> None:
    text = await ticket(started)

    assert reason(await use(started, text, method="POST")) == "token_malformed"
    assert (await use(started, text)).status == 200
    assert len(service.requests) == 1


async def test_a_websocket_opened_by_ticket_ends_with_the_token(
    service: Service, started: RunningGateway
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_switch())

    service.script = switch
    client = await started.connect()
    client.send(make_request(f"/events/x?ticket={await ticket(started)}", *UPGRADE))
    assert (await read_head(client)).status == 101
    assert service.requests[-1].target == b"/events/x"

    started.pass_time(EXPIRED)

    assert await client.read(2) == b"\x88\x0f"  # a Close frame


@pytest.mark.parametrize(
    ("lines", "body", "status", "code"),
    [
        ((), None, 401, "token_missing"),
        ((bearer(make_token(exp=1)),), None, 401, "token_expired"),
        ((bearer(b"x"),), None, 401, "token_malformed"),
        ((bearer(), bearer()), None, 400, "token_repeated"),
        ((bearer(),), b"[]", 400, "request_malformed"),
        ((bearer(),), b'{"route": "plain"}', 400, "request_malformed"),
        ((bearer(),), b'{"route": 1}', 400, "request_malformed"),
        ((bearer(),), b'{"scope": "x"}', 400, "request_malformed"),
        ((bearer(),), b"{" * 5000, 413, "body_too_large"),
    ],
)
async def test_without_a_token_that_holds_nobody_gets_a_ticket(
    started: RunningGateway,
    lines: tuple[bytes, ...],
    body: bytes | None,
    status: int,
    code: str,
) -> None:
    answer = await post(started, *lines, body=body)

    assert (answer.status, reason(answer)) == (status, code)


async def test_the_path_of_tickets_takes_nothing_but_posts_and_preflights(
    service: Service, started: RunningGateway
) -> None:
    got = await started.ask(make_request(PATH, bearer()))
    origin = b"Origin: https://app.example.com"
    wanted = b"Access-Control-Request-Method: POST"
    preflight = await started.ask(make_request(PATH, origin, wanted, method="OPTIONS"))
    answer = await post(started, bearer(), origin)
    stranger = await post(started, bearer(), b"Origin: https://evil.example")

    assert (got.status, got.one(b"Allow")) == (405, b"POST")
    assert preflight.status == 204
    assert preflight.one(b"Access-Control-Allow-Origin") == b"https://app.example.com"
    assert b"Authorization" in preflight.one(b"Access-Control-Allow-Headers")
    assert answer.one(b"Access-Control-Allow-Origin") == b"https://app.example.com"
    assert not stranger.has(b"Access-Control-Allow-Origin")
    assert service.requests == []


async def test_a_caller_gets_only_so_many(started: RunningGateway) -> None:
    for _ in range(64):
        await ticket(started)

    answer = await post(started, bearer())

    assert (answer.status, reason(answer)) == (429, "rate_limited")
    assert (await post(started, bearer(make_token(sub="bob")))).status == 201


class Gone:
    """Keeps no tickets, because it does not respond."""

    async def issue(self, grant: Grant, lifetime_seconds: float) -> str:
        raise TicketsGone

    async def redeem(self, ticket: bytes) -> Grant | None:
        raise TicketsGone


async def test_while_nobody_keeps_tickets_none_is_issued_and_none_is_valid(
    service: Service, started: RunningGateway
) -> None:
    text = await ticket(started)
    started.gateway.data._serving.port.tickets = Gone()

    for answer in (await post(started, bearer()), await use(started, text)):
        assert (answer.status, reason(answer)) == (503, "tickets_unavailable")
        assert answer.has(b"Retry-After")
    assert service.requests == []


async def test_gateways_with_one_redis_take_each_others_tickets_once(
    service: Service, tmp_path: Path
) -> None:
    service.script = echo
    with running_redis(tmp_path) as redis:
        path = write_config(tmp_path, [service.url], CONFIG | {"redis": {"url": redis.url}})
        async with running_gateway(load(path)) as one, running_gateway(load(path)) as other:
            text = await ticket(one)

            answers = await asyncio.gather(*(use(which, text) for which in (one, other) * 4))

            assert sorted(answer.status for answer in answers) == [200, *[401] * 7]
            redis.kill()
            assert reason(await use(other, text)) == "tickets_unavailable"
            assert reason(await post(one, bearer())) == "tickets_unavailable"


# --- by session


@pytest.fixture
async def browser(
    service: Service, tmp_path: Any
) -> AsyncIterator[tuple[RunningGateway, FakeLogins]]:
    service.script = echo
    fake = FakeLogins()
    sections = login_sections()
    route = sections["routes"][5] | {"token_from": ["ticket"]}
    changes = sections | {"routes": [*sections["routes"][:5], route], "tickets": {}}
    path = write_config(tmp_path, [service.url], changes)
    async with running_gateway(load(path), make_logins=lambda _: fake) as gateway:
        yield gateway, fake


PAGE: Final = (f"Origin: {ORIGIN}", "Sec-Fetch-Site: same-origin", "X-CSRF: 1")
COOKIE: Final = "Cookie: __Host-session=s1"


async def test_a_session_gets_a_ticket_by_the_rules_of_sessions(
    service: Service, browser: tuple[RunningGateway, FakeLogins]
) -> None:
    gateway, fake = browser
    fake.begin("s1")

    forged = await post(gateway, COOKIE, "Origin: https://evil.example", "X-CSRF: 1", host=HOST)
    nobody = await post(gateway, "Cookie: __Host-session=no", *PAGE, host=HOST)
    elsewhere = await post(gateway, COOKIE, *PAGE, host="other.example")
    answer = await post(gateway, COOKIE, *PAGE, host=HOST)

    assert (forged.status, reason(forged)) == (403, "csrf_refused")
    assert (nobody.status, reason(nobody)) == (401, "login_required")
    assert reason(elsewhere) == "login_misdirected"
    assert answer.status == 201
    opened = await use(gateway, json.loads(answer.body)["ticket"], "/socket/x", host=HOST)
    assert opened.status == 200
    assert service.requests[-1].one(b"X-Gateway-Subject") == b"alice"
