"""Logging out: by the browser, here and at the provider, or by a logout token of the provider."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from gateway.decision.reason import Reason
from gateway.login.requests import Endpoint, LoginResponse
from gateway.login.signed import LOGOUT_EVENT
from tests.decision.policies import NOW
from tests.login.failing import failing_store
from tests.login.provider import answer, hang_up
from tests.login.signing import OTHER_KEY, sign
from tests.login.world import (
    ORIGIN,
    Browser,
    World,
    fields_of,
    location,
    login_settings,
    members,
    open_world,
)

FORM = "application/x-www-form-urlencoded"


async def test_a_logout_ends_the_session_here_and_at_the_provider() -> None:
    """OpenID Connect RP-Initiated Logout 1.0 §2, with the exact URI to return to."""
    async with open_world() as world:
        browser = await world.log_in()
        view, cookies = await browser.view(), dict(browser.cookies)
        response = await browser.log_out()

        url = members(response)["redirect"]
        query = dict(parse_qsl(urlsplit(url).query))
        assert response.status == 200
        assert url.startswith(f"{world.provider.url}/logout?")
        assert query["post_logout_redirect_uri"] == "https://app.example.com/bye"
        assert query["client_id"] == "web"
        assert query["id_token_hint"].count(".") == 2
        assert not browser.cookies
        assert world.ended == [view.id]
        assert await world.logins.find(cookies) is Reason.LOGIN_REQUIRED
        await world.provider.has_revoked.wait()
        assert world.provider.revoked == list(world.provider.refresh_tokens)


async def test_without_a_refresh_token_the_access_token_is_revoked() -> None:
    async with open_world() as world:
        world.provider.refreshes = False
        browser = await world.log_in()
        view = await browser.view()
        await browser.log_out()

        await world.provider.has_revoked.wait()
        assert world.provider.revoked == [view.token.decode()]


@pytest.mark.parametrize("revoke", [hang_up, answer({}, 503), answer({"error": "x"}, 400)])
async def test_a_provider_that_does_not_revoke_delays_no_logout(
    revoke: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_world() as world:
        world.provider.answers["/revoke"] = revoke
        browser = await world.log_in()

        assert (await browser.log_out()).status == 200
        await world.logins.close()
        assert "tokens not revoked at logout" in caplog.text


async def test_without_a_logout_at_the_provider_the_page_after_it_is_next() -> None:
    metadata = {"end_session_endpoint": None, "revocation_endpoint": None}
    async with open_world(metadata=metadata) as world:
        browser = await world.log_in()

        assert members(await browser.log_out()) == {"redirect": "https://app.example.com/bye"}


async def test_a_logout_without_a_session_is_none_the_less_one() -> None:
    url = login_settings(after_logout="https://app.example.com/")
    async with open_world(url) as world:
        browser = world.browser(cookies={"__Host-session": "stale"})
        response = await browser.log_out()

        assert (response.status, members(response)) == (200, {"redirect": url.after_logout})
        assert not browser.cookies


@pytest.mark.parametrize(
    "fields",
    [
        {"csrf": ""},
        {"csrf": "2"},
        {"origin": "", "site": ""},
        {"origin": "https://evil.example"},
        {"origin": "null", "site": ""},
        {"site": "cross-site"},
        {"site": "same-site"},
        {"origin": "", "site": "none"},
    ],
)
async def test_another_site_logs_nobody_out(fields: dict[str, str]) -> None:
    """10017.3: a custom header, and a browser's word for where the request comes from."""
    async with open_world() as world:
        browser = await world.log_in()
        response = await browser.log_out(**fields)

        assert (response.status, response.reason) == (403, Reason.CSRF_REFUSED)
        await browser.view()


async def test_a_store_that_fails_logs_nobody_out() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        for step in ("read", "end"):
            store.failing = {step}
            response = await browser.log_out()
            store.failing = set()
            assert (response.status, response.reason) == (503, Reason.SESSIONS_UNAVAILABLE)
            await browser.view()


# --- back-channel


def order(world: World, **changes: Any) -> str:
    """Return a logout token as the provider signs it."""
    good = {
        "iss": world.provider.url, "aud": "web", "iat": int(world.clock()), "jti": "j1",
        "exp": int(world.clock()) + 120, "events": {LOGOUT_EVENT: {}}, "sid": "provider-session",
    }  # fmt: skip
    return sign({**good, **changes}, "logout+jwt")


