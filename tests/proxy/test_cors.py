"""CORS: pages read what their origin may, are told why they were refused, and open nothing."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.browser import Browser, NetworkError
from tests.proxy.gateways import (
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service, serve

APP = "https://app.example.com"
CORS = {"origins": [APP, "https://*.example.org"]}


def route(name: str, cors: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    made = {"name": name, "match": {"path_prefix": f"/{name}/"}, "upstream": "main"}
    access = {} if "public" in more else {"require": {"scopes": ["api:read"]}}
    return {**made, **access, **({} if cors is None else {"cors": cors}), **more}


ROUTES = [
    route("api", CORS),
    route("plain", None),
    route("session", {**CORS, "credentials": True, "max_age": "1h"}),
    route("open", {"origins": ["*"]}, public=True),
    route("sandbox", {"origins": ["null"]}, public=True),
    route("down", CORS, upstream="gone", public=True),
    {
        "name": "read",
        "match": {"path": "/split/{id}", "methods": ["GET", "HEAD"]},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
        "cors": CORS,
    },
    {
        "name": "write",
        "match": {"path": "/split/{id}", "methods": ["PUT"]},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
        "cors": {"origins": ["https://admin.example.com"], "headers": ["Authorization"]},
    },
    {
        "name": "some",
        "match": {"path": "/some/{id}", "methods": ["GET", "PUT", "DELETE"]},
        "upstream": "main",
        "public": True,
        "cors": {"origins": [APP], "methods": ["PUT"], "expose": ["X-Total"]},
    },
    {
        "name": "limited",
        "match": {"path_prefix": "/limited/"},
        "upstream": "main",
        "public": True,
        "cors": CORS,
        "rate_limits": ["few"],
    },
]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        own = (
            b"Access-Control-Allow-Origin: *",
            b"access-control-allow-credentials: true",
            b"Access-Control-Expose-Headers: X-Secret",
            b"X-Total: 7",
            b"X-Secret: 8",
            b"Vary: Accept",
        )
        started.script = serve(make_answer(b"hello", *own))
        yield started


@pytest.fixture
async def gateway(service: Service, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    changes = {
        "routes": unshared(ROUTES),
        "upstreams": {
            "main": {"servers": [service.url]},
            "gone": {"servers": ["http://127.0.0.1:1"]},
        },
        "rate_limits": {"few": {"rate": "1/1h", "key": "address"}},
    }
    path = write_config(tmp_path, [service.url], changes)
    async with running_gateway(load(path)) as running:
        yield running


def unshared(routes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *routes* without parts in common, which YAML would write as references."""
    copied: list[dict[str, Any]] = json.loads(json.dumps(routes))
    return copied


def authorized(**claims: Any) -> dict[str, str]:
    return {"Authorization": bearer(make_token(**claims)).decode().partition(": ")[2]}


PREFLIGHT = ("Origin: " + APP, "Access-Control-Request-Method: PUT")


async def test_a_page_of_an_allowed_origin_gets_the_response(
    gateway: RunningGateway, service: Service
) -> None:
    seen = await Browser(gateway, APP).fetch("/api/x", "PUT", authorized())

    assert (seen.status, seen.body) == (200, b"hello")
    assert "x-request-id" not in seen.fields  # the service has none
    (request,) = service.requests
    assert request.method == b"PUT"
    assert request.one(b"x-gateway-subject") == b"alice"


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"exp": 1}, 401, "token_expired"),
        ({"scope": "other"}, 403, "scope_missing"),
        ({"aud": "elsewhere"}, 401, "audience_mismatch"),
    ],
)
async def test_a_page_of_an_allowed_origin_learns_why_it_was_refused(
    gateway: RunningGateway, service: Service, claims: dict[str, Any], status: int, reason: str
) -> None:
    """A challenge is read by pages only where it is exposed."""
    seen = await Browser(gateway, APP).fetch("/api/x", "GET", authorized(**claims))

    assert seen.status == status
    assert reason in seen.body.decode()
    assert "Bearer" in seen.fields["www-authenticate"]
    assert "x-request-id" in seen.fields
    assert service.requests == []


