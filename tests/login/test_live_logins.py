"""What the logins of one configuration respond to pages and operators."""

import asyncio
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.login.requests import Endpoint
from tests.decision.policies import NOW
from tests.login.failing import failing_store
from tests.login.provider import hang_up
from tests.login.world import (
    fields_of,
    location,
    login_settings,
    members,
    open_world,
    session_settings,
)

USERINFO = Endpoint.USERINFO


async def test_a_page_reads_the_claims_that_are_listed_and_no_others() -> None:
    """10017.9."""
    async with open_world(login_settings(claims=("sub", "name", "phone_number"))) as world:
        response = await (await world.log_in()).send(USERINFO)

        assert response.status == 200
        assert members(response) == {"sub": "alice", "name": "Alice"}
        assert fields_of(response, "Cross-Origin-Resource-Policy") == ["same-origin"]
        assert not [name for name, _ in response.fields if name.startswith("Access-Control-")]


async def test_without_a_session_a_page_learns_where_to_log_in() -> None:
    async with open_world() as world:
        response = await world.browser().send(USERINFO)

        assert (response.status, response.reason) == (401, Reason.LOGIN_REQUIRED)
        assert members(response)["login"] == "https://app.example.com/oauth/login?to=/"
        assert fields_of(response, "WWW-Authenticate") == ['Bearer realm="gateway"']
        assert fields_of(response, "Content-Type") == ["application/problem+json"]


async def test_asking_who_is_logged_in_keeps_nobody_logged_in() -> None:
    async with open_world(login_settings(session=session_settings(idle_seconds=100.0))) as world:
        browser = await world.log_in()
        for _ in range(3):
            world.clock.at += 33
            assert (await browser.send(USERINFO)).status == 200
        world.clock.at = NOW + 100

        assert (await browser.send(USERINFO)).status == 401
        assert len(world.provider.paths("/token")) == 1  # nor did it refresh


async def test_claims_follow_a_refresh() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        world.provider.id_claims = {"name": "Alice Smith", "email": ...}
        world.clock.at += 300
        await browser.view()

        known = {"sub": "alice", "name": "Alice Smith", "email": "alice@example.com"}
        assert members(await browser.send(USERINFO)) == known


async def test_a_store_that_fails_says_neither_who_nor_nobody() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        store.failing = {"read"}
        response = await browser.send(USERINFO)

        assert (response.status, response.reason) == (503, Reason.SESSIONS_UNAVAILABLE)


@pytest.mark.parametrize("names", [("other",), ()])
@pytest.mark.parametrize("endpoint", list(Endpoint))
async def test_logins_that_are_not_named_do_not_respond(
    endpoint: Endpoint, names: tuple[str, ...]
) -> None:
    async with open_world() as world:
        response = await world.browser(names=names).send(endpoint)

        assert (response.status, response.reason) == (421, Reason.LOGIN_MISDIRECTED)


async def test_the_endpoints_of_an_issuer_are_kept_over_a_reload() -> None:
    async with open_world() as world:
        world.provider.answers["/.well-known/openid-configuration"] = hang_up
        async with world.reloaded():
            (status,) = world.logins.status()
            assert (status.name, status.loaded, status.last_error) == ("main", True, None)
            await world.log_in()


async def test_requests_to_the_issuer_end_before_a_former_configuration_does() -> None:
    async with open_world() as world:
        arrived, opened = asyncio.Event(), asyncio.Event()

        async def slow(request: Any) -> Any:
            arrived.set()
            await opened.wait()
            del world.provider.answers["/revoke"]
            return await world.provider(request)

        world.provider.answers["/revoke"] = slow
        browser = await world.log_in()
        await browser.log_out()
        await arrived.wait()
        retiring = asyncio.create_task(world.logins.retire())
        opened.set()
        await retiring

        assert world.provider.revoked


async def test_a_login_in_flight_ends_before_a_former_configuration_does() -> None:
    """The person saw login_unavailable, and the code was spent."""
    async with open_world() as world:
        arrived, opened = asyncio.Event(), asyncio.Event()

        async def slow(request: Any) -> Any:
            arrived.set()
            await opened.wait()
            return world.provider.answer_token()

        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        world.provider.answers["/token"] = slow
        coming = asyncio.create_task(browser.come_back(url))
        await arrived.wait()
        retiring = asyncio.create_task(world.logins.retire())
        for _ in range(100):  # as far as it gets
            await asyncio.sleep(0)
        opened.set()

        assert (await coming).status == 303
        await retiring
