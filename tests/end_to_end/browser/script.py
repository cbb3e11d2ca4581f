"""What a person, their tabs and other people's pages do, step by step, whatever proxy is in front.

Each step begins without cookies, and returns in a few words what was seen.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from playwright.async_api import Browser, BrowserContext, Page

from tests.end_to_end.browser.driver import call, log_in, person
from tests.end_to_end.browser.names import SIBLING, STRANGER
from tests.end_to_end.browser.provider import ORIGIN, STRONG, People
from tests.hanging import LIMIT_SECONDS
from tests.proxy.messages import Message
from tests.proxy.service import Service

TABS: Final = 5
REQUESTS_PER_TAB: Final = 8

# How long a short access token lives at first: enough to log in and to be in front of its expiry.
_SHORT_SECONDS: Final = 3

# Steps that wait for a token to expire take no time from others.
_AT_ONCE: Final = 4


class Contender(Protocol):
    """A proxy under test; *cookie* is the name of its session cookie.

    *logout_url* is what a link or an image would fetch to log out, *backchannel_path* where the
    provider ends sessions. *patience_seconds* is how long the end of a stream is waited for.
    """

    cookie: str
    logout_url: str
    backchannel_path: str
    patience_seconds: float

    async def log_out(self, page: Page) -> None:
        """Log out in *page*, until the provider's own page is there."""
        ...


@dataclass(frozen=True)
class World:
    """All that a step needs."""

    browser: Browser
    people: People
    service: Service
    contender: Contender
    short_seconds: int = _SHORT_SECONDS


class RefreshedTooEarly(Exception):  # noqa: N818 - nothing is wrong
    """The machine was so busy that the short token was refreshed before the step was there.

    The step is played again, with one that lives twice as long.
    """


Step = Callable[[World, BrowserContext], Awaitable[str]]
STEPS: dict[str, Step] = {}


def step(title: str) -> Callable[[Step], Step]:
    """Add a step under its *title*."""

    def add(one: Step) -> Step:
        STEPS[title] = one
        return one

    return add


async def play(world: World, titles: list[str] | None = None) -> dict[str, str]:
    """Play the steps, all of them by default, several at once; return what was seen in each."""
    titles = titles or list(STEPS)
    places = asyncio.Semaphore(_AT_ONCE)

    async def play_one(title: str) -> str:
        async with places, asyncio.timeout(LIMIT_SECONDS):
            return await _play(world, STEPS[title])

    return dict(zip(titles, await asyncio.gather(*map(play_one, titles)), strict=True))


async def _play(world: World, one: Step) -> str:
    while True:
        async with person(world.browser) as profile:
            try:
                return await one(world, profile)
            except RefreshedTooEarly:
                world = replace(world, short_seconds=2 * world.short_seconds)


# --- what steps are made of


async def enter(profile: BrowserContext, subject: str, path: str = "/app/") -> Page:
    """Log in by going to *path* in a new tab."""
    page = await profile.new_page()
    await page.goto(ORIGIN + path)
    await log_in(page, subject)
    return page


async def visit(profile: BrowserContext, path: str = "/app/") -> Page:
    """Return a new tab at *path*, which needs no new login."""
    page = await profile.new_page()
    await page.goto(ORIGIN + path)
    return page


async def forget(profile: BrowserContext) -> None:
    """Delete all cookies, also those of the provider."""
    await profile.clear_cookies()


async def open_streams(page: Page) -> None:
    """Open a WebSocket and an event stream in *page*."""
    assert await call(page, "openSocket", "/app/socket") == "open"
    assert await call(page, "openEvents", "/app/events") == "data: hello\n\n"


def arrived(world: World, path: str) -> list[Message]:
    """Return the requests to *path* that the service received."""
    return [one for one in world.service.requests if one.target.startswith(path.encode())]


async def expire(world: World, subject: str) -> None:
    """Wait until the access token of *subject* has expired, unless it was refreshed already."""
    if world.people.refreshes(subject):
        raise RefreshedTooEarly
    await asyncio.sleep(max(0.0, world.people.expires_at(subject) - time.time()) + 0.1)


async def ended(world: World, page: Page, what: str) -> bool:
    """Return whether a stream of *page* ends; no longer than the contender's patience."""
    limit = world.contender.patience_seconds * 1000
    script = """([what, limit]) => Promise.race([
        ended[what].then(() => true), new Promise((over) => setTimeout(over, limit, false))])"""
    return bool(await page.evaluate(script, [what, limit]))


async def status(page: Page, path: str = "/app/api/x", **options: Any) -> str:
    """Return what a page's fetch comes to."""
    found = await call(page, "ask", path, options)
    return "blocked after a redirect" if found["status"] == 0 else str(found["status"])


# --- logging in


