"""Targets, hosts and methods that opened other gateways: judged by what the service saw."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, load, make_token, write_config
from tests.proxy.hostile import HOSTILE_ROUTES, reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service

REJECTED, MISSING = Reason.PATH_REJECTED, Reason.TOKEN_MISSING


NOT_FOUND, MALFORMED = Reason.ROUTE_NOT_FOUND, Reason.REQUEST_MALFORMED


TARGETS: list[tuple[str, str, Reason]] = [
    ("CVE-2020-8595 Istio: an exact path and a query", "/admin?x", MISSING),
    ("CVE-2020-8595 Istio: an exact path and a fragment", "/admin#x", REJECTED),
    ("CVE-2020-8595 Istio: an exact path and a slash", "/admin/", MISSING),
    ("CVE-2021-29492 Envoy: encoded slashes", "/public%2f..%2fadmin", REJECTED),
    ("CVE-2021-29492 Envoy: an encoded slash in front", "/%2fadmin", REJECTED),
    ("CVE-2021-29492 Envoy: an encoded backslash", "/public/..%5cadmin", REJECTED),
    ("CVE-2021-29492 Envoy: a backslash", "/public/..\\admin", REJECTED),
    ("CVE-2021-29492 Envoy: two slashes", "//admin", REJECTED),
    ("CVE-2019-9901 Envoy: dot segments", "/public/../admin", REJECTED),
    ("CVE-2019-9901 Envoy: encoded dot segments", "/public/%2e%2e/admin", REJECTED),
    ("CVE-2019-9901 Envoy: half encoded dot segments", "/public/.%2E/admin", REJECTED),
    ("GHSA-p224-6x5r-fjpm oathkeeper: dots at the end", "/public/..", REJECTED),
    ("GHSA-p224-6x5r-fjpm oathkeeper: encoded twice", "/public/%252e%252e/admin", REJECTED),
    ("GHSA-p224-6x5r-fjpm oathkeeper: encoded in parts", "/public/%25%32%65/admin", REJECTED),
    ("CVE-2021-32779 Envoy: a fragment in the path", "/public#/../admin", REJECTED),
    ("CVE-2023-45539 HAProxy: a fragment at the end", "/public/a#.png", REJECTED),
    ("CVE-2026-26205 OPA-Envoy: a path read as an authority", "//admin/secret", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %2f", "/public/a%2fb", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %5c", "/public/a%5cb", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %00", "/public/a%00b", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %3b", "/public/a%3bb", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %3f", "/public/a%3fb", REJECTED),
    ("GHSA-gm3x-23wp-hc2c Traefik: %23", "/public/a%23b", REJECTED),
    ("GHSA-6jwx-7vp4-9847 Traefik: out of a prefix", "/api/%2e%2e/admin", REJECTED),
    ("GHSA-6jwx-7vp4-9847 Traefik: two slashes in a prefix", "/api//admin", REJECTED),
    ("CVE-2026-27587 Caddy: upper case", "/ADMIN", NOT_FOUND),
    ("CVE-2026-27587 Caddy: upper case, encoded", "/%41dmin", NOT_FOUND),
    ("CVE-2026-27587 Caddy: an encoded letter", "/%61dmin", MISSING),
    ("CVE-2026-27587 Caddy: an encoded letter of a prefix", "/%61dmin/secret", MISSING),
    ("CVE-2025-54576 oauth2-proxy: an open path in the query", "/admin?x=/public/", MISSING),
    ("CVE-2025-54576 oauth2-proxy: the query is an open path", "/admin?/public/", MISSING),
    ("Tomcat: a parameter behind dots", "/public/..;/admin", REJECTED),
    ("Tomcat: a parameter", "/admin;x=1", REJECTED),
    ("Tomcat: an empty parameter", "/;/admin", REJECTED),
    ("RFC 3986: an escape cut short", "/public/%2", REJECTED),
    ("RFC 3629: an overlong slash", "/public/%c0%af", REJECTED),
    ("RFC 9112 3.2.4: asterisk form", "*", REJECTED),
    ("RFC 9112 3.2.2: absolute form", "http://gateway.test/admin", MISSING),
    ("RFC 9112 3.2.2: absolute form with user information", "http://a@b/public/", REJECTED),
    ("RFC 9112 3.2.2: absolute form with dot segments", "http://a/public/../admin", REJECTED),
    ("RFC 9112 3.2.2: absolute form with a fragment", "http://a/public/#/../admin", REJECTED),
    ("RFC 9112 3.2.2: absolute form of another scheme", "file:///public/", REJECTED),
]


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=HOSTILE_ROUTES)


@pytest.mark.parametrize(
    ("target", "wanted"), [case[1:] for case in TARGETS], ids=[case[0] for case in TARGETS]
)
async def test_no_spelling_of_a_target_comes_round_its_policy(
    target: str, wanted: Reason, service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request(target))

    assert reason(answer) == wanted.code
    assert service.received == b""


@pytest.mark.parametrize("target", [case[1] for case in TARGETS if case[2] is REJECTED])
async def test_a_rejected_target_is_rejected_with_any_token(
    target: str, service: Service, gateway: RunningGateway
) -> None:
    """GHSA-6jwx-7vp4-9847: nor does what one token opens lead to what another does."""
    answer = await gateway.ask(make_request(target, bearer(make_token("api:read admin"))))

    assert reason(answer) == REJECTED.code
    assert service.received == b""


@pytest.mark.parametrize(
    "target", ["/admin", "/%61dmin", "/admin/", "/admin?x=/public/", "/admin/%7Eroot?/../public/"]
)
async def test_what_was_decided_on_is_what_the_service_gets(
    target: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2021-43557 APISIX decided on another spelling than it forwarded."""
    refused = await gateway.ask(make_request(target, bearer()))
    allowed = await gateway.ask(make_request(target, bearer(make_token("admin"))))

    assert (reason(refused), allowed.status) == ("scope_missing", 200)
    assert [request.target for request in service.requests] == [target.encode()]