async def send(world: World, token: str, **changes: Any) -> LoginResponse:
    body = urlencode({"logout_token": token}).encode()
    provider = Browser(world.logins)
    fields = {"body": body, "content_type": FORM, "accept": "", **changes}
    return await provider.send(Endpoint.BACKCHANNEL_LOGOUT, "POST", **fields)


async def test_the_provider_ends_one_of_its_sessions() -> None:
    """OpenID Connect Back-Channel Logout 1.0 §2.7, §2.8."""
    async with open_world() as world:
        tabs = await world.log_in()
        world.provider.id_claims = {"sid": "another"}
        other = await world.log_in()
        view = await tabs.view()
        response = await send(world, order(world))

        assert (response.status, response.body) == (200, b"")
        assert world.ended == [view.id]
        assert await tabs.find() is Reason.LOGIN_REQUIRED
        await other.view()


async def test_by_subject_it_ends_what_had_begun_before() -> None:
    async with open_world() as world:
        first, second = await world.log_in(), await world.log_in()
        world.provider.subject = "bob"
        bob = await world.log_in()
        world.clock.at += 10
        world.provider.subject = "alice"
        after = await world.log_in()
        token = order(world, sub="alice", sid=..., iat=NOW + 5)

        assert (await send(world, token)).status == 200
        assert await first.find() is Reason.LOGIN_REQUIRED
        assert await second.find() is Reason.LOGIN_REQUIRED
        await bob.view()
        await after.view()


async def test_a_login_that_the_provider_ended_meanwhile_does_not_begin() -> None:
    async with open_world() as world:
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        await send(world, order(world))
        response = await browser.come_back(url)

        assert (response.status, response.reason) == (400, Reason.LOGIN_FAILED)
        assert "ended the session meanwhile" in response.detail


async def test_a_logout_token_is_used_once() -> None:
    async with open_world() as world:
        token = order(world)

        assert (await send(world, token)).status == 200
        assert (await send(world, token)).status == 400


async def test_one_that_could_not_be_obeyed_may_come_again() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        token = order(world)
        for step in ("use_once", "end_all"):
            store.failing = {step}
            response = await send(world, token)
            assert (response.status, response.reason) == (503, Reason.SESSIONS_UNAVAILABLE)
        store.failing = set()

        assert (await send(world, token)).status == 200
        assert await browser.find() is Reason.LOGIN_REQUIRED
        assert (await send(world, token)).status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "n"},
        {"events": {}},
        {"jti": ...},
        {"exp": ...},
        {"iat": ...},
        {"sid": ...},
        {"aud": "other"},
        {"iss": "https://evil.example"},
        {"exp": NOW - 1},
    ],
)
async def test_any_other_token_ends_nothing(changes: dict[str, Any]) -> None:
    async with open_world() as world:
        browser = await world.log_in()
        response = await send(world, order(world, **changes))

        assert (response.status, members(response)) == (400, {"error": "invalid_request"})
        assert "back-channel logout: web: the logout token" in response.detail
        await browser.view()


async def test_a_forged_token_ends_nothing() -> None:
    async with open_world() as world:
        browser = await world.log_in()
        claims = {
            "iss": world.provider.url, "aud": "web", "iat": NOW, "exp": NOW + 9, "jti": "j",
            "sub": "alice", "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip

        assert (await send(world, sign(claims, "logout+jwt", OTHER_KEY))).status == 400
        await browser.view()


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": "application/json"},
        {"body": b""},
        {"body": b"logout_token=a&logout_token=b"},
        {"body": b"logout_token=\xff"},
        {"body": b"&".join([b"a=b"] * 100)},
        {"body": b"id_token=a.b.c"},
    ],
)
async def test_a_body_without_one_token_ends_nothing(changes: dict[str, Any]) -> None:
    async with open_world() as world:
        response = await send(world, order(world), **changes)

        assert (response.status, members(response)) == (400, {"error": "invalid_request"})


async def test_without_keys_the_provider_is_asked_to_come_again() -> None:
    async with open_world() as world:
        world.keys.take("main")
        response = await send(world, order(world))

        assert (response.status, fields_of(response, "Retry-After")) == (503, ["5"])


async def test_a_token_for_another_login_of_the_host_is_found_there() -> None:
    async with open_world(login_settings(name="staff"), login_settings()) as world:
        browser = world.browser(names=("staff", "web"))
        begun = await browser.send(Endpoint.LOGIN, target="/oauth/login?login=web")
        await browser.come_back(world.provider.consent(location(begun)))

        assert (await send(world, order(world))).status == 200
        assert await browser.find() is Reason.LOGIN_REQUIRED
        assert ORIGIN.authority == browser.authority
