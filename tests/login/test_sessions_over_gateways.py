"""Two gateways with one Redis: they refresh once, and what one ends has ended at the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.login.live_logins import LiveLogins
from gateway.login.session import SessionView
from gateway.login.store import SessionStore
from gateway.login.stores.opening import open_store
from gateway.settings.values.login import LoginSettings, SessionStoreKind
from gateway.settings.values.rates import OnFailure, Redis
from tests.limits.redis_server import RedisServer, running_redis
from tests.login.test_signing_out import order, send
from tests.login.world import Browser, World, location, login_settings, open_world, session_settings

LIFE = 300.0
PATIENT = 60.0


@dataclass
class Pair:
    """A *world* with one gateway, and the *other* one."""

    world: World
    other: LiveLogins
    redis: RedisServer

    def at_the_other(self, browser: Browser) -> Browser:
        """Return the same browser, whose requests reach the other gateway."""
        return replace(browser, logins=self.other)


@pytest.fixture(params=[SessionStoreKind.REDIS, SessionStoreKind.COOKIE])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    kept = session_settings(store=request.param, keys=(b"k" * 32,))
    settings: LoginSettings = login_settings(session=kept)
    with running_redis(tmp_path) as server:
        redis = Redis(server.url, PATIENT, OnFailure.REFUSE, "test:")

        def make_store(clock: Callable[[], float]) -> SessionStore:
            return open_store(kept, redis, clock=clock)

        async with open_world(settings, make_store=make_store) as world:
            store = make_store(world.clock)
            async with world.another_gateway(settings, store) as other:
                yield Pair(world, other, server)
            await store.close()
            await world.store.close()


async def test_a_session_of_one_is_one_of_the_other(pair: Pair) -> None:
    browser = await pair.world.log_in()
    here, there = await browser.view(), await pair.at_the_other(browser).view()

    assert (here.id, here.token) == (there.id, there.token)
    assert there.check_at == pair.world.clock.at + 1  # so an end is noticed within two seconds


async def test_a_login_may_end_at_the_other(pair: Pair) -> None:
    browser = pair.world.browser()
    begun = await browser.navigate()
    there = pair.at_the_other(browser)
    url = pair.world.provider.consent(location(begun))
    cookies = dict(browser.cookies)

    assert (await there.come_back(url)).status == 303
    replay = pair.world.browser(cookies=cookies)
    assert (await replay.come_back(url)).reason is Reason.LOGIN_FAILED


async def test_forty_requests_at_both_at_the_moment_of_expiry_cause_one_refresh(
    pair: Pair,
) -> None:
    browser = await pair.world.log_in()
    for round_number in range(1, 4):
        pair.world.clock.at += LIFE
        gateways = [pair.world.logins, pair.other] * 20
        found = await asyncio.gather(*(one.find(browser.cookies) for one in gateways))
        views = [one for one in found if isinstance(one, SessionView)]

        assert len(views) == 40, [one for one in found if isinstance(one, Reason)]
        assert len({view.token for view in views}) == 1
        assert len(pair.world.provider.paths("/token")) == 1 + round_number
        browser.keep(one.decode() for one in views[0].cookies)


async def test_what_one_ends_has_ended_at_the_other(pair: Pair) -> None:
    by_logout, by_provider = await pair.world.log_in(), await pair.world.log_in()
    copies = [dict(by_logout.cookies), dict(by_provider.cookies)]
    await by_logout.log_out()
    assert await pair.other.find(copies[0]) is Reason.LOGIN_REQUIRED
    await pair.at_the_other(by_provider).view()

    assert (await send(pair.world, order(pair.world))).status == 200
    assert await pair.other.find(copies[1]) is Reason.LOGIN_REQUIRED


async def test_without_redis_nobody_is_logged_in_and_nobody_out(pair: Pair) -> None:
    browser = await pair.world.log_in()
    begun = await browser.navigate()
    pair.redis.kill()
    back = await browser.come_back(pair.world.provider.consent(location(begun)))

    assert (back.status, back.reason) == (503, Reason.SESSIONS_UNAVAILABLE)
    assert await browser.find() is Reason.SESSIONS_UNAVAILABLE
    assert (await browser.log_out()).reason is Reason.SESSIONS_UNAVAILABLE
    assert (await send(pair.world, order(pair.world))).status == 503
    assert any(name.startswith("__Host-session") for name in browser.cookies)