async def test_failures_and_limits_can_be_read_too(gateway: RunningGateway) -> None:
    browser = Browser(gateway, APP)

    down = await browser.fetch("/down/x")
    statuses = [(await browser.fetch("/limited/x")).status for _ in range(2)]
    limited = await browser.fetch("/limited/x")

    assert (down.status, statuses) == (502, [200, 429])
    assert "retry-after" in limited.fields


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "https://app.example.com.evil.test",
        "https://evilapp.example.com",
        "https://app.example.com:8443",
        "https://app.example.com:443",
        "http://app.example.com",
        "HTTPS://APP.EXAMPLE.COM",
        "https://app.example.com/",
        "https://app.example.com,https://app.example.com",
        "https://appxexample.com",
        "https://example.org",
        "https://.example.org",
        "https://a.b.example.org",
        "https://evilexample.org",
        "https://a.example.org.evil.test",
        "https://evil.test/.example.org",
        "https://evil.test#.example.org",
        "https://a@b.example.org",
        "https://a_b.example.org",
        "https://*.example.org",
        "https://a.example.org:1",
        "null",
        "*",
        "",
    ],
)
async def test_a_page_of_another_origin_sees_nothing(
    gateway: RunningGateway, service: Service, origin: str
) -> None:
    for fields in ({}, authorized()):
        for credentials in (False, True):
            browser = Browser(gateway, origin, credentials=credentials)
            for target in ("/api/x", "/session/x"):
                with pytest.raises(NetworkError):
                    await browser.fetch(target, "GET", fields)
    with pytest.raises(NetworkError):
        await Browser(gateway, origin).fetch("/api/x", "PUT", authorized())

    assert service.requests == []


async def test_a_wildcard_is_one_label(gateway: RunningGateway) -> None:
    for origin in ("https://a.example.org", "https://a-1.example.org"):
        seen = await Browser(gateway, origin).fetch("/api/x", "GET", authorized())
        assert seen.status == 200


async def test_credentials_go_only_where_the_route_has_them(gateway: RunningGateway) -> None:
    browser = Browser(gateway, APP, credentials=True)

    assert (await browser.fetch("/session/x", "PUT", authorized())).status == 200
    with pytest.raises(NetworkError, match="no credentials"):
        await browser.fetch("/api/x", "GET", authorized())
    with pytest.raises(NetworkError, match="another origin"):
        await browser.fetch("/open/x")


async def test_what_is_open_to_all_pages_is_without_credentials(gateway: RunningGateway) -> None:
    answer = await gateway.ask(make_request("/open/x", "Origin: https://any.test"))

    assert answer.all(b"access-control-allow-origin") == [b"*"]
    assert not answer.has(b"access-control-allow-credentials")


async def test_null_is_an_origin_only_where_it_is_listed(gateway: RunningGateway) -> None:
    assert (await Browser(gateway, "null").fetch("/sandbox/x")).status == 200
    with pytest.raises(NetworkError):
        await Browser(gateway, APP).fetch("/sandbox/x")


async def test_cors_fields_of_the_service_are_replaced(gateway: RunningGateway) -> None:
    said = await gateway.ask(make_request("/some/1", "Origin: " + APP, method="PUT"))
    silent = await gateway.ask(make_request("/some/1", "Origin: https://evil.test", method="PUT"))
    without = await gateway.ask(make_request("/some/1", method="PUT"))
    other = await gateway.ask(make_request("/plain/1", bearer(), "Origin: " + APP))

    assert said.all(b"access-control-allow-origin") == [APP.encode()]
    assert said.all(b"access-control-expose-headers") == [b"X-Total"]
    assert not said.has(b"access-control-allow-credentials")
    for answer in (silent, without):
        assert not [name for name, _ in answer.fields if name.lower().startswith(b"access-")]
    for answer in (said, silent, without):
        assert answer.all(b"vary") == [b"Accept", b"Origin"]
        assert answer.one(b"x-total") == b"7"
    assert other.all(b"access-control-allow-origin") == [b"*"]  # of a route that says nothing


async def test_a_preflight_is_answered_by_the_route_of_the_request_that_is_to_come(
    gateway: RunningGateway, service: Service
) -> None:
    """Each method has the answer of the route that owns it."""
    reader, admin = Browser(gateway, APP), Browser(gateway, "https://admin.example.com")

    assert (await reader.fetch("/split/1", "GET", authorized())).status == 200
    assert (await admin.fetch("/split/1", "PUT", authorized(scope="admin"))).status == 200
    with pytest.raises(NetworkError):
        await reader.fetch("/split/1", "PUT", authorized(scope="admin"))
    with pytest.raises(NetworkError):
        await admin.fetch("/split/1", "GET", authorized())
    with pytest.raises(NetworkError, match="x-other"):
        await admin.fetch("/split/1", "PUT", {"X-Other": "1"})

    assert [one.method for one in service.requests] == [b"GET", b"PUT"]


async def test_methods_that_are_not_listed_are_not_shared(gateway: RunningGateway) -> None:
    browser = Browser(gateway, APP)

    assert (await browser.fetch("/some/1", "PUT")).status == 200
    for method in ("GET", "DELETE"):
        with pytest.raises(NetworkError):
            await browser.fetch("/some/1", method)


CREDENTIALS: list[tuple[bytes | str, ...]] = [
    (),
    (bearer(),),
    (bearer(b"x.y.z"),),
    (bearer(make_token(exp=1)),),
    (bearer(), bearer()),
    ("Cookie: session=1",),
]


