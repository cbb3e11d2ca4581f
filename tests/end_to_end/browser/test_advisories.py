"""What broke others' logins, done to ours: a real provider, and a service that records every byte.

Each docstring says what was wrong there. Texts in quotation marks are what the attacker sends.
"""

import asyncio
import hashlib
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.end_to_end.browser.gateway import Gateway, kept_in, make_config, running_command
from tests.end_to_end.browser.names import APP
from tests.end_to_end.browser.provider import ORIGIN, People, client, running_people
from tests.end_to_end.browser.service import application
from tests.end_to_end.browser.visitor import FROM_PAGE, NAVIGATION, Visitor, visiting
from tests.hanging import LIMIT_SECONDS
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import connect

pytestmark = pytest.mark.asyncio(loop_scope="module")

COOKIE = Gateway.cookie
FORM = "Content-Type: application/x-www-form-urlencoded"


class Site(NamedTuple):
    """A gateway on *port*, with sessions in memory or sealed in cookies, and what is around it."""

    port: int
    people: People
    service: Service


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "cookie"])
async def site(
    request: pytest.FixtureRequest,
    provider_modules: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("advisories")
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_service())
        service.script = application
        people = stack.enter_context(running_people(folder, client(Gateway.backchannel_path)))
        # As behind a load balancer that ends TLS, and is believed about clients' addresses.
        more = {"listen": "127.0.0.1:0", "trusted_proxies": ["127.0.0.0/8"]}
        config = make_config(people, service.url, session=kept_in(request.param), **more)
        config["routes"].append(
            {
                "name": "staff",
                "match": {"path_prefix": "/staff/"},
                "upstream": "app",
                "login": "web",
                "require": {"claims": {"sub": {"matches": "*@company.example"}}},
            }
        )
        port = stack.enter_context(running_command(folder, config))
        yield Site(port, people, service)


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(site: Site) -> AsyncIterator[Visitor]:
    async with visiting(site.port) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def untouched(site: Site) -> AsyncIterator[None]:
    """Whatever the test does, the service receives not one byte of it."""
    before = len(site.service.received)
    yield
    assert len(site.service.received) == before


def is_refused(answer: Message) -> bool:
    """Return whether it is the refusal of a request that is no navigation and has no session."""
    return answer.status == 401 and reason(answer) == "login_required"


# --- oauth2-proxy


@pytest.mark.parametrize(
    "field",
    [
        "X-Forwarded-Uri: /public/x",
        "X-Forwarded-Uri: https://app.example.test/public/x",
        "X-Original-Uri: /public/x",
        "X-Original-Url: /public/x",
        "X-Rewrite-Url: /public/x",
        "X-Forwarded-Path: /public/x",
        "X-Forwarded-Prefix: /public",
        "X-Auth-Request-Redirect: /public/x",
        "X-Forwarded-Host: other.test",
        "Forwarded: for=127.0.0.1;host=other.test;path=/public/x",
        "X-Forwarded-Method: OPTIONS",
        "X-Http-Method-Override: OPTIONS",
    ],
)
async def test_cve_2026_40575_and_76835_no_field_says_what_path_a_request_is_for(
    field: str, visitor: Visitor, untouched: None
) -> None:
    """oauth2-proxy compared the paths that need no login with `X-Forwarded-Uri`, sent by anybody.

    After the fix it still did, if the addresses of its own proxies were not configured
    (CVE-2026-76835). Here the field comes even from a trusted proxy.
    """
    assert is_refused(await visitor.ask("/app/api/x", field))
    assert (await visitor.ask("/app/x", field, *NAVIGATION)).status == 302


@pytest.mark.parametrize(
    "agent", ["GoogleHC/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0", "Envoy/HC", ""]
)
async def test_cve_2026_34457_no_user_agent_is_a_health_check(
    agent: str, visitor: Visitor, untouched: None
) -> None:
    """oauth2-proxy responded 200 to whoever named the health check's User-Agent, on each path."""
    for target in ("/app/api/x", "/app/ping", "/app/healthz"):
        assert is_refused(await visitor.ask(target, f"User-Agent: {agent}"))