HOSTED = [{**HOSTILE_ROUTES[0], "match": {"path_prefix": "/", "hosts": ["api.example.com"]}}]


@pytest.mark.parametrize(
    "host", ["api.example.com", "API.Example.COM", "api.example.com:8443", "api.example.com."]
)
async def test_every_spelling_of_a_host_is_one_host(
    host: str, service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2026-27588 Caddy, CVE-2021-39155 Istio: rules on hosts were told by case and port."""
    gateway = await start_gateway(routes=HOSTED)

    answer = await gateway.ask(make_request("/x", host=host))

    assert answer.status == 200
    assert service.requests[0].one(b"host") == host.encode()


@pytest.mark.parametrize("host", ["example.com", "api.example.com.evil", "xapi.example.com", "::"])
async def test_an_unknown_host_has_no_route(
    host: str, service: Service, start_gateway: StartGateway
) -> None:
    """CVE-2026-27588: and what is no host at all is malformed."""
    gateway = await start_gateway(routes=HOSTED)

    answer = await gateway.ask(make_request("/x", host=host))

    assert reason(answer) == (MALFORMED if host == "::" else NOT_FOUND).code
    assert service.received == b""


OVERRIDES = [
    "X-Forwarded-Uri: /public/",
    "X-Forwarded-Prefix: /public",
    "X-Forwarded-Path: /public/",
    "X-Original-URL: /public/",
    "X-Original-URI: /public/",
    "X-Rewrite-URL: /public/",
    "X-Envoy-Original-Path: /public/",
    "X-Envoy-Internal: true",
    "X-Original-Method: GET",
    "X-HTTP-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Method-Override: DELETE",
    "X-Original-Host: evil.example.com",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1;host=evil.example.com",
]


@pytest.mark.parametrize("line", OVERRIDES)
async def test_no_field_of_the_client_names_another_target_or_method(
    line: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-40575 oauth2-proxy, GHSA-6384-m2mw-rf54 Traefik, CVE-2023-27487 Envoy."""
    closed = await gateway.ask(make_request("/admin", line))
    await gateway.ask(make_request("/public/", line))

    assert reason(closed) == MISSING.code
    (request,) = service.requests
    name, _, value = line.encode().partition(b": ")
    assert value not in request.all(name)


@pytest.mark.parametrize(
    "line",
    [
        "X-Request-Id: 00000000000000-000000001",
        "Via: 1.1 jwt-gateway",
        "X-Gateway-Subject: admin",
        "X-Gateway-Scopes: admin",
        "X-Middleware-Subrequest: middleware:middleware:middleware",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "Connection: Authorization, X-Gateway-Subject",
        "Expect: 100-continue",
        "Upgrade: websocket",
        "Host2: admin",
    ],
)
async def test_no_field_makes_a_request_an_internal_one(
    line: str, service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-29927 Next.js: a header that meant "internal" to it came from outside."""
    answer = await gateway.ask(make_request("/admin", line))

    assert reason(answer) == MISSING.code
    assert service.received == b""


@pytest.mark.parametrize("agent", ["kube-probe/1.30", "GoogleHC/1.0", "ELB-HealthChecker/2.0"])
async def test_a_health_check_is_not_recognised_by_its_user_agent(
    agent: str, service: Service, gateway: RunningGateway
) -> None:
    """oauth2-proxy let them pass by it; every client can say so."""
    answer = await gateway.ask(make_request("/admin", f"User-Agent: {agent}"))

    assert reason(answer) == MISSING.code
    assert service.received == b""


# --- what a route allows in its paths

ODD_ROUTES = [
    {**HOSTILE_ROUTES[0], "allow_encoded_slash": True, "allow_semicolon": True},
    *HOSTILE_ROUTES[1:],
    {
        "name": "inner",
        "match": {"path_prefix": "/public/inner/"},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
    },
    {
        "name": "put",
        "match": {"path": "/public/put/me", "methods": ["PUT"]},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
    },
    {
        "name": "files",
        "match": {"path": "/files/{owner}/{name}"},
        "upstream": "main",
        "require": {"claims": {"sub": {"equals": "{path.owner}"}}},
        "allow_encoded_slash": True,
        "allow_semicolon": True,
    },
    {
        "name": "tree",
        "match": {"path_prefix": "/tree/{owner}/"},
        "upstream": "main",
        "require": {"claims": {"sub": {"equals": "{path.owner}"}}},
        "allow_encoded_slash": True,
        "allow_semicolon": True,
    },
]


ALLOWED = "/public/a%2fb"


@pytest.fixture
async def odd_gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(routes=ODD_ROUTES)


@pytest.mark.parametrize(
    "target",
    [
        ALLOWED,
        "/public/a%2fb%2F?%2F;x",
        "/public/a;v=1/b;w=%20",
        "/public/a;v=1%2Fb?..;/admin",
        "/public/;jsessionid=1",
        "/files/alice/a%2Fb%2fc",
        "/files/alice/a;v=1",
        "/tree/alice/a%2Fb/c;d",
        "http://gateway.test/public/a%2Fb;c",
    ],
)
async def test_what_a_route_allows_is_sent_byte_for_byte(
    target: str, service: Service, odd_gateway: RunningGateway
) -> None:
    client = await odd_gateway.connect()
    for _ in range(3):  # also where the answer is remembered, and the header section
        client.send(make_request(target, bearer()))
        assert (await read_answer(client)).status == 200

    wanted = target.removeprefix("http://gateway.test").encode()
    assert [request.target for request in service.requests] == [wanted] * 3


STILL_REJECTED = [
    *((case[0], case[1]) for case in TARGETS if case[2] is REJECTED and case[1] != ALLOWED),
    ("CVE-2021-29492 Envoy: encoded slashes and dots", "/public%2f%2e%2e%2fadmin"),
    ("CVE-2021-29492 Envoy: dots behind a slash", "/public/..%2fadmin"),
    ("CVE-2021-29492 Envoy: dots before a slash", "/public/a%2F../admin"),
    ("Tomcat: an empty segment before a parameter", "/public/;/admin"),
    ("an empty segment", "/public/%2Fadmin"),
    ("a route that does not allow it", "/api/a%2Fb"),
    ("a route that does not allow it: a parameter", "/api/a;b"),
    ("another route, decoded", "/public/inner%2Fx"),
    ("another route, decoded in lower case", "/public/inner%2fx"),
    ("another route, cut", "/public/inner;x/y"),
    ("another route, cut and decoded", "/public/inner;x%2Fy/z"),
    ("another route, decoded and cut", "/public/inner%2Fx;y"),
    ("another method's route", "/public/put%2Fme"),
    ("another method's route, cut", "/public/put/me;x"),
    ("an escape that shows up by decoding", "/public/a%2Fb%252fc"),
    ("no route at all", "/nowhere%2Fx"),
]


@pytest.mark.parametrize(
    "target", [case[1] for case in STILL_REJECTED], ids=[case[0] for case in STILL_REJECTED]
)
@pytest.mark.parametrize("scope", ["api:read", "api:read admin"])
async def test_a_path_that_some_service_reads_differently_is_rejected(
    target: str, scope: str, service: Service, odd_gateway: RunningGateway
) -> None:
    answer = await odd_gateway.ask(make_request(target, bearer(make_token(scope))))

    assert reason(answer) == REJECTED.code
    assert service.received == b""


@pytest.mark.parametrize(
    "target",
    ["/tree/alice%2Fx/y", "/tree/alice;x/y", "/files/alice;x/y", "/tree/bob%2Falice/x"],
)
@pytest.mark.parametrize("subject", ["alice", "alice/x", "alice;x", "bob/alice"])
async def test_a_rule_about_a_part_of_the_path_holds_however_that_is_read(
    target: str, subject: str, service: Service, odd_gateway: RunningGateway
) -> None:
    """Whoever is called `alice/x` does not come to what is called `x` and belongs to alice."""
    answer = await odd_gateway.ask(make_request(target, bearer(make_token(sub=subject))))

    assert reason(answer) == Reason.CLAIM_RULE_FAILED.code
    assert service.received == b""


async def test_what_one_configuration_allows_the_next_one_need_not(
    service: Service, odd_gateway: RunningGateway, tmp_path: Path
) -> None:
    """Nothing remembered of the path may be used under other routes."""
    client = await odd_gateway.connect()
    statuses = []
    for routes in (ODD_ROUTES, HOSTILE_ROUTES, ODD_ROUTES):
        await odd_gateway.gateway.reload(
            load(write_config(tmp_path, [service.url], {"routes": routes}))
        )
        for _ in range(2):
            client.send(make_request("/public/a%2Fb"))
            statuses.append((await read_answer(client)).status)

    assert statuses == [200, 200, 400, 400, 200, 200]
