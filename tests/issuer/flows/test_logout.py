"""Logging out over real sockets, and clients that hear of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from gateway.issuer.listening import bind_loopback, origin_of, serving
from tests.issuer.running import Browser, RunningIssuer, authorize_target

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@asynccontextmanager
async def listening_client(status: int = 200) -> AsyncIterator[tuple[str, list[str]]]:
    """Run a client that keeps the logout tokens it gets; yield its origin, and these."""
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(str((await request.post())["logout_token"]))
        return web.Response(status=status)

    application = web.Application()
    application.router.add_post("/oauth/backchannel-logout", answer)
    bound = bind_loopback("127.0.0.1", 0)
    async with serving(application, bound):
        yield origin_of(bound), heard


async def logged_in(issuer: RunningIssuer, browser: Browser, client: str) -> dict[str, Any]:
    """Log alice in at the client of this origin; return the tokens."""
    redirect_uri = client + "/oauth/callback"
    back = await browser.log_in(redirect_uri=redirect_uri)
    _, tokens = await issuer.exchange(back.sent_back["code"], redirect_uri=redirect_uri)
    return tokens


def logout_target(**wanted: str) -> str:
    return "/logout?" + urlencode({name: value for name, value in wanted.items() if value})


async def is_logged_in(browser: Browser) -> bool:
    back = await browser.get(authorize_target(prompt="none"))
    return "code" in back.sent_back


async def test_a_client_logs_its_person_out_and_hears_of_it(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RP-Initiated Logout §2, §3; Back-Channel Logout §2.4, §2.5."""
    async with listening_client() as (client, heard):
        tokens = await logged_in(issuer, browser, client)
        back = await browser.get(
            logout_target(
                id_token_hint=tokens["id_token"], post_logout_redirect_uri=client + "/", state="s"
            )
        )

        assert (back.status, back.location) == (303, client + "/?state=s")
        assert not await is_logged_in(browser)
        (logout_token,) = [await issuer.decode(token) for token in heard]
    identity = (await issuer.decode(tokens["id_token"])).claims
    assert logout_token.header["typ"] == "logout+jwt"
    assert logout_token.claims.pop("jti")
    assert logout_token.claims.pop("exp") == int(issuer.clock.now) + 120
    assert logout_token.claims == {
        "iss": issuer.origin,
        "sub": "alice",
        "aud": "web",
        "iat": int(issuer.clock.now),
        "sid": identity["sid"],
        "events": {EVENT: {}},
    }


async def test_without_a_hint_a_page_asks_first(issuer: RunningIssuer, browser: Browser) -> None:
    """RP-Initiated Logout §2, §6: a link elsewhere must not log anybody out."""
    await browser.log_in()
    target = logout_target(client_id="web", post_logout_redirect_uri="http://localhost:8080/")
    page = await browser.get(target)
    assert (page.status, await is_logged_in(browser)) == (200, True)
    stranger = await issuer.new_browser().submit(page, answer="allow")
    assert (stranger.status, await is_logged_in(browser)) == (403, True)

    back = await browser.submit(page, answer="allow")

    assert back.location == "http://localhost:8080/"
    assert not await is_logged_in(browser)


async def test_who_declines_stays_logged_in(browser: Browser) -> None:
    await browser.log_in()

    await browser.submit(await browser.get("/logout"), answer="decline")

    assert await is_logged_in(browser)


async def test_a_hint_about_another_session_is_asked_about(
    issuer: RunningIssuer, browser: Browser
) -> None:
    other = issuer.new_browser()
    _, tokens = await issuer.exchange((await other.log_in()).sent_back["code"])
    await browser.log_in()

    page = await browser.get(logout_target(id_token_hint=tokens["id_token"]))

    assert "Log out?" in page.text
    assert await is_logged_in(browser)
    assert await is_logged_in(other)


async def test_a_hint_still_holds_when_it_has_expired_and_the_key_has_changed(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RP-Initiated Logout §2: a session outlives its ID token."""
    _, tokens = await issuer.exchange((await browser.log_in()).sent_back["code"])
    issuer.clock.now += 7000
    await issuer.client.post(issuer.origin + "/rotate")

    page = await browser.get(logout_target(id_token_hint=tokens["id_token"]))

    assert "Logged out" in page.text
    assert not await is_logged_in(browser)


@pytest.mark.parametrize(
    "wanted",
    [
        {"client_id": "web", "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "web", "post_logout_redirect_uri": "http://localhost:8080/evil"},
        {"client_id": "tv", "post_logout_redirect_uri": "http://localhost:8080/"},
        {"post_logout_redirect_uri": "http://localhost:8080/"},
        {"id_token_hint": "x.y.z"},
        {"id_token_hint": "x" * 10_000},
    ],
)
async def test_nobody_is_sent_where_no_client_registered(
    browser: Browser, wanted: dict[str, str]
) -> None:
    """RP-Initiated Logout §3."""
    await browser.log_in()

    page = await browser.get(logout_target(**wanted))

    assert (page.status, page.location) == (400, "")
    assert "evil" not in page.text
    assert await is_logged_in(browser)


async def test_a_hint_for_another_client_is_refused(
    issuer: RunningIssuer, browser: Browser
) -> None:
    _, tokens = await issuer.exchange((await browser.log_in()).sent_back["code"])

    page = await browser.get(logout_target(client_id="cli", id_token_hint=tokens["id_token"]))

    assert page.status == 400


async def test_an_access_token_is_no_hint(issuer: RunningIssuer, browser: Browser) -> None:
    _, tokens = await issuer.exchange((await browser.log_in()).sent_back["code"])

    assert (await browser.get(logout_target(id_token_hint=tokens["access_token"]))).status == 400


async def test_another_person_in_the_same_browser_ends_the_session_before(
    issuer: RunningIssuer, browser: Browser
) -> None:
    async with listening_client() as (client, heard):
        await logged_in(issuer, browser, client)

        page = await browser.get(authorize_target(prompt="select_account"))
        await browser.submit(page, persona="bob", answer="allow")

        (logout_token,) = [await issuer.decode(token) for token in heard]
    assert logout_token.claims["sub"] == "alice"


@pytest.mark.parametrize(
    ("form", "ended", "stays"),
    [({}, 2, False), ({"sub": "alice"}, 1, False), ({"sub": "bob"}, 1, True)],
)
async def test_a_test_may_end_sessions_of_somebody_or_of_all(
    issuer: RunningIssuer, browser: Browser, form: dict[str, str], ended: int, stays: bool
) -> None:
    async with listening_client() as (client, heard):
        await logged_in(issuer, browser, client)
        await issuer.new_browser().log_in("bob")

        status, body = await issuer.post("/end-sessions", form)

    assert (status, body) == (200, {"ended": ended})
    assert len(heard) == (0 if stays else 1)
    assert await is_logged_in(browser) is stays


async def test_nobody_of_that_name_has_sessions(issuer: RunningIssuer) -> None:
    assert (await issuer.post("/end-sessions", {"sub": "root"}))[0] == 400


@pytest.mark.parametrize("go_away", [lambda: listening_client(400), lambda: listening_client(302)])
async def test_a_client_that_does_not_listen_keeps_nobody_logged_in(
    issuer: RunningIssuer, browser: Browser, go_away: Callable[[], Any], caplog: Any
) -> None:
    async with go_away() as (client, heard):
        tokens = await logged_in(issuer, browser, client)
        await browser.get(logout_target(id_token_hint=tokens["id_token"]))

    assert len(heard) == 1
    assert not await is_logged_in(browser)
    assert "back-channel logout" in caplog.text
    assert heard[0] not in caplog.text
