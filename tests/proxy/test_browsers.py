"""Browsers and everything else that a gateway does: reloads, limits, reports, logs, draining."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.browser import BrowserFields
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Allow, Deny, NeedCredentials, Needed, NeedKeys, Settled
from gateway.login.requests import LoginsGone
from gateway.proxy.port import Decider
from tests.proxy.fake_logins import HOST, ORIGIN, LoginWorld, login_sections, running_logins
from tests.proxy.gateways import bearer, make_token
from tests.proxy.hostile import reason
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service
from tests.proxy.wire import Wire

__all__ = ["log"]  # a fixture

SECRET = b"Cookie: a=1; __Host-session=secret"
NO_LOGIN: Mapping[str, Any] = {
    "login": {},
    "routes": [{"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}],
}
OWN = ORIGIN.encode()
PAGE = (b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")


@pytest.fixture
async def world(service: Service, tmp_path: Path) -> AsyncIterator[LoginWorld]:
    async with running_logins(tmp_path, [service.url]) as made:
        yield made


def ask_app(target: str, *lines: bytes, method: str = "GET") -> bytes:
    return make_request(target, *lines, method=method, host=HOST)


async def reload(world: LoginWorld, **changes: Any) -> None:
    assert await world.gateway.gateway.reload(world.settings(**changes)) is None


# --- reloads


async def test_our_cookies_are_kept_from_services_through_every_reload(
    service: Service, tmp_path: Path
) -> None:
    """The same bytes on one connection: nothing remembers the cookie as harmless, or forgets."""
    async with running_logins(tmp_path, [service.url], **NO_LOGIN) as world:
        wire = await world.gateway.connect()
        for changes, is_kept in (({}, True), (None, False), (NO_LOGIN, False), (None, False)):
            if changes != {}:
                await reload(world, **(changes or {}))
            for _ in range(2):
                wire.send(ask_app("/open/x", SECRET))
                assert (await read_answer(wire)).status == 200
                seen = service.requests[-1].all(b"cookie")
                assert seen == [SECRET[8:] if is_kept else b"a=1"]


async def test_a_head_that_is_half_read_at_a_reload_is_read_by_the_new_rules(
    service: Service, tmp_path: Path
) -> None:
    async with running_logins(tmp_path, [service.url], **NO_LOGIN) as world:
        wire = await world.gateway.connect()
        whole = ask_app("/app/x", SECRET)
        wire.send(whole[:-2])
        await world.gateway.wait_still(lambda: 0)
        world.logins.begin("secret")
        await reload(world)
        wire.send(whole[-2:])

        assert (await read_answer(wire)).status == 200

    assert service.requests[-1].all(b"cookie") == [b"a=1"]
    assert service.requests[-1].one(b"x-gateway-subject") == b"alice"


async def test_a_response_that_comes_after_a_reload_sets_none_of_our_cookies(
    service: Service, tmp_path: Path
) -> None:
    answer_now = asyncio.Event()

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await answer_now.wait()
        wire.send(make_answer(b"", b"Set-Cookie: __Host-session=evil", b"Set-Cookie: b=2"))

    service.script = script
    async with running_logins(tmp_path, [service.url], **NO_LOGIN) as world:
        wire = await world.gateway.connect()
        wire.send(ask_app("/open/x"))
        await service.request()
        await reload(world, **NO_LOGIN)
        await reload(world)
        answer_now.set()

        assert (await read_answer(wire)).all(b"set-cookie") == [b"b=2"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, 200, None),
        ({"routes": [{**login_sections()["routes"][1], "require": {"scopes": ["z"]}}]}, 403, None),
        ({**NO_LOGIN, "routes": [{**login_sections()["routes"][6], "match": {"path_prefix": "/"}}]},
         401, "token_missing"),
    ],
)  # fmt: skip
async def test_a_request_that_waits_for_its_session_is_decided_by_the_new_rules(
    changes: dict[str, Any], status: int, code: str | None, world: LoginWorld, service: Service
) -> None:
    cookie = world.logins.begin("s1")
    world.logins.gate = asyncio.Event()
    wire = await world.gateway.connect()
    wire.send(ask_app("/app/x", cookie, b"X-CSRF: 1"))
    await world.logins.was_asked()
    await reload(world, **changes)

    world.logins.gate.set()
    answer = await read_answer(wire)

    assert answer.status == status
    assert code is None or reason(answer) == code
    assert len(service.requests) == (status == 200)
    assert not any(one.has(b"cookie") or one.has(b"x-csrf") for one in service.requests)


class WithoutKeys:
    """Decides as *admission* does, but lacks the keys until *gate* opens."""

    def __init__(self, admission: Decider) -> None:
        self.decide = admission.decide
        self.decide_for = admission.decide_for
        self.decide_with_answers = admission.decide_with_answers
        self.find_revocation = admission.find_revocation
        self.gate = asyncio.Event()
        self.was_asked = asyncio.Event()
        self._admission = admission

    def decide_by_session(
        self,
        head: RequestHead,
        browser: BrowserFields,
        session: SessionCredential,
        match: Match | None = None,
    ) -> Settled | Needed | NeedCredentials:
        verdict = self._admission.decide_by_session(head, browser, session, match)
        if isinstance(verdict, Allow):
            return NeedKeys("main", None, Deny(Reason.KEYS_UNAVAILABLE, "", verdict.route))
        return verdict

    async def decide_after(
        self, head: RequestHead, need: Needed, match: Match | None = None
    ) -> Settled:
        self.was_asked.set()
        await self.gate.wait()
        return await self._admission.decide_after(head, need, match)


@pytest.mark.parametrize("is_reloaded", [False, True])
@pytest.mark.parametrize("lines", [(), (b"X-CSRF: 1",), (b"X-CSRF: 1", b"Origin: " + OWN)])
async def test_a_request_by_session_that_waits_for_keys_is_forwarded_as_one(
    lines: tuple[bytes, ...], is_reloaded: bool, service: Service, tmp_path: Path
) -> None:
    """Through a reload as well."""
    forwarding = {"identity": {"forward_token": True}}
    async with running_logins(tmp_path, [service.url], **forwarding) as world:
        port = world.gateway.gateway.data._serving.port
        slow = port.admission = WithoutKeys(port.admission)
        cookie = world.logins.begin("s1", cookies=(b"__Host-session=s2",))
        wire = await world.gateway.connect()
        wire.send(ask_app("/app/x", cookie, *lines, method="DELETE" if lines else "GET"))
        if len(lines) == 1:
            assert reason(await read_answer(wire)) == "csrf_refused"
            return
        await slow.was_asked.wait()
        if is_reloaded:
            await reload(world, **forwarding)
        slow.gate.set()
        answer = await read_answer(wire)

    assert (answer.status, len(world.logins.asked)) == (200, 2 if is_reloaded else 1)
    assert answer.all(b"set-cookie") == [b"__Host-session=s2"]
    (seen,) = service.requests
    assert seen.one(b"authorization") == b"Bearer " + world.logins.sessions["s1"].token
    assert not seen.has(b"x-csrf")
    assert not seen.has(b"cookie")


async def test_a_session_is_not_taken_for_a_token_after_a_reload_while_keys_are_fetched(
    service: Service, tmp_path: Path
) -> None:
    """The new configuration has another origin, so there is no session on this host any more."""
    forwarding = {"identity": {"forward_token": True}}
    async with running_logins(tmp_path, [service.url], **forwarding) as world:
        port = world.gateway.gateway.data._serving.port
        slow = port.admission = WithoutKeys(port.admission)
        cookie = world.logins.begin("s1")
        wire = await world.gateway.connect()
        wire.send(ask_app("/app/x", cookie, b"X-CSRF: 1", b"Origin: " + OWN, method="DELETE"))
        await slow.was_asked.wait()
        other = login_sections(origins=["https://else.example"])
        await reload(world, **other, **forwarding)
        slow.gate.set()

        assert reason(await read_answer(wire)) == "login_misdirected"

    assert service.requests == []


# --- what a route says


async def test_report_mode_lets_everybody_through_without_a_name(
    world: LoginWorld, service: Service
) -> None:
    cookie = world.logins.begin("s1")

    answers = [
        await world.gateway.ask(ask_app("/report/x", *lines))
        for lines in ((), PAGE, (cookie,), (cookie, *PAGE))
    ]
    world.logins.fault = Reason.SESSIONS_UNAVAILABLE
    answers.append(await world.gateway.ask(ask_app("/report/x", b"Cookie: __Host-session=x")))

    assert {answer.status for answer in answers} == {200}
    assert not any(one.has(b"x-gateway-subject") for one in service.requests)
    assert not any(one.has(b"cookie") for one in service.requests)
    for code, count in (("login_required", 2), ("scope_missing", 2), ("sessions_unavailable", 1)):
        reported = world.gateway.metric("gateway_would_deny_total", route="report", reason=code)
        assert reported == count


async def test_an_optional_route_knows_who_has_a_session(
    world: LoginWorld, service: Service
) -> None:
    for lines in ((), PAGE, (world.logins.begin("s1"),), (b"Cookie: __Host-session=gone",)):
        assert (await world.gateway.ask(ask_app("/maybe/x", *lines))).status == 200

    named = [one.all(b"x-gateway-subject") for one in service.requests]
    assert named == [[], [], [b"alice"], []]


async def test_rate_limits_count_the_subject_whichever_way_it_came(
    service: Service, tmp_path: Path
) -> None:
    sections = login_sections()
    sections["routes"][1]["rate_limits"] = ["each"]
    sections["rate_limits"] = {"each": {"rate": "2/1h", "key": "subject"}}
    async with running_logins(tmp_path, [service.url], **sections) as world:
        new = b"__Host-session=s2"
        cookie = world.logins.begin("s1", cookies=(new,))

        answers = [
            await world.gateway.ask(ask_app("/app/x", line)) for line in (cookie, bearer(), cookie)
        ]
        other = await world.gateway.ask(
            ask_app("/app/x", world.logins.begin("s3", make_token(sub="bob")))
        )

    assert [answer.status for answer in (*answers, other)] == [200, 200, 429, 200]
    assert [answer.all(b"set-cookie") for answer in answers] == [[new], [], [new]]
    assert all(answer.has(b"ratelimit") for answer in answers)


async def test_pages_of_other_origins_may_read_refusals_as_cors_says(
    service: Service, tmp_path: Path
) -> None:
    sections = login_sections()
    friend = "https://friend.example"
    sections["routes"][1]["cors"] = {"origins": [friend], "credentials": True}
    async with running_logins(tmp_path, [service.url], **sections) as world:
        cookie = world.logins.begin("s1", make_token("other"))
        lines = (f"Origin: {friend}".encode(), b"Sec-Fetch-Site: cross-site")
        answers = [
            await world.gateway.ask(ask_app("/app/x", *lines, *extra))
            for extra in ((), (cookie,), (b"X-CSRF: 1", cookie))
        ]
        posted = await world.gateway.ask(
            ask_app("/app/x", *lines, cookie, b"X-CSRF: 1", method="DELETE")
        )
        userinfo = await world.gateway.ask(ask_app("/oauth/userinfo", *lines, cookie))

    for answer in (*answers, posted):
        assert answer.one(b"access-control-allow-origin") == friend.encode()
        assert answer.one(b"vary") == b"Origin"
    assert [answer.status for answer in answers] == [401, 403, 403]
    assert (posted.status, reason(posted)) == (403, "csrf_refused")
    assert not any(name.lower().startswith(b"access-control-") for name, _ in userinfo.fields)


# --- the access log


async def test_a_line_says_that_the_caller_came_by_session(
    service: Service, tmp_path: Path, log: Log
) -> None:
    async with running_logins(tmp_path, [service.url], access_log="stdout") as world:
        cookie = world.logins.begin("s1-secret")
        weak = world.logins.begin("s2-secret", make_token("other"))
        for line in (cookie, cookie, weak, bearer()):
            await world.gateway.ask(ask_app("/app/x", line))
        await world.gateway.ask(ask_app("/app/x", *PAGE))
        await world.gateway.ask(ask_app("/oauth/userinfo", cookie))
        lines = await log.lines(world.gateway)

    assert [(one["status"], one["subject"], one.get("login")) for one in lines] == [
        (200, "alice", "web"),
        (200, "alice", "web"),
        (403, "alice", "web"),
        (200, "alice", None),
        (302, None, None),
        (302, None, None),
    ]
    assert [one["reason"] for one in lines[4:]] == ["login_required", None]
    assert "secret" not in log.text


# --- the end


async def test_a_login_in_flight_is_answered_before_the_gateway_ends(world: LoginWorld) -> None:
    world.logins.gate = asyncio.Event()
    wire = await world.gateway.connect()
    wire.send(ask_app("/app/x", *PAGE))
    await world.logins.was_asked()
    draining = asyncio.ensure_future(world.gateway.gateway.drain())
    await asyncio.sleep(0)

    world.logins.gate.set()
    answer = await read_answer(wire)
    await draining

    assert (answer.status, answer.one(b"connection")) == (302, b"close")


async def test_without_whoever_keeps_the_sessions_nobody_logs_in(world: LoginWorld) -> None:
    world.logins.fault = LoginsGone()
    posted = ask_app("/oauth/logout", f"Origin: {ORIGIN}".encode(), method="POST")

    answers = [
        await world.gateway.ask(one)
        for one in (ask_app("/app/x", *PAGE), ask_app("/oauth/login"), posted)
    ]

    assert {(one.status, reason(one)) for one in answers} == {(503, "sessions_unavailable")}
    assert not any(one.has(b"set-cookie") for one in answers)


async def test_cve_2025_54576_the_query_opens_no_route(world: LoginWorld, service: Service) -> None:
    """oauth2-proxy matched the paths that need no login against path and query."""
    for target in ("/app/x?/open/x", "/app/x?y=/open/", "/app/x?../open/x"):
        answer = await world.gateway.ask(ask_app(target))
        assert (answer.status, reason(answer)) == (401, "login_required")

    assert service.requests == []


async def test_cve_2026_40575_no_field_of_a_client_says_what_it_asks_for(
    world: LoginWorld, service: Service
) -> None:
    """oauth2-proxy believed X-Forwarded-Uri of anybody."""
    names = ("X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path")
    lines = [f"{name}: /open/x".encode() for name in names]

    refused = await world.gateway.ask(ask_app("/app/x", *lines, *PAGE[:1]))
    misled = await world.gateway.ask(
        make_request("/app/x", *PAGE, f"X-Forwarded-Host: {HOST}", host="evil.example")
    )

    assert (refused.status, reason(refused)) == (401, "login_required")
    assert (misled.status, reason(misled)) == (421, "login_misdirected")
    assert service.requests == []
    assert world.logins.served == []


async def test_logins_in_flight_have_a_limit(world: LoginWorld) -> None:
    logins = world.gateway.gateway.data._serving.port.logins
    assert logins is not None
    logins.serving = 1024

    answers = [await world.gateway.ask(ask_app(one, *PAGE)) for one in ("/app/x", "/oauth/login")]
    assert {(one.status, reason(one)) for one in answers} == {(503, "overloaded")}
    assert world.logins.served == []
    logins.serving = 0
    assert (await world.gateway.ask(ask_app("/oauth/login"))).status == 302
    assert logins.serving == 0