async def test_cve_2026_40574_an_address_with_two_at_signs_is_of_no_domain(site: Site) -> None:
    """oauth2-proxy took `x@evil.example@company.example` for an address at company.example."""
    statuses = {}
    for subject in ("ann@company.example", "ann@evil.example@company.example"):
        async with visiting(site.port) as visitor:
            await visitor.log_in(subject)
            statuses[subject] = (await visitor.ask("/staff/x")).status

    assert statuses == {"ann@company.example": 200, "ann@evil.example@company.example": 403}


@pytest.mark.parametrize(
    "target",
    [
        "/app/x?/public/",
        "/app/x?path=/public/x",
        "/app/x?x=%2Fpublic%2Fx",
        "/app/x#/public/x",
        "/app/x%23/public/x",
        "/app/x;/public/x",
        "/app/x%3F/public/x",
        "/app/x/../../public/../app/x",
    ],
)
async def test_cve_2025_54576_the_query_is_no_part_of_the_path_that_needs_no_login(
    target: str, visitor: Visitor, untouched: None
) -> None:
    """oauth2-proxy matched the paths that need no login with the whole URI, query included.

    And CVE-2026-41059: with what comes after a `#`.
    """
    answer = await visitor.ask(target)

    assert is_refused(answer) or (answer.status, reason(answer)) == (400, "path_rejected")


# --- Envoy's oauth2 filter


@pytest.mark.parametrize(
    "lines",
    [
        ("Authorization: Bearer anything",),
        ("Authorization: Bearer",),
        ("Cookie: BearerToken=anything; OauthHMAC=anything; OauthExpires=99999999999",),
        ("Cookie: __Host-session=anything",),
        ("Cookie: __Host-session=",),
        ("Cookie: __host-session=anything; __Secure-session=anything; session=anything",),
    ],
)
async def test_cve_2022_29226_a_token_that_is_only_present_is_no_login(
    lines: tuple[str, ...], visitor: Visitor, untouched: None
) -> None:
    """Envoy let a request pass that had any bearer token, but no cookie with a signature."""
    for target in ("/app/api/x", "/app/api/x?access_token=anything&token=anything"):
        assert (await visitor.ask(target, *lines, cookies="")).status == 401


STATES = [
    "",
    "code=x",
    "state=&code=x",
    "state&code",
    "state=%00&code=x",
    "state=%FF%FE&code=x",
    "state=a%2&code=x",
    "state=a&state=b&code=x",
    "state=https://app.example.test/app/&code=x",
    "state=not-a-url://%5B&code=x",
    "state=" + "a" * 6000 + "&code=x",
    "error=access_denied",
    "error=%0D%0ASet-Cookie:a=b&state=%0D%0A",
    "iss=https://evil.test&state=x&code=x",
]


@pytest.mark.parametrize("query", STATES)
async def test_cve_2023_27496_a_callback_with_any_state_is_a_plain_refusal(
    query: str, visitor: Visitor, untouched: None
) -> None:
    """Envoy crashed at a callback without `state`, or with one that was no URL."""
    answer = await visitor.ask(f"/oauth/callback?{query}", *NAVIGATION)

    assert answer.status == 400
    assert not answer.has(b"location")
    assert COOKIE not in visitor.cookies
    assert b"evil.test" not in answer.body
    assert is_refused(await visitor.ask("/app/api/x"))


async def test_cve_2023_35941_no_part_of_a_cookie_can_be_moved_into_another(
    site: Site, visitor: Visitor
) -> None:
    """Envoy signed values one after the other without what separates them.

    So a client could take the end of one for the beginning of the next. Ours are sealed, each for
    its purpose and its state: none is good in another place, in another length or in pieces.
    """
    first = await visitor.begin()
    await visitor.begin()
    one, other = (name for name in visitor.cookies if name.startswith("__Host-login-"))
    callback = await visitor.consent(first, "ann")
    values = dict(visitor.cookies)
    moved = [
        {one: values[other], other: values[one]},
        {one: values[one] + values[other][:8], other: values[other][8:]},
        {one: values[one][:-8]},
        {f"{one}.1": values[one][:40], f"{one}.2": values[one][40:]},
        {COOKIE: values[one]},
    ]
    for cookies in moved:
        text = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = await visitor.ask(callback, *NAVIGATION, cookies=text)
        assert (answer.status, COOKIE in visitor.cookies) == (400, False), cookies.keys()
        assert is_refused(await visitor.ask("/app/api/x", cookies=text))

    # Untouched, they are good: none of these attempts has used the state up.
    assert (await visitor.navigate(callback)).status == 303
    assert (await visitor.ask("/app/api/x")).status == 200


