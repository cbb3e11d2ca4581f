"""Visit the demo as a person with a browser does, and as a device."""

import json
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urljoin

import aiohttp

from gateway.cli.demo.browser import Browser, find_in
from gateway.cli.demo.exchanges import Row, outcome
from gateway.cli.demo.parts import RunningDemo
from gateway.decision.reason import Reason
from gateway.fetching.session import AGENT
from gateway.issuer.clients import DEVICE_CODE
from gateway.issuer.paths import DEVICE_AUTHORIZATION_PATH, TOKEN_PATH

_TIMEOUT = aiohttp.ClientTimeout(total=35)

_ORDER = "/orders/42"
_PAGE = "/app/"
_API = "/app/api/orders/42"


async def visit(demo: RunningDemo) -> list[Row]:
    """Take all steps; return each with its expected and its actual outcome."""
    headers = {"User-Agent": AGENT}
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, cookie_jar=jar) as http:
        rows = []
        try:
            async for row in _steps(demo, http):
                rows.append(row)  # noqa: PERF401 - what was done before an error is shown, too
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            rows.append(Row("the visit", "", "all steps", f"no response ({type(error).__name__})"))
        return rows


async def _steps(demo: RunningDemo, http: aiohttp.ClientSession) -> AsyncIterator[Row]:
    browser = Browser(http)
    for part in (_log_in, _call_the_api, _log_out):
        async for row in part(demo, browser):
            yield row
    token = await _connect_device(demo, browser)
    read = await browser.send("GET", demo.gateway + _ORDER, {"Authorization": f"Bearer {token}"})
    yield Row(
        "a television of bob reads an order",
        f"GET {_ORDER}",
        "200 as bob",
        outcome(read.status, read.body),
    )


async def _log_in(demo: RunningDemo, browser: Browser) -> AsyncIterator[Row]:
    consent = await browser.navigate(demo.site + _PAGE)
    yield Row("a browser opens a page", f"GET {_PAGE}", "200 at /authorize", consent.place)
    page = await browser.allow(consent, "alice")
    yield Row("alice logs in", "POST /authorize/answer", f"200 at {_PAGE}", page.place)


async def _call_the_api(demo: RunningDemo, browser: Browser) -> AsyncIterator[Row]:
    custom = {"X-CSRF": "1"}
    for title, method, headers, expected in (
        ("her page reads an order", "GET", {}, "200 as alice"),
        ("a form writes an order", "POST", {}, _refused(Reason.CSRF_REFUSED)),
        ("her page writes an order", "POST", custom, _refused(Reason.SCOPE_MISSING)),
    ):
        answer = await browser.fetch(method, demo.site + _API, headers)
        yield Row(title, f"{method} {_API}", expected, outcome(answer.status, answer.body))


async def _log_out(demo: RunningDemo, browser: Browser) -> AsyncIterator[Row]:
    answer = await browser.fetch("POST", demo.site + "/oauth/logout", {"X-CSRF": "1"})
    redirect = find_in(answer.body, r'"redirect": ?"([^"]+)"')
    page = await browser.navigate(urljoin(demo.site, redirect))
    yield Row("alice logs out", "POST /oauth/logout", "200 at /", page.place)
    again = await browser.fetch("GET", demo.site + _API, {})
    expected = _refused(Reason.LOGIN_REQUIRED)
    yield Row("her page reads again", f"GET {_API}", expected, outcome(again.status, again.body))


async def _connect_device(demo: RunningDemo, browser: Browser) -> str:
    """Connect the client `tv` as bob (RFC 8628); return its access token."""
    client = {"client_id": "tv", "scope": "orders:read"}
    device = await _post(browser, demo.issuer + DEVICE_AUTHORIZATION_PATH, client)
    page = await browser.navigate(device["verification_uri_complete"])
    await browser.allow(page, "bob")
    form = {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": device["device_code"]}
    return (await _post(browser, demo.issuer + TOKEN_PATH, form))["access_token"]


async def _post(browser: Browser, url: str, form: Mapping[str, str]) -> dict[str, str]:
    response = await browser.send("POST", url, {"Accept": "application/json"}, form)
    members: dict[str, str] = json.loads(response.body)
    return members


def _refused(reason: Reason) -> str:
    return f"{reason.status} {reason.code}"