@step("navigation without a session")
async def _navigation(world: World, profile: BrowserContext) -> str:
    page = await profile.new_page()
    response = await page.goto(ORIGIN + "/app/?from=here")
    assert response is not None
    first = response.request
    while first.redirected_from is not None:
        first = first.redirected_from
    redirect = await first.response()
    assert redirect is not None
    await log_in(page, "anna")
    assert page.url == ORIGIN + "/app/?from=here"
    asked = world.people.asked("anna")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    pushed = "pushed request" if asked["isPushed"] else "plain request"
    names = [name for name in ("state", "nonce") if name in asked]
    return f"{redirect.status}, {pushed} with PKCE S256, {', '.join(names)}; back at the same URL"


@step("three tabs log in at once")
async def _tabs(world: World, profile: BrowserContext) -> str:
    paths = [f"/app/?tab={number}" for number in range(3)]
    tabs = [await visit(profile, path) for path in paths]
    for tab in tabs:
        await log_in(tab, "alma")
    assert await status(tabs[0]) == "200"
    back = [tab.url.removeprefix(ORIGIN) for tab in tabs] == paths
    return "each is back at its own page" if back else "not each is back at its own page"


@step("the session cookie")
async def _cookie(world: World, profile: BrowserContext) -> str:
    await enter(profile, "berta")
    cookies = {one["name"]: one for one in await profile.cookies(ORIGIN)}
    found = cookies[world.contender.cookie]
    marks = [mark for mark in ("secure", "httpOnly") if found[mark]]
    return f"`{found['name']}`: {', '.join(marks)}, SameSite={found['sameSite']}"


@step("fetch without a session")
async def _fetch(world: World, profile: BrowserContext) -> str:
    page = await visit(profile, "/public/")
    got, posted = await status(page), await status(page, method="POST")
    return f"GET {got}, POST {posted}"


@step("iframe without a session")
async def _iframe(world: World, profile: BrowserContext) -> str:
    page = await visit(profile, "/public/")
    async with page.expect_response(ORIGIN + "/app/framed") as waiting:
        await page.evaluate(
            "document.body.append(Object.assign(document.createElement('iframe'), "
            "{src: '/app/framed'}))"
        )
    return str((await waiting.value).status)


@step("a callback that nobody asked for")
async def _callback(world: World, profile: BrowserContext) -> str:
    page = await profile.new_page()
    response = await page.goto(ORIGIN + "/oauth/callback?code=stolen&state=made-up")
    assert response is not None
    own = [one for one in await profile.cookies(ORIGIN) if one["name"] == world.contender.cookie]
    return f"{response.status}, {'a session' if own else 'no session'}"


# --- what the service sees


@step("the service sees the session cookie")
async def _forwarded(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "carla")
    await status(page, "/app/carla/api/x")
    (request,) = arrived(world, "/app/carla/")
    cookies = b"; ".join(request.all(b"cookie"))
    return "yes" if world.contender.cookie.encode() in cookies else "no"


@step("the service sets a cookie of that name")
async def _stolen(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "dora")
    await status(page, "/app/steal")
    cookies = {one["name"]: one["value"] for one in await profile.cookies(ORIGIN)}
    assert cookies["own"] == "1"
    kept = "reaches the browser" if cookies[world.contender.cookie] == "stolen" else "removed"
    return f"{kept}; next fetch {await status(page)}"


@step("a fetch with a bad bearer token and a session")
async def _bearer(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "elsa")
    return await status(page, headers={"Authorization": "Bearer bad"})


# --- pages of others


async def _attacks(world: World, profile: BrowserContext, host: str, subject: str) -> str:
    await enter(profile, subject)
    target = f"{ORIGIN}/app/{subject}"
    page = await profile.new_page()
    await page.goto(f"https://{host}/")
    await page.evaluate(_ATTACKS, target)
    async with page.expect_navigation():
        await page.evaluate(
            "target => Object.assign(document.body.appendChild(document.createElement('form')), "
            "{method: 'post', action: target + '/form'}).submit()",
            target,
        )
    seen = arrived(world, f"/app/{subject}/")
    got = {(one.method.decode(), one.target.decode().rpartition("/")[2]) for one in seen}
    return ", ".join(f"{method} by {name}" for method, name in sorted(got)) or "nothing"


_ATTACKS = """async (target) => {
  const over = (element) => new Promise((done) => { element.onload = element.onerror = done; });
  const image = new Image();
  image.src = target + '/image';
  await over(image);
  const frame = document.createElement('iframe');
  frame.src = target + '/frame';
  const framed = over(frame);
  document.body.append(frame);
  await framed;
  const options = { method: 'POST', body: 'a=b', credentials: 'include', mode: 'no-cors' };
  await fetch(target + '/fetch', options).catch(() => {});
  const socket = new WebSocket(target.replace('https', 'wss') + '/socket');
  await new Promise((done) => { socket.onopen = socket.onclose = done; });
}"""


@step("a page of a sibling host attacks: the service sees")
async def _sibling(world: World, profile: BrowserContext) -> str:
    return await _attacks(world, profile, SIBLING, "frida")