async def test_a_preflight_says_the_same_whatever_token_comes_with_it(
    gateway: RunningGateway, service: Service
) -> None:
    """It is answered before anybody looks, and nothing of it goes on."""
    answers = [
        await gateway.ask(make_request("/api/x", *PREFLIGHT, *credentials, method="OPTIONS"))
        for credentials in CREDENTIALS
    ]

    assert {one.start for one in answers} == {b"HTTP/1.1 204 No Content"}
    told = [
        [field for field in one.fields if field[0] not in (b"Date", b"X-Request-Id")]
        for one in answers
    ]
    assert told == [
        [
            (b"Access-Control-Allow-Origin", APP.encode()),
            (b"Access-Control-Allow-Methods", b"PUT"),
            (b"Access-Control-Allow-Headers", b"Authorization, Content-Type"),
            (b"Access-Control-Max-Age", b"600"),
            (
                b"Vary",
                b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        ]
    ] * len(CREDENTIALS)
    assert service.requests == []


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 401),
        (("Origin: " + APP,), 401),
        (("Access-Control-Request-Method: PUT",), 401),
        ((*PREFLIGHT, "Origin: " + APP), 401),
        ((*PREFLIGHT, "Access-Control-Request-Method: GET"), 401),
        (("Origin: " + APP, "Access-Control-Request-Method: P T"), 401),
        (("Origin: " + APP, "Access-Control-Request-Method: " + "P" * 33), 401),
        (("Origin:", "Access-Control-Request-Method: PUT"), 401),
        ((*PREFLIGHT, "Host: other.test"), 400),
    ],
)
async def test_a_request_that_is_no_preflight_is_a_request_like_any_other(
    gateway: RunningGateway, service: Service, lines: tuple[str, ...], status: int
) -> None:
    answer = await gateway.ask(make_request("/api/x", *lines, method="OPTIONS"))

    assert answer.status == status
    assert service.requests == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/plain/x", 401),
        ("/nowhere", 404),
        ("/some/1/2", 404),
    ],
)
async def test_without_cors_on_any_route_a_preflight_is_nothing_special(
    gateway: RunningGateway, service: Service, target: str, status: int
) -> None:
    answer = await gateway.ask(make_request(target, *PREFLIGHT, method="OPTIONS"))

    assert answer.status == status
    assert not answer.has(b"access-control-allow-origin")
    assert service.requests == []


@pytest.mark.parametrize("target", ["/api/a[1]", "/api/100%", "/plain/../x", "/api//x"])
async def test_a_page_can_read_that_a_path_is_refused(
    gateway: RunningGateway, service: Service, target: str
) -> None:
    """What browsers leave as it is in a path: the page is told, and not "network error" alone."""
    seen = await Browser(gateway, APP).fetch(target, "PUT", authorized())

    assert seen.status == 400
    assert json.loads(seen.body)["reason"] == "path_rejected"
    assert service.requests == []


async def test_the_refusal_of_a_path_is_without_credentials(gateway: RunningGateway) -> None:
    """Also on the host of a route that has them: it is no answer of that route."""
    with pytest.raises(NetworkError):
        await Browser(gateway, APP, credentials=True).fetch("/session/a[1]")


async def test_a_preflight_keeps_its_connection_and_its_place(
    gateway: RunningGateway, service: Service
) -> None:
    wire = await gateway.connect()
    ask = make_request("/api/x", *PREFLIGHT, method="OPTIONS")
    wire.send(make_request("/api/1", bearer()) + ask + make_request("/api/2") + ask)
    wire.send(make_request("/api/x", *PREFLIGHT, method="OPTIONS", body=b"dropped") + ask)

    statuses = [(await read_answer(wire)).status for _ in range(6)]

    assert statuses == [200, 204, 401, 204, 204, 204]
    assert [one.target for one in service.requests] == [b"/api/1"]


async def test_an_options_request_that_is_allowed_goes_on(
    gateway: RunningGateway, service: Service
) -> None:
    answer = await gateway.ask(make_request("/api/x", bearer(), "Origin: " + APP, method="OPTIONS"))

    assert answer.all(b"access-control-allow-origin") == [APP.encode()]
    assert service.requests[0].method == b"OPTIONS"


async def test_a_preflight_counts_for_no_route_and_against_no_limit(
    gateway: RunningGateway,
) -> None:
    port = gateway.gateway.data._serving.port
    for _ in range(3):
        await gateway.ask(make_request("/limited/x", *PREFLIGHT, method="OPTIONS"))

    assert port.no_route.metrics.allowed == 3
    assert (await Browser(gateway, APP).fetch("/limited/x")).status == 200
