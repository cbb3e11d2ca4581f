"""The browser of the demo, against a server that says what it saw."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from gateway.cli.demo.browser import Browser, find_in
from gateway.issuer.listening import bind_loopback, origin_of, serving


@asynccontextmanager
async def site() -> AsyncIterator[tuple[Browser, str, list[web.Request]]]:
    """Run a site; yield a browser, the site's origin, and the requests that it got."""
    seen: list[web.Request] = []

    async def page(request: web.Request) -> web.Response:
        seen.append(request)
        text = '<form action="/sent"><input name="token" value="a&amp;b">'
        return web.Response(text=text, headers={"Set-Cookie": "s=1; Secure; HttpOnly; Path=/"})

    async def drop(request: web.Request) -> web.Response:
        seen.append(request)
        fields = {"Set-Cookie": 's=""; Max-Age=0', "Location": "/end"}
        return web.Response(status=302, headers=fields)

    async def sent(request: web.Request) -> web.Response:
        await request.post()
        seen.append(request)
        return web.Response()

    application = web.Application()
    application.router.add_get("/page", page)
    application.router.add_get("/drop", drop)
    application.router.add_route("*", "/{tail:.*}", sent)
    bound = bind_loopback("127.0.0.1", 0)
    async with (
        serving(application, bound),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Browser(http), origin_of(bound), seen


async def test_secure_cookies_are_kept_by_host_and_dropped() -> None:
    async with site() as (browser, origin, seen):
        await browser.navigate(origin + "/page")
        elsewhere = origin.replace("127.0.0.1", "localhost")
        await browser.navigate(elsewhere + "/x")
        end = await browser.navigate(origin + "/drop")

    cookies = [request.headers.get("Cookie") for request in seen]
    assert cookies == [None, None, "s=1", None]
    assert end.place == "200 at /end"


async def test_a_form_is_sent_with_its_token_decoded() -> None:
    async with site() as (browser, origin, seen):
        await browser.allow(await browser.navigate(origin + "/page"), "alice")
        form = dict(await seen[-1].post())

    assert (seen[-1].method, seen[-1].path) == ("POST", "/sent")
    assert form == {"token": "a&b", "persona": "alice", "answer": "allow"}


async def test_a_script_names_its_origin_and_a_navigation_says_that_it_is_one() -> None:
    async with site() as (browser, origin, seen):
        await browser.fetch("POST", origin + "/x", {"X-CSRF": "1"})
        await browser.fetch("GET", origin + "/x", {})
        await browser.navigate(origin + "/x")

    post, get, navigation = (request.headers for request in seen)
    assert (post["Origin"], post["Sec-Fetch-Site"], post["X-CSRF"]) == (origin, "same-origin", "1")
    assert "Origin" not in get
    assert navigation["Sec-Fetch-Mode"] == "navigate"


def test_what_is_not_there_is_nothing() -> None:
    assert find_in(b"", 'x="([^"]+)"') == ""