@step("a page of another site attacks: the service sees")
async def _stranger(world: World, profile: BrowserContext) -> str:
    return await _attacks(world, profile, STRANGER, "gerda")


@step("a page of a sibling host plants a session cookie before the login")
async def _planted(world: World, profile: BrowserContext) -> str:
    page = await profile.new_page()
    await page.goto(f"https://{SIBLING}/")
    cookie = f"{world.contender.cookie}=planted; Domain=example.test; Path=/; Secure"
    await page.evaluate("cookie => { document.cookie = cookie; }", cookie)
    await page.goto(ORIGIN + "/app/")
    await page.fill("input[name=subject]", "hilda")
    await page.click("button")
    await page.wait_for_url(re.compile(f"^({ORIGIN}/app/|chrome-error:)"))
    return "no effect" if page.url.startswith(ORIGIN) else "no login: redirects without end"


@step("an image of a sibling host has the logout as its URL")
async def _logout_image(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "hanna")
    other = await profile.new_page()
    await other.goto(f"https://{SIBLING}/")
    script = """url => new Promise((done) => {
        const image = new Image(); image.onload = image.onerror = done; image.src = url; })"""
    await other.evaluate(script, world.contender.logout_url)
    return "still logged in" if await status(page) == "200" else "logged out"


# --- tokens that expire


@step("40 requests in five tabs at the moment of expiry")
async def _burst(world: World, profile: BrowserContext) -> str:
    tabs = [await visit(profile, "/public/") for _ in range(TABS)]
    world.people.shorten("ida", world.short_seconds)
    await enter(profile, "ida")
    await expire(world, "ida")
    asked = (call(tab, "askMany", "/app/api/x", REQUESTS_PER_TAB) for tab in tabs)
    found = [one for many in await asyncio.gather(*asked) for one in many]
    assert len(found) == TABS * REQUESTS_PER_TAB
    failures = len([one for one in found if one != 200])
    return f"refreshes: {world.people.refreshes('ida')}, failures: {failures}"


@step("streams over the expiry of their token")
async def _outlive(world: World, profile: BrowserContext) -> str:
    world.people.shorten("jana", world.short_seconds)
    page = await enter(profile, "jana")
    await open_streams(page)
    await expire(world, "jana")
    # No request came meanwhile.
    assert await call(page, "echo", "still here") == "still here"
    assert await page.evaluate("Promise.race([ended.events, 'open'])") == "open"
    return f"stay open; next fetch {await status(page)}"


@step("the provider is down when the token has expired")
async def _down(world: World, profile: BrowserContext) -> str:
    world.people.shorten("karla", world.short_seconds)
    page = await enter(profile, "karla")
    await expire(world, "karla")
    world.people.lose("karla", is_lost=True)
    meanwhile = await status(page)
    world.people.lose("karla", is_lost=False)
    back = """async () => {
        for (;;) {
            const { status } = await ask('/app/api/x');
            if (status !== 503) return status;
            await new Promise((soon) => setTimeout(soon, 100));
        }
    }"""
    return f"{meanwhile} meanwhile, {await page.evaluate(back)} afterwards"


# --- the end


@step("step-up: a route wants a stronger authentication")
async def _step_up(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "lena")
    assert await status(page) == "200"
    fetched = await status(page, "/strong/api/x")
    await page.goto(ORIGIN + "/strong/")
    await log_in(page, "lena", factor=True)
    assert world.people.asked("lena")["acr_values"] == STRONG
    after = await status(page, "/strong/api/x")
    return f"fetch {fetched}; navigation: new login with acr_values, then fetch {after}"


@step("logout in one tab: the other tabs")
async def _logout(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "maria")
    others = [await visit(profile) for _ in range(TABS - 1)]
    assert await call(others[0], "openSocket", "/app/socket") == "open"
    assert await call(others[1], "openEvents", "/app/events") == "data: hello\n\n"
    await world.contender.log_out(page)
    socket, events = await _end_of_streams(world, others[0], others[1])
    statuses = sorted({await status(one) for one in others})
    await page.click("button")
    await page.wait_for_url(ORIGIN + "/")
    return f"fetch {', '.join(statuses)}; WebSocket {socket}, events {events}; back at /"


@step("back-channel logout by the provider")
async def _back_channel(world: World, profile: BrowserContext) -> str:
    page = await enter(profile, "nora")
    await open_streams(page)
    assert await asyncio.to_thread(world.people.log_out, "nora") == 1
    socket, events = await _end_of_streams(world, page, page)
    return f"fetch {await status(page)}; WebSocket {socket}, events {events}"


async def _end_of_streams(world: World, socket: Page, events: Page) -> list[str]:
    waiting = (ended(world, socket, "socket"), ended(world, events, "events"))
    return ["ends" if one else "stays open" for one in await asyncio.gather(*waiting)]
