"""Sessions that browsers keep themselves: refreshed once, whichever cookie comes, and ended."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.cookies import SESSION_COOKIE
from gateway.login.sealing import KeyRing
from gateway.login.session import SessionView
from gateway.login.stores.cookie import CookieStore
from gateway.login.stores.memory_ledger import MemoryLedger
from gateway.settings.values.login import SessionStoreKind
from tests.login.provider import answer
from tests.login.world import World, login_settings, open_world, session_settings

KEYS = (b"k" * 32,)
LIFE = 300.0
IN_COOKIES = login_settings(session=session_settings(store=SessionStoreKind.COOKIE, keys=KEYS))


def make_store(clock: Callable[[], float]) -> CookieStore:
    return CookieStore(KeyRing(KEYS), MemoryLedger(clock), 12 * 1024, 28_800.0, clock=clock)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(IN_COOKIES, make_store=make_store) as made:
        yield made


async def test_a_session_is_in_the_browser_and_nowhere_else(world: World) -> None:
    browser = await world.log_in()
    view = await browser.view()

    assert view.subject == "alice"
    assert await world.logins.listed(None) == []
    assert b"." not in b"".join(one.encode() for one in browser.cookies.values())


async def test_forty_requests_with_one_cookie_cause_one_refresh(world: World) -> None:
    browser = await world.log_in()
    world.clock.at += LIFE
    views = await asyncio.gather(*(world.logins.find(browser.cookies) for _ in range(40)))

    tokens = {view.token for view in views if isinstance(view, SessionView)}
    assert len(tokens) == 1
    assert all(isinstance(view, SessionView) and view.cookies for view in views)
    assert len(world.provider.paths("/token")) == 2


async def test_the_new_cookie_comes_with_the_response_that_needed_it(world: World) -> None:
    browser = await world.log_in()
    before = dict(browser.cookies)
    world.clock.at += LIFE - 30
    view = await browser.view()
    assert view.cookies
    assert browser.cookies != before
    again = await browser.view()

    assert (again.token, again.cookies) == (view.token, ())
    assert len(world.provider.paths("/token")) == 2


async def test_a_request_in_flight_may_bring_the_former_cookie_for_a_minute(world: World) -> None:
    browser = await world.log_in()
    before = dict(browser.cookies)
    world.clock.at += LIFE
    view = await browser.view()
    world.clock.at += 59
    late = await world.logins.find(before)

    assert isinstance(late, SessionView)
    assert (late.id, late.token) == (view.id, view.token)
    assert len(world.provider.paths("/token")) == 2


async def test_while_the_provider_is_down_the_valid_token_serves(world: World) -> None:
    browser = await world.log_in()
    first = await browser.view()
    world.provider.answers["/token"] = answer({}, 503)
    world.clock.at += LIFE - 10

    assert (await browser.view()).token == first.token
    world.clock.at += 10
    assert await browser.find() is Reason.LOGIN_UNAVAILABLE
    assert browser.cookies


async def test_a_copy_of_a_cookie_ends_with_its_session(world: World) -> None:
    browser = await world.log_in()
    copy = dict(browser.cookies)
    await browser.log_out()

    assert await world.logins.find(copy) is Reason.LOGIN_REQUIRED


async def test_a_cookie_that_was_changed_or_cut_is_no_session(world: World) -> None:
    browser = await world.log_in()
    value = browser.cookies[SESSION_COOKIE]
    for bad in (value[:-1], value[1:], value + "A", value.swapcase(), value[:20]):
        assert await world.logins.find({SESSION_COOKIE: bad}) is Reason.LOGIN_REQUIRED


async def test_tokens_that_are_too_large_for_cookies_make_no_session(world: World) -> None:
    world.provider.access_claims = {"groups": [f"{number:040x}" for number in range(100)]}
    world.provider.id_claims = {"groups": [f"{number:040x}" for number in range(100)]}
    browser = world.browser()
    begun = await browser.navigate()
    location = dict(begun.fields)["Location"]
    response = await browser.come_back(world.provider.consent(location))

    assert (response.status, response.reason) == (400, Reason.LOGIN_FAILED)
    assert "session.cookie_bytes" in response.detail
    assert not browser.cookies


async def test_tokens_that_grow_too_large_end_the_session(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await world.log_in()
    world.provider.access_claims = {"groups": [f"{number:040x}" for number in range(100)]}
    world.provider.id_claims = {"groups": [f"{number:040x}" for number in range(100)]}
    world.clock.at += LIFE

    assert await browser.find() is Reason.LOGIN_REQUIRED
    assert "cookie_bytes" in caplog.text
    assert len(world.ended) == 1