async def test_cve_2023_35941_pieces_of_two_sessions_are_no_session(
    site: Site, visitor: Visitor
) -> None:
    """Nor is a session that was cut, prolonged or changed, in one cookie or in several."""
    values = []
    async with visiting(site.port) as other:
        for one in (visitor, other):
            await one.log_in("ann")
            values.append(one.cookies[COOKIE])
    first, second = values
    changed = "A" if first[-2] != "A" else "B"
    fakes = [first[:-1], first + "A", first[:-2] + changed + first[-1], first + second]
    fakes += [first[:cut] + second[cut:] for cut in (12, 20, len(first) // 2, len(first) - 4)]
    for fake in fakes:
        half = len(fake) // 2
        chunks = f"{COOKIE}.1={fake[:half]}; {COOKIE}.2={fake[half:]}"
        for cookies in (f"{COOKIE}={fake}", chunks, f"{COOKIE}={first}; {COOKIE}={fake}"):
            assert is_refused(await visitor.ask("/app/api/x", cookies=cookies))
    assert (await visitor.ask("/app/api/x")).status == 200


# --- mod_auth_openidc


async def test_cve_2025_31492_nothing_of_the_page_comes_with_the_redirect_to_the_login(
    site: Site, untouched: None
) -> None:
    """mod_auth_openidc sent the protected page behind the page that led to the login."""
    wire = await connect(("127.0.0.1", site.port))
    try:
        for method in ("GET", "HEAD", "POST"):
            body = b"a=b" if method == "POST" else None
            wire.send(make_request("/app/", *NAVIGATION, method=method, body=body, host=APP))
            answer = await read_answer(wire, is_head=method == "HEAD")
            assert answer.status == (401 if method == "POST" else 302)
            assert b"Orders" not in answer.body
        # What comes next on the connection is the next response, and not a page.
        wire.send(make_request("/oauth/userinfo", host=APP))
        assert reason(await read_answer(wire)) == "login_required"
        assert wire.unread == b""
    finally:
        wire.close()


@pytest.mark.parametrize("target", ["/app/x", "/oauth/callback", "/oauth/logout", "/oauth/login"])
@pytest.mark.parametrize("lines", [(), (FORM,), ("Content-Type:",), ("Content-Type: ;;=",)])
@pytest.mark.parametrize("body", [None, b"", b"=&=", b"\x00"])
async def test_cve_2025_3891_a_post_without_a_body_or_type_is_a_plain_refusal(
    target: str, lines: tuple[str, ...], body: bytes | None, visitor: Visitor, untouched: None
) -> None:
    """mod_auth_openidc crashed at a POST without Content-Type while it kept bodies for later."""
    answer = await visitor.ask(target, *lines, method="POST", body=body)

    assert answer.status in {401, 403, 405}
    assert is_refused(await visitor.ask("/app/api/x"))


@pytest.mark.parametrize("lines", [(), (FORM,), ("Content-Type: application/json",)])
@pytest.mark.parametrize(
    "body", [None, b"", b"logout_token=", b"logout_token=a.b.c", b"&&=", b"{}"]
)
async def test_cve_2025_3891_a_back_channel_logout_of_nonsense_ends_nothing(
    lines: tuple[str, ...], body: bytes | None, site: Site, visitor: Visitor
) -> None:
    await visitor.log_in("ann")

    answer = await visitor.ask(
        "/oauth/backchannel-logout", *lines, method="POST", body=body, cookies=""
    )

    assert answer.status == 400
    assert (await visitor.ask("/app/api/x")).status == 200


CHUNKS = [
    "mod_auth_openidc_session_chunks=99999999",
    f"{COOKIE}_chunks=99999999",
    f"{COOKIE}.99999999=a",
    f"{COOKIE}.1=a; {COOKIE}.99999999=b",
    f"{COOKIE}.0=a; {COOKIE}.-1=b; {COOKIE}.1e9=c; {COOKIE}.=d",
    "; ".join(f"{COOKIE}.{number}=a" for number in range(1, 200)),
    "; ".join(f"{COOKIE}.1=a" for _ in range(200)),
    "; ".join(f"__Host-login-{number:012x}=a" for number in range(150)),
]


@pytest.mark.parametrize("cookies", CHUNKS)
async def test_cve_2024_24814_a_number_of_chunks_costs_nothing(
    cookies: str, visitor: Visitor, untouched: None
) -> None:
    """mod_auth_openidc looked for as many cookies as a cookie said: 99999999 kept it busy."""
    async with asyncio.timeout(LIMIT_SECONDS):
        answers = await asyncio.gather(
            *(visitor.ask("/app/api/x", cookies=cookies) for _ in range(20))
        )

    assert {answer.status for answer in answers} <= {401, 431}
    assert (await visitor.navigate("/app/")).status == 302


ELSEWHERE = [
    "https://evil.test/",
    "//evil.test/",
    "/\\evil.test/",
    "\\\\evil.test/",
    "https:\\\\evil.test",
    "/\tevil.test",
    "\t//evil.test",
    "/%09/evil.test",
    "/%2F/evil.test",
    "/%5Cevil.test",
    "/.//evil.test",
    "/..//evil.test",
    "https://app.example.test@evil.test/",
    "https://app.example.test.evil.test/",
    "javascript:alert(1)",
    "/\r\nLocation: https://evil.test/",
]


@pytest.mark.parametrize("to", ELSEWHERE)
async def test_cve_2021_32786_no_parameter_leads_to_another_site(
    to: str, site: Site, visitor: Visitor
) -> None:
    """mod_auth_openidc took `/\\evil.test` for a path, which browsers read as `//evil.test`."""
    query = urllib.parse.urlencode({"to": to})
    response = await visitor.ask(f"/oauth/login?{query}", *NAVIGATION)
    callback = await visitor.consent(response.one(b"location").decode(), "ann")
    entered = await visitor.navigate(callback)

    assert entered.status == 303
    assert entered.one(b"location").decode() in {"/", f"{ORIGIN}/"}

    query = urllib.parse.urlencode({"to": to, "logout": to, "post_logout_redirect_uri": to})
    left = await visitor.ask(
        f"/oauth/logout?{query}", FORM, *FROM_PAGE, method="POST", body=query.encode()
    )

    assert left.status == 200
    assert b"evil.test" not in left.body


# --- hono


@pytest.mark.parametrize("state", ["", "state=&", "state=undefined&", "state=null&"])
@pytest.mark.parametrize("cookie", ["", "empty", "of the hash", "undefined"])
async def test_cve_2026_81888_two_states_that_are_both_absent_do_not_match(
    state: str, cookie: str, visitor: Visitor, untouched: None
) -> None:
    """Hono compared the `state` of the callback with that of the browser: neither had one."""
    digest = hashlib.sha256(state.removeprefix("state=").rstrip("&").encode()).hexdigest()[:12]
    cookies = {
        "": "",
        "empty": "__Host-login-=; state=",
        "of the hash": f"__Host-login-{digest}=",
        "undefined": "__Host-login-undefined=undefined; state=undefined",
    }
    answer = await visitor.ask(
        f"/oauth/callback?{state}code=of-the-attacker", *NAVIGATION, cookies=cookies[cookie]
    )

    assert answer.status == 400
    assert COOKIE not in visitor.cookies


async def test_cve_2026_81888_the_callback_of_another_browser_logs_nobody_in(
    site: Site, visitor: Visitor
) -> None:
    """The attack itself: the attacker's own code and state, in the browser of the victim."""
    async with visiting(site.port) as attacker:
        callback = await attacker.consent(await attacker.begin(), "mallory")

        answer = await visitor.navigate(callback)

        assert answer.status == 400
        assert COOKIE not in visitor.cookies
        assert (await attacker.navigate(callback)).status == 303
