"""The paths that logins answer themselves, before any route."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.login.requests import Endpoint, LoginResponse
from tests.proxy.fake_logins import (
    HOST,
    ORIGIN,
    ROUTES,
    LoginWorld,
    login_sections,
    running_logins,
    until_so,
)
from tests.proxy.gateways import RunningGateway
from tests.proxy.hostile import reason
from tests.proxy.messages import make_chunked, make_request, read_answer
from tests.proxy.service import Service

PAGE = LoginResponse(
    200,
    (
        ("Content-Type", "text/html"),
        ("Set-Cookie", "__Host-login-0123456789ab=a; Path=/"),
        ("Set-Cookie", "__Host-login-0123456789ac=b; Path=/"),
        ("Cache-Control", "public"),
    ),
    b"<p>hello",
)


@pytest.fixture
async def world(service: Service, tmp_path: Path) -> AsyncIterator[LoginWorld]:
    async with running_logins(tmp_path, [service.url]) as made:
        yield made


def call(
    path: str,
    *lines: bytes,
    method: str = "GET",
    body: bytes | None = None,
    host: str = HOST,
    version: str = "1.1",
) -> bytes:
    return make_request(path, *lines, method=method, body=body, host=host, version=version)


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("GET", "/oauth/login?to=/app/x", Endpoint.LOGIN),
        ("GET", "/oauth/callback?code=c&state=s", Endpoint.CALLBACK),
        ("POST", "/oauth/logout", Endpoint.LOGOUT),
        ("GET", "/oauth/userinfo", Endpoint.USERINFO),
        ("POST", "/oauth/backchannel-logout", Endpoint.BACKCHANNEL_LOGOUT),
    ],
)
async def test_a_login_answers_its_own_paths(
    method: str, path: str, endpoint: Endpoint, world: LoginWorld, service: Service
) -> None:
    world.logins.response = PAGE
    cookie = b"Cookie: a=1; __Host-session=s1; __Host-login-0123456789ab=l"
    fields = (b"Origin: https://app.example", b"Sec-Fetch-Site: same-origin", b"X-CSRF: 1")
    body = b"a=b" if method == "POST" else None

    answer = await world.gateway.ask(call(path, cookie, *fields, method=method, body=body))

    assert (answer.status, answer.body) == (200, b"<p>hello")
    assert len(answer.all(b"set-cookie")) == 2
    assert answer.all(b"cache-control") == [b"no-store"]
    assert len(answer.one(b"x-request-id")) == 24
    (asked,) = world.logins.served
    assert (asked.endpoint, asked.method, asked.target) == (endpoint, method, path)
    assert (asked.is_navigation, asked.logins, asked.authority) == (False, ("web",), HOST)
    assert asked.cookies == {"__Host-session": "s1", "__Host-login-0123456789ab": "l"}
    assert (asked.origin, asked.site, asked.csrf) == (ORIGIN, "same-origin", "1")
    assert asked.body == (body or b"")
    assert service.requests == []
    assert not answer.has(b"access-control-allow-origin")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/oauth/login", b"GET, HEAD"),
        ("HEAD", "/oauth/callback", b"GET"),
        ("GET", "/oauth/logout", b"POST"),
        ("DELETE", "/oauth/userinfo", b"GET, HEAD"),
        ("OPTIONS", "/oauth/userinfo", b"GET, HEAD"),
        ("GET", "/oauth/backchannel-logout", b"POST"),
    ],
)
async def test_other_methods_are_refused(
    method: str, path: str, allow: bytes, world: LoginWorld
) -> None:
    lines = (b"Origin: https://app.example", b"Access-Control-Request-Method: GET")

    answer = await world.gateway.ask(call(path, *lines, method=method), is_head=method == "HEAD")

    assert (answer.status, answer.one(b"allow")) == (405, allow)
    assert world.logins.served == []


@pytest.mark.parametrize(
    "path", ["/oauth/login/", "/oauth/%6cogin", "/oauth//login", "/oauth/Login", "/oauth/other"]
)
async def test_other_spellings_of_a_path_are_for_routes(path: str, world: LoginWorld) -> None:
    answer = await world.gateway.ask(call(path))

    assert reason(answer) in {"route_not_found", "path_rejected"}
    assert world.logins.served == []


@pytest.mark.parametrize("host", ["evil.example", "app.example:8443", "app.example."])
async def test_another_host_has_no_login(host: str, world: LoginWorld) -> None:
    answer = await world.gateway.ask(call("/oauth/login?to=/app/x", host=host))

    assert (answer.status, reason(answer)) == (421, "login_misdirected")
    assert world.logins.served == []


async def test_a_route_without_a_login_may_own_the_path_on_another_host(
    service: Service, tmp_path: Path
) -> None:
    match = {"hosts": ["other.example"], "path_prefix": "/"}
    routes = [*ROUTES, {"name": "other", "match": match, "upstream": "main", "public": True}]
    async with running_logins(tmp_path, [service.url], routes=routes) as world:
        other = await world.gateway.ask(call("/oauth/login", host="other.example"))

    assert other.status == 200
    assert [request.target for request in service.requests] == [b"/oauth/login"]


async def test_head_has_no_body(world: LoginWorld) -> None:
    world.logins.response = PAGE
    wire = await world.gateway.connect()
    for _ in range(2):
        wire.send(call("/oauth/login", method="HEAD"))
        answer = await read_answer(wire, is_head=True)
        assert answer.one(b"content-length") == b"8"


@pytest.mark.parametrize("size", [0, 1, 40_000, 64 * 1024])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_is_read_whole(size: int, is_chunked: bool, world: LoginWorld) -> None:
    world.logins.response = LoginResponse(200)
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    wire = await world.gateway.connect()
    if is_chunked:
        pieces = [body[at : at + 9000] for at in range(0, size, 9000)]
        framed = make_chunked(*pieces)
        head = call("/oauth/logout", b"Transfer-Encoding: chunked", method="POST")
        sent = head + framed
    else:
        sent = call("/oauth/logout", method="POST", body=body)

    for number in range(2):
        wire.send(sent[:100])
        await asyncio.sleep(0)
        wire.send(sent[100:] + call("/oauth/userinfo"))
        assert (await read_answer(wire)).status == 200
        assert (await read_answer(wire)).status == 200
        assert world.logins.served[2 * number].body == body


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_larger_body_is_refused(is_chunked: bool, world: LoginWorld) -> None:
    body = b"x" * (64 * 1024 + 1)
    wire = await world.gateway.connect()
    if is_chunked:
        head = call("/oauth/logout", b"Transfer-Encoding: chunked", method="POST")
        wire.send(head + make_chunked(body[:40_000], body[40_000:]))
    else:
        wire.send(call("/oauth/logout", method="POST", body=body))

    answer = await read_answer(wire)

    assert (answer.status, reason(answer)) == (413, "body_too_large")
    await wire.wait_end()
    assert world.logins.served == []


async def test_a_client_that_waits_for_a_100_gets_it(world: LoginWorld) -> None:
    world.logins.response = LoginResponse(200)
    wire = await world.gateway.connect()
    wire.send(call("/oauth/logout", b"Expect: 100-continue", b"Content-Length: 3", method="POST"))

    assert await wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"a=b")
    assert (await read_answer(wire)).status == 200
    assert world.logins.served[0].body == b"a=b"


async def test_a_refusal_of_a_login_is_logged_with_its_reason(world: LoginWorld) -> None:
    world.logins.response = LoginResponse(
        400, (("Content-Type", "text/plain"),), b"no", Reason.LOGIN_FAILED, "the state is unknown"
    )

    answer = await world.gateway.ask(call("/oauth/callback?code=secret"))

    assert (answer.status, answer.body) == (400, b"no")
    kept = world.gateway.gateway.data.find_refusal(answer.one(b"x-request-id").decode())
    assert kept is not None
    assert (kept["reason"], kept["detail"]) == ("login_failed", "the state is unknown")
    assert (kept["status"], kept["path"]) == (400, "/oauth/callback")
    assert _decided(world.gateway, "login_failed") == 1


def _decided(gateway: RunningGateway, code: str, route: str = "") -> float:
    return gateway.metric("gateway_decisions_total", route=route, reason=code)


async def test_each_request_is_counted_once(world: LoginWorld) -> None:
    world.logins.response = PAGE
    for path in ("/oauth/login", "/oauth/userinfo"):
        await world.gateway.ask(call(path))

    assert _decided(world.gateway, "allow") == 2


async def test_http_1_0_gets_an_answer_and_a_close(world: LoginWorld) -> None:
    world.logins.response = PAGE
    wire = await world.gateway.connect()
    wire.send(call("/oauth/login", version="1.0"))

    answer = await read_answer(wire)

    assert (answer.status, answer.one(b"connection")) == (200, b"close")
    await wire.wait_end()


async def test_pipelined_requests_are_answered_in_order(world: LoginWorld) -> None:
    cookie = world.logins.begin("s1")
    world.logins.response = PAGE
    wire = await world.gateway.connect()
    wire.send(
        call("/app/1", cookie)
        + call("/oauth/userinfo", cookie)
        + call("/oauth/logout", cookie, method="POST", body=b"x")
        + call("/app/2", cookie)
        + call("/app/3")
    )

    answers = [await read_answer(wire) for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 200, 401]
    assert [one.endpoint.value for one in world.logins.served] == ["userinfo", "logout"]


async def test_a_client_that_leaves_gets_nothing(world: LoginWorld) -> None:
    world.logins.gate = asyncio.Event()
    wire = await world.gateway.connect()
    wire.send(call("/oauth/login"))
    await world.logins.was_asked()
    wire.reset()
    data = world.gateway.gateway.data
    await until_so(lambda: data.counts().requests_in_flight == 0)

    world.logins.gate.set()

    assert (await world.gateway.ask(call("/oauth/login"))).status == 302


async def test_a_field_that_is_not_one_line_is_never_sent(world: LoginWorld) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    world.logins.response = LoginResponse(302, (("Location", "/\r\nSet-Cookie: a=b"),))

    answer = await world.gateway.ask(call("/oauth/login"))

    assert (answer.status, reason(answer)) == (500, "internal_error")
    assert len(faults) == 1


async def test_several_logins_of_one_origin_are_all_asked(service: Service, tmp_path: Path) -> None:
    sections = login_sections()
    web = sections["login"]["web"]
    sections["login"] = {
        name: {**web, "origins": [origin], "prefix": prefix}
        for name, origin, prefix in (
            ("web", ORIGIN, "/oauth"),
            ("staff", ORIGIN, "/oauth"),
            ("else", "https://else.example", "/auth"),
        )
    }
    sections["routes"].append(
        {
            "name": "staff",
            "match": {"path_prefix": "/staff/"},
            "upstream": "main",
            "login": ["staff"],
            "require": {},
        }
    )
    async with running_logins(tmp_path, [service.url], **sections) as world:
        await world.gateway.ask(call("/oauth/login"))
        await world.gateway.ask(call("/auth/login", host="else.example"))
        refused = await world.gateway.ask(call("/staff/x"))

    assert [asked.logins for asked in world.logins.served] == [("web", "staff"), ("else",)]
    url = json.loads(refused.body)["login"]
    assert url == f"{ORIGIN}/oauth/login?to=/staff/x&login=staff"
