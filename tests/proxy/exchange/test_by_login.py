"""Requests of browsers: which session they come by, and where they log in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.login.requests import Endpoint
from tests.proxy.fake_logins import HOST, ORIGIN, LoginWorld, running_logins, until_so
from tests.proxy.gateways import bearer, make_token
from tests.proxy.hostile import reason
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, serve

NAVIGATION = (b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document", b"Sec-Fetch-Site: none")


@pytest.fixture
async def world(service: Service, tmp_path: Path) -> AsyncIterator[LoginWorld]:
    async with running_logins(tmp_path, [service.url]) as made:
        yield made


def ask_app(target: str, *lines: bytes, method: str = "GET", body: bytes | None = None) -> bytes:
    return make_request(target, *lines, method=method, body=body, host=HOST)


async def test_a_session_counts_like_its_token(world: LoginWorld, service: Service) -> None:
    cookie = world.logins.begin("s1")

    answers = [await world.gateway.ask(ask_app("/app/x", cookie)) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert len(world.logins.asked) == 1
    seen = service.requests[-1]
    assert seen.one(b"x-gateway-subject") == b"alice"
    assert not seen.has(b"cookie")
    assert not seen.has(b"authorization")


async def test_ours_are_taken_out_of_the_cookies_and_the_rest_stays(
    world: LoginWorld, service: Service
) -> None:
    """10017.6."""
    world.logins.begin("s1")
    lines = (
        b"Cookie: a=1;  b=2; __Host-session=s1;c",
        b"Cookie: __Host-login-0123456789ab=secret",
        b"Cookie: __Host-login-0123456789ac=x; d=4",
    )

    answer = await world.gateway.ask(ask_app("/app/x", *lines))

    assert answer.status == 200
    assert service.requests[-1].all(b"cookie") == [b"a=1;  b=2;c", b"d=4"]


async def test_forty_requests_at_once_share_one_question(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1")
    world.logins.gate = asyncio.Event()
    asking = [
        asyncio.ensure_future(world.gateway.ask(ask_app("/app/x", cookie))) for _ in range(40)
    ]
    await world.logins.was_asked()
    data = world.gateway.gateway.data
    await until_so(lambda: data.counts().requests_in_flight == 40)

    world.logins.gate.set()

    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert len(world.logins.asked) == 1


@pytest.mark.parametrize("token", [make_token("other"), b"not.a.jwt", make_token(exp=1)])
async def test_a_bearer_token_decides_alone(
    token: bytes, world: LoginWorld, service: Service
) -> None:
    """Not even a person who navigates is sent to a login, or let in by the session."""
    cookie = world.logins.begin("s1")

    for extra in (NAVIGATION, ()):
        answer = await world.gateway.ask(ask_app("/app/x", cookie, bearer(token), *extra))
        assert answer.status in {401, 403}
        assert b"login" not in json.loads(answer.body)
        assert answer.has(b"www-authenticate")
    good = await world.gateway.ask(ask_app("/app/x", bearer(make_token(sub="bob")), cookie))

    assert good.status == 200
    assert [one.one(b"x-gateway-subject") for one in service.requests] == [b"bob"]
    assert (world.logins.asked, world.logins.served) == ([], [])


# --- who is sent to a login


async def test_a_navigation_without_a_session_is_a_login(world: LoginWorld) -> None:
    answer = await world.gateway.ask(ask_app("/app/x?y=1", *NAVIGATION, b"Accept: text/html"))

    assert answer.status == 302
    assert answer.one(b"location") == b"https://login.example/authorize"
    assert answer.one(b"cache-control") == b"no-store"
    assert answer.has(b"x-request-id")
    (asked,) = world.logins.served
    assert (asked.endpoint, asked.is_navigation, asked.logins) == (Endpoint.LOGIN, True, ("web",))
    assert (asked.authority, asked.target, asked.accept) == (HOST, "/app/x?y=1", "text/html")
    assert asked.step_up is None
    counted = world.gateway.metric("gateway_decisions_total", route="app", reason="login_required")
    assert counted == 1


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"Sec-Fetch-Mode: cors", b"Sec-Fetch-Dest: empty", b"Accept: text/html"),
        (b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: iframe"),
        (b"Sec-Fetch-Mode: no-cors", b"Sec-Fetch-Dest: empty", b"Sec-Purpose: prefetch"),
        (*NAVIGATION, b"Sec-Purpose: prefetch;prerender"),
        (b"Accept: text/html", b"Purpose: prefetch"),
        (b"Accept: application/json",),
    ],
)
async def test_all_else_is_401_with_the_url_of_the_login(
    lines: tuple[bytes, ...], world: LoginWorld
) -> None:
    answer = await world.gateway.ask(ask_app("/app/a%20b?c=d&e", *lines))

    assert (answer.status, reason(answer)) == (401, "login_required")
    problem = json.loads(answer.body)
    assert problem["login"] == f"{ORIGIN}/oauth/login?to=/app/a%2520b%3Fc%3Dd%26e"
    assert answer.one(b"www-authenticate") == b'Bearer realm="gateway", scope="api:read"'
    assert world.logins.served == []


async def test_head_has_the_same_head_without_a_body(world: LoginWorld) -> None:
    refused = ask_app("/app/x", method="HEAD")
    whole = await world.gateway.ask(ask_app("/app/x"))
    head = await world.gateway.ask(refused, is_head=True)
    page = await world.gateway.ask(ask_app("/app/x", *NAVIGATION, method="HEAD"), is_head=True)

    assert head.one(b"content-length") == whole.one(b"content-length")
    assert page.status == 302


@pytest.mark.parametrize(
    ("claims", "path", "code"),
    [
        ({"exp": 1}, "/app/x", "token_expired"),
        ({"acr": "bronze", "auth_time": 1}, "/step/x", "authentication_too_weak"),
        ({"acr": "gold", "auth_time": 1}, "/step/x", "authentication_too_old"),
    ],
)
async def test_a_new_login_follows_where_it_helps(
    claims: dict[str, Any], path: str, code: str, world: LoginWorld
) -> None:
    cookie = world.logins.begin("s1", make_token(**claims))

    fetched = await world.gateway.ask(ask_app(path, cookie))
    answer = await world.gateway.ask(ask_app(path, cookie, *NAVIGATION))

    assert (fetched.status, reason(fetched)) == (401, code)
    assert json.loads(fetched.body)["login"].startswith(f"{ORIGIN}/oauth/login?to=")
    assert answer.status == 302
    step_up = world.logins.served[-1].step_up
    wanted = None if step_up is None else (step_up.acr_values, step_up.max_age_seconds)
    assert wanted == ((("gold",), 300) if code.startswith("auth") else None)


async def test_where_no_login_helps_there_is_none(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1", make_token("other"))

    answer = await world.gateway.ask(ask_app("/app/x", cookie, *NAVIGATION))

    assert (answer.status, reason(answer)) == (403, "scope_missing")
    assert "login" not in json.loads(answer.body)


async def test_a_login_on_another_host_is_misdirected(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1")

    answers = [
        await world.gateway.ask(make_request("/app/x", cookie, *extra, host=host))
        for host in ("evil.example", f"{HOST}:8443", f"{HOST}.")
        for extra in (NAVIGATION, ())
    ]

    assert {(answer.status, reason(answer)) for answer in answers} == {(421, "login_misdirected")}
    assert all(json.loads(one.body)["login"].startswith(f"https://{HOST}/") for one in answers)
    assert world.logins.served == []


# --- faults


@pytest.mark.parametrize("path", ["/app/x", "/maybe/x"])
@pytest.mark.parametrize("fault", [Reason.SESSIONS_UNAVAILABLE, Reason.LOGIN_UNAVAILABLE])
async def test_nobody_is_logged_in_or_out_while_sessions_are_unavailable(
    fault: Reason, path: str, world: LoginWorld, service: Service
) -> None:
    cookie = world.logins.begin("s1")
    world.logins.fault = fault

    answers = [await world.gateway.ask(ask_app(path, cookie, *extra)) for extra in ((), NAVIGATION)]
    without = await world.gateway.ask(ask_app("/maybe/x"))

    assert [(answer.status, reason(answer)) for answer in answers] == [(503, fault.code)] * 2
    assert not any(answer.has(b"set-cookie") for answer in answers)
    assert without.status == 200
    assert len(service.requests) == 1


async def test_a_fault_of_our_own_is_no_verdict(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1")
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    world.logins.fault = RuntimeError("a bug")

    refused = await world.gateway.ask(ask_app("/app/x", cookie))
    page = await world.gateway.ask(ask_app("/app/x", *NAVIGATION))
    world.logins.fault = None
    answer = await world.gateway.ask(ask_app("/app/x", cookie))

    assert [reason(refused), reason(page)] == ["internal_error"] * 2
    assert answer.status == 200
    assert len(faults) == 2


# --- cross-site request forgery


@pytest.mark.parametrize(
    ("lines", "is_allowed"),
    [
        ((b"X-CSRF: 1", b"Origin: https://app.example"), True),
        ((b"X-CSRF: 1", b"Sec-Fetch-Site: same-origin"), True),
        ((b"X-CSRF: 1", b"Origin: https://app.example", b"Sec-Fetch-Site: same-origin"), True),
        ((b"X-CSRF: 1",), False),
        ((b"Origin: https://app.example", b"Sec-Fetch-Site: same-origin"), False),
        ((b"X-CSRF: 0", b"Origin: https://app.example"), False),
        ((b"X-CSRF: 1", b"X-CSRF: 1", b"Origin: https://app.example"), False),
        ((b"X-CSRF: 1", b"Origin: https://evil.example"), False),
        ((b"X-CSRF: 1", b"Origin: null", b"Sec-Fetch-Site: same-origin"), False),
        ((b"X-CSRF: 1", b"Origin:", b"Sec-Fetch-Site: same-origin"), False),
        (
            (
                b"X-CSRF: 1",
                b"Origin: https://app.example",
                b"Origin: https://app.example",
                b"Sec-Fetch-Site: same-origin",
            ),
            False,
        ),
        ((b"X-CSRF: 1", b"Origin: https://app.example", b"Sec-Fetch-Site: same-site"), False),
        ((b"X-CSRF: 1", b"Origin: http://app.example"), False),
        ((b"X-CSRF: 1", b"Origin: https://app.example:444"), False),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_may_change_state_must_come_from_the_apps_own_page(
    lines: tuple[bytes, ...],
    is_allowed: bool,
    method: str,
    world: LoginWorld,
    service: Service,
) -> None:
    """10017.3"""
    cookie = world.logins.begin("s1")
    body = b"{}" if method == "POST" else None

    answer = await world.gateway.ask(
        ask_app("/app/x", cookie, *lines, *NAVIGATION[:2], method=method, body=body)
    )

    if is_allowed:
        assert answer.status == 200
        assert not service.requests[-1].has(b"x-csrf")
    else:
        assert (answer.status, reason(answer)) == (403, "csrf_refused")
        assert service.requests == []


async def test_a_bearer_request_keeps_its_csrf_field(world: LoginWorld, service: Service) -> None:
    cookie = world.logins.begin("s1")
    wire = await world.gateway.connect()
    for _ in range(3):
        for lines in ((cookie, b"X-CSRF: 1"), (bearer(), b"X-CSRF: 1")):
            wire.send(ask_app("/app/x", *lines))
            assert (await read_answer(wire)).status == 200
        wire.send(ask_app("/open/x", cookie, b"X-CSRF: 1"))
        assert (await read_answer(wire)).status == 200

    seen = [request.has(b"x-csrf") for request in service.requests]

    assert seen == [False, True, True] * 3


# --- what the service and the client get


async def test_the_token_is_forwarded_where_bearer_tokens_are(
    service: Service, tmp_path: Path
) -> None:
    forwarding = {"identity": {"forward_token": True}}
    async with running_logins(tmp_path, [service.url], **forwarding) as world:
        cookie = world.logins.begin("s1")
        wire = await world.gateway.connect()
        for _ in range(3):
            wire.send(ask_app("/app/x", cookie))
            assert (await read_answer(wire)).status == 200
        wire.send(ask_app("/open/x", cookie))
        assert (await read_answer(wire)).status == 200

    token = b"Bearer " + world.logins.sessions["s1"].token
    assert [one.all(b"authorization") for one in service.requests] == [[token]] * 3 + [[]]


@pytest.mark.parametrize("forwards", [False, True])
async def test_no_connection_remembers_the_token_of_a_session_as_sent_by_the_client(
    forwards: bool, service: Service, tmp_path: Path
) -> None:
    """10017.3 and 10017.6: on a new connection, by a session that is at hand, the same fields."""
    forwarding = {"identity": {"forward_token": forwards}}
    async with running_logins(tmp_path, [service.url], **forwarding) as world:
        cookie = world.logins.begin("s1")
        assert (await world.gateway.ask(ask_app("/app/x", cookie))).status == 200
        wire = await world.gateway.connect()

        async def ask(target: str, method: str = "GET", *lines: bytes) -> int:
            wire.send(ask_app(target, cookie, *lines, method=method))
            return (await read_answer(wire)).status

        assert [await ask("/app/x") for _ in range(3)] == [200] * 3
        assert [await ask("/app/x", method) for method in ("DELETE", "POST")] == [403] * 2
        assert await ask("/api/x") == 401
        assert await ask("/open/x") == 200
        assert not service.requests[-1].has(b"authorization")
        world.logins.end("s1")
        assert await ask("/app/x") == 401


async def test_a_page_may_change_state_with_the_fields_that_it_has_read_with(
    world: LoginWorld, service: Service
) -> None:
    """The field X-CSRF is not forwarded, and still there for the next request."""
    cookie = world.logins.begin("s1")
    lines = (cookie, b"X-CSRF: 1", b"Origin: https://app.example")
    assert (await world.gateway.ask(ask_app("/app/x", *lines))).status == 200
    wire = await world.gateway.connect()
    for method in ("GET", "GET", "DELETE", "GET", "POST"):
        wire.send(ask_app("/app/x", *lines, method=method))
        assert (await read_answer(wire)).status == 200
        assert not service.requests[-1].has(b"x-csrf")


@pytest.mark.parametrize("scope", ["api:read", "other"])
async def test_the_cookies_of_a_session_are_sent_with_the_next_responses(
    scope: str, world: LoginWorld
) -> None:
    new = b"__Host-session=s2; Path=/; Secure; HttpOnly; SameSite=Lax"
    cookie = world.logins.begin("s1", make_token(scope), cookies=(new, b"__Host-session.1=; x"))

    answers = [await world.gateway.ask(ask_app("/app/x", cookie)) for _ in range(2)]

    for answer in answers:
        assert answer.all(b"set-cookie") == [new, b"__Host-session.1=; x"]
    assert len(world.logins.asked) == 1


async def test_no_cache_gives_one_browsers_session_to_another(
    world: LoginWorld, service: Service
) -> None:
    """RFC 9111 §7.3: a response with Set-Cookie is stored like any other; RFC 9213 §2.2."""
    new = b"__Host-session=s2; Path=/; Secure; HttpOnly; SameSite=Lax"
    cookie = world.logins.begin("s1", cookies=(new,))
    age = b"public, max-age=60"
    lines = (b"Cache-Control: " + age, b"CDN-Cache-Control: " + age)
    service.script = serve(make_answer(b"", *lines))
    answer = await world.gateway.ask(ask_app("/app/x", cookie))

    assert answer.all(b"set-cookie") == [new]
    assert answer.all(b"cache-control") == [age, b"no-store"]
    assert answer.all(b"cdn-cache-control") == [age, b"no-store"]


async def test_no_shared_cache_stores_what_came_by_session(
    world: LoginWorld, service: Service
) -> None:
    """RFC 9111 §3.5: with a token in Authorization it would not, and services may count on that."""
    cookie = world.logins.begin()
    fresh = make_answer(b"", b"Cache-Control: max-age=60")
    service.script = serve(make_answer(b""), fresh, make_answer(b""), make_answer(b""))
    wire = await world.gateway.connect()
    found = []
    for target, line in (
        ("/app/x", cookie),
        ("/app/x", cookie),
        ("/app/x", bearer()),
        ("/open/x", cookie),
    ):
        wire.send(ask_app(target, line))
        found.append((await read_answer(wire)).all(b"cache-control"))

    assert found == [[b"private"], [b"max-age=60", b"private"], [], []]


async def test_no_service_sets_a_cookie_of_ours(world: LoginWorld, service: Service) -> None:
    forged = (
        b"Set-Cookie: __Host-session=evil; Path=/",
        b"Set-Cookie: a=1",
        b"set-cookie: __HOST-session.1=evil",
        b"Set-Cookie: =__Host-session=evil",
        b"Set-Cookie: __Host-login-0123456789ab=evil",
        b"Set-Cookie: __Host-other=2",
    )
    early = b"\r\n".join((b"HTTP/1.1 103 Early", forged[0], forged[1], b"", b""))
    service.script = serve(early + make_answer(b"", *forged))

    for target in ("/open/x", "/maybe/x"):
        wire = await world.gateway.connect()
        wire.send(ask_app(target))
        interim = await wire.read_until(b"\r\n\r\n")
        answer = await read_answer(wire)
        assert (b"evil" in interim, b"a=1" in interim) == (False, True)
        assert answer.all(b"set-cookie") == [b"a=1", b"__Host-other=2"]
