"""Logging in: to the provider and back, once, in one browser, and only as it was asked for."""

import logging
from math import inf
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList
from gateway.http.reading.cookies import LOGIN_COOKIE, SESSION_COOKIE
from gateway.login.requests import Endpoint, LoginResponse, StepUpWanted
from gateway.login.under_way import MAX_AGE_SECONDS, MAX_LOGINS
from gateway.settings.values.login import Origin
from tests.decision.policies import NOW
from tests.keyring.peers import until
from tests.login.failing import failing_store
from tests.login.provider import Provider, answer, hang_up
from tests.login.signing import OTHER_KEY
from tests.login.world import (
    ORIGIN,
    Browser,
    fields_of,
    location,
    login_settings,
    members,
    open_world,
)

LOGIN = Endpoint.LOGIN


def assert_failed(response: LoginResponse, browser: Browser, why: str) -> None:
    """Assert a page that says nothing of the request, and no session."""
    assert response.reason in {Reason.LOGIN_FAILED, Reason.LOGIN_UNAVAILABLE}
    assert response.status == response.reason.status
    assert why in response.detail
    assert response.body.startswith(b"<!doctype html>")
    assert b"/oauth/login?to=/" in response.body
    assert "default-src 'none'" in fields_of(response, "Content-Security-Policy")[0]
    assert fields_of(response, "Referrer-Policy") == ["no-referrer"]
    assert SESSION_COOKIE not in browser.cookies


# --- to the provider


async def test_a_navigation_leads_straight_to_the_provider() -> None:
    """9700.6: code, S256, state and nonce, and the exact redirect URI."""
    async with open_world(
        login_settings(resource="https://api.example", extra_params={"ui": "de"})
    ) as world:
        browser = world.browser()
        begun = await browser.navigate("/app/x?a=1")

        asked = dict(parse_qsl(urlsplit(location(begun)).query))
        assert begun.status == 302
        assert asked.pop("state") != asked.pop("nonce")
        assert len(asked.pop("code_challenge")) == 43
        assert asked == {
            "response_type": "code", "client_id": "web", "code_challenge_method": "S256",
            "redirect_uri": "https://app.example.com/oauth/callback", "ui": "de",
            "scope": "openid orders:read", "resource": "https://api.example",
        }  # fmt: skip
        (name,) = browser.cookies
        assert name.startswith(LOGIN_COOKIE)


async def test_two_logins_have_nothing_in_common() -> None:
    async with open_world() as world:
        first, second = [await world.browser().navigate() for _ in range(2)]
        one, two = [world.provider.read_request(location(response)) for response in (first, second)]

        assert not {one["state"], one["nonce"], one["code_challenge"]} & set(two.values())


async def test_the_request_is_pushed_where_that_is_offered() -> None:
    """9126.1: then the URL tells nothing."""
    async with open_world() as world:
        world.provider.metadata = {
            "pushed_authorization_request_endpoint": f"{world.provider.url}/par"
        }
        world.fetch_clock.advance(300)
        await until(lambda: world.logins.status()[0].age_seconds == 0)
        browser = world.browser()
        begun = await browser.navigate()
        (pushed,) = world.provider.paths("/par")

        query = dict(parse_qsl(urlsplit(location(begun)).query))
        assert set(query) == {"client_id", "request_uri"}
        assert pushed["redirect_uri"] == "https://app.example.com/oauth/callback"
        done = await browser.come_back(world.provider.consent(location(begun)))
        assert done.status == 303


async def test_the_page_to_return_to_is_one_of_this_origin() -> None:
    async with open_world() as world:
        for target, wanted in {
            "/oauth/login?to=/app/x%3Fa%3D1": "/app/x?a=1",
            "/oauth/login": "/",
            "/oauth/login?to=https://evil.example/": "/",
            "/oauth/login?to=//evil.example/": "/",
            "/oauth/login?to=/%5Cevil.example/": "/",
        }.items():
            browser = world.browser()
            begun = await browser.send(LOGIN, target=target)
            done = await browser.come_back(world.provider.consent(location(begun)))
            assert location(done) == ORIGIN.text + wanted


async def test_nobody_logs_in_on_another_host() -> None:
    """CVE-2026-34457: URLs are made of the configured origins alone."""
    async with open_world() as world:
        for authority in (
            "evil.example",
            "app.example.com:8443",
            "app.example.com.evil.example",
            "",
        ):
            browser = world.browser(authority=authority)
            for response in (await browser.navigate(), await browser.send(Endpoint.CALLBACK)):
                assert (response.status, response.reason) == (421, Reason.LOGIN_MISDIRECTED)
                assert not fields_of(response, "Location")


async def test_a_step_up_asks_for_the_authentication_that_is_wanted() -> None:
    """9470.4: acr_values and max_age, by a navigation or by a link."""
    wanted = StepUpWanted(("mfa", "pwd"), 60)
    async with open_world() as world:
        by_page = await world.browser().navigate("/app/x", wanted)
        target = "/oauth/login?to=/app/x&acr_values=mfa+pwd&max_age=60"
        by_link = await world.browser().send(LOGIN, target=target)

        for response in (by_page, by_link):
            asked = world.provider.read_request(location(response))
            assert (asked["acr_values"], asked["max_age"]) == ("mfa pwd", "60")


@pytest.mark.parametrize(
    "query", ["max_age=-1", "max_age=1.5", "max_age=x", "acr_values=%0a", "acr_values=a++b"]
)
async def test_what_a_link_asks_for_in_another_form_is_not_asked_for(query: str) -> None:
    async with open_world() as world:
        begun = await world.browser().send(LOGIN, target=f"/oauth/login?{query}")

        assert not {"max_age", "acr_values"} & set(world.provider.read_request(location(begun)))


async def test_a_person_chooses_among_several_logins() -> None:
    async with open_world(login_settings(), login_settings(name="staff & co")) as world:
        browser = world.browser(names=("web", "staff & co"))
        begun = await browser.navigate("/app/x?a=1&b=<2>")
        assert location(begun) == f"{ORIGIN.text}/oauth/login?to=/app/x%3Fa%3D1%26b%3D%3C2%3E"
        page = await browser.send(LOGIN, target=location(begun)[len(ORIGIN.text) :])

        assert page.status == 200
        assert (
            b'href="/oauth/login?to=/app/x%3Fa%3D1%26b%3D%3C2%3E&amp;login=staff+%26+co"'
            in page.body
        )
        assert b"<script" not in page.body
        chosen = await browser.send(LOGIN, target="/oauth/login?to=/a&login=staff+%26+co")
        done = await browser.come_back(world.provider.consent(location(chosen)))
        assert (done.status, (await browser.view()).login) == (303, "staff & co")


async def test_a_login_of_another_name_is_no_login_here() -> None:
    async with open_world() as world:
        browser = world.browser()

        assert_failed(
            await browser.send(LOGIN, target="/oauth/login?login=x"), browser, "of that name"
        )


async def test_a_step_up_stays_at_the_login_of_the_session() -> None:
    async with open_world(login_settings(), login_settings(name="staff")) as world:
        browser = world.browser(names=("web", "staff"))
        begun = await browser.send(LOGIN, target="/oauth/login?login=staff")
        await browser.come_back(world.provider.consent(location(begun)))
        again = await browser.navigate("/app/x", StepUpWanted((), 600))
        await browser.come_back(world.provider.consent(location(again)))

        assert (await browser.view()).login == "staff"


async def test_a_browser_keeps_the_newest_logins_under_way() -> None:
    async with open_world() as world:
        browser = world.browser()
        begun = [location(await browser.navigate()) for _ in range(MAX_LOGINS + 3)]
        first, last = world.provider.consent(begun[0]), world.provider.consent(begun[-1])

        assert len(browser.cookies) <= MAX_LOGINS
        assert_failed(await browser.come_back(first), browser, "no login under way")
        assert (await browser.come_back(last)).status == 303


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"authorization_endpoint": None}, "no authorization_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        (
            {"require_pushed_authorization_requests": True},
            "no pushed_authorization_request_endpoint",
        ),
        ({"issuer": "https://other.example"}, "names another issuer"),
        ({"token_endpoint": 7}, "token_endpoint"),
    ],
)
async def test_a_provider_that_cannot_do_what_is_needed_is_not_asked(
    metadata: dict[str, Any], why: str
) -> None:
    """9700.11: PKCE is not left out because a provider does not offer it."""
    async with open_world(metadata=metadata) as world:
        browser = world.browser()
        response = await browser.navigate()

        assert_failed(response, browser, why)
        assert response.status == 503
        assert fields_of(response, "Retry-After") == ["5"]


async def test_a_provider_that_comes_up_late_is_found() -> None:
    async with open_world(answers={"/.well-known/openid-configuration": hang_up}) as world:
        browser = world.browser()
        first = await browser.navigate()
        asked = len(world.provider.asked)
        await browser.navigate()
        assert_failed(first, browser, "the issuer's endpoints")
        assert len(world.provider.asked) == asked  # not before the pause has passed

        del world.provider.answers["/.well-known/openid-configuration"]
        world.fetch_clock.advance(60)
        await world.log_in(browser)


# --- and back


async def test_a_login_gives_a_session_and_leads_back() -> None:
    async with open_world() as world:
        browser = world.browser()
        begun = await browser.navigate("/app/x?a=1")
        done = await browser.come_back(world.provider.consent(location(begun)))
        view = await browser.view()

        assert (done.status, location(done)) == (303, f"{ORIGIN.text}/app/x?a=1")
        assert list(browser.cookies) == [SESSION_COOKIE]
        assert (view.login, view.subject) == ("web", "alice")
        assert view.token.count(b".") == 2
        assert world.kept.counts.logins == {("web", "begun"): 1, ("web", "succeeded"): 1}
        (sent,) = world.provider.paths("/token")
        assert sent["redirect_uri"] == "https://app.example.com/oauth/callback"


async def test_every_login_makes_a_new_session_and_ends_the_one_before() -> None:
    """9700.14: session fixation."""
    async with open_world() as world:
        browser = await world.log_in()
        before, former = await browser.view(), dict(browser.cookies)
        await world.log_in(browser)
        after = await browser.view()

        assert after.id != before.id
        assert browser.cookies[SESSION_COOKIE] != former[SESSION_COOKIE]
        assert world.ended == [before.id]
        assert await world.logins.find(former) is Reason.LOGIN_REQUIRED
        assert world.kept.counts.ended["web", "replaced"] == 1


async def test_a_planted_session_cookie_is_not_adopted() -> None:
    async with open_world() as world:
        browser = world.browser(cookies={SESSION_COOKIE: "planted"})
        await world.log_in(browser)

        assert browser.cookies[SESSION_COOKIE] != "planted"


async def test_a_state_is_used_once_even_if_its_cookie_is_replayed() -> None:
    """9700.12: nor is a second code ever sent for it."""
    async with open_world() as world:
        browser = world.browser()
        begun = await browser.navigate()
        cookies = dict(browser.cookies)
        await browser.come_back(world.provider.consent(location(begun)))
        state = world.provider.read_request(location(begun))["state"]

        replay = world.browser(cookies=cookies)
        again = f"{ORIGIN.text}/oauth/callback?state={state}&code=other&iss={world.provider.url}"
        assert_failed(await replay.come_back(again), replay, "used before")
        assert len(world.provider.paths("/token")) == 1


async def test_a_login_ends_in_the_browser_that_began_it() -> None:
    """9700.12: login CSRF. A code of the attacker's own login is of no use elsewhere."""
    async with open_world() as world:
        attacker, victim = world.browser(), world.browser()
        url = world.provider.consent(location(await attacker.navigate()))
        await victim.navigate()

        assert_failed(await victim.come_back(url), victim, "no login under way")
        assert not world.provider.paths("/token")


async def test_the_cookie_of_another_login_does_not_stand_for_this_one() -> None:
    async with open_world() as world:
        attacker, victim = world.browser(), world.browser()
        url = world.provider.consent(location(await attacker.navigate()))
        await victim.navigate()
        (name,), (value,) = attacker.cookies, victim.cookies.values()
        victim.cookies = {name: value}

        assert_failed(await victim.come_back(url), victim, "no login under way")


async def test_a_login_that_took_too_long_is_over() -> None:
    async with open_world() as world:
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        world.clock.at += MAX_AGE_SECONDS

        assert_failed(await browser.come_back(url), browser, "too long ago")
        assert not browser.cookies


async def test_a_login_ends_at_the_origin_where_it_began() -> None:
    two = login_settings(origins=(ORIGIN, Origin("https://b.example.com", "b.example.com")))
    async with open_world(two) as world:
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        browser.authority = "b.example.com"

        assert_failed(await browser.come_back(url), browser, "another issuer or origin")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": ""}, "state is missing"),
        ({"state": "x" * 43}, "no login under way"),
        ({"code": ""}, "neither code nor error"),
        ({"iss": ""}, "iss is missing"),
        ({"iss": "https://evil.example"}, "iss names another issuer"),
        ({"code": "", "error": "access_denied", "error_description": "no"}, "access_denied"),
        ({"error": "access_denied"}, "neither code nor error, or both"),
        ({"code": "", "error": "<script>"}, "authorization endpoint: <script>"),
        ({"code": "", "error": 'a"b'}, "without a valid error code"),
        ({"code": "", "error": "temporarily_unavailable"}, "temporarily_unavailable"),
        ({"code": "unknown"}, "invalid_grant"),
    ],
)
async def test_a_callback_that_is_not_the_answer_makes_no_session(
    changes: dict[str, str], why: str
) -> None:
    """9207.1: iss is compared; and an error is a page, not an exception."""
    async with open_world() as world:
        browser = world.browser()
        begun = await browser.navigate()
        asked = world.provider.read_request(location(begun))
        url = world.provider.callback(asked, **{"code": "c", **changes})
        response = await browser.come_back(url)

        assert_failed(response, browser, why)
        assert b"script" not in response.body
        assert b"access_denied" not in response.body


async def test_a_parameter_that_comes_twice_makes_no_session() -> None:
    async with open_world() as world:
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))

        assert_failed(await browser.come_back(f"{url}&code=x"), browser, "twice")


async def test_iss_may_be_missing_if_the_provider_never_sends_it() -> None:
    metadata = {"authorization_response_iss_parameter_supported": None}
    async with open_world(metadata=metadata) as world:
        browser = world.browser()
        asked = world.provider.read_request(location(await browser.navigate()))
        wrong = world.provider.callback(asked, code="c", iss="https://evil.example")

        assert_failed(await browser.come_back(wrong), browser, "another issuer")
        world.provider.url, url = "", world.provider.url
        begun = await browser.navigate()
        world.provider.url = url
        callback = world.provider.consent(location(begun)).replace("iss=", "x=")
        assert (await browser.come_back(callback)).status == 303


def _tokens(**changes: Any) -> Any:
    def change(provider: Provider) -> None:
        for name, value in changes.items():
            setattr(provider, name, value)

    return change


def _answers(say: Any) -> Any:
    def change(provider: Provider) -> None:
        provider.answers["/token"] = say

    return change


REDIRECT = answer(b"", 302, Location="https://evil.example/")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_answers(hang_up), "the exchange failed"),
        (_answers(answer({}, 500)), "status 500"),
        (_answers(answer({}, 503)), "status 503"),
        (_answers(answer({"error": "invalid_client"}, 401)), "invalid_client"),
        (_answers(answer({"error": "invalid_grant"}, 400)), "invalid_grant"),
        (_answers(answer(b"\x00\xff", 200)), "the response is"),
        (_answers(answer([], 200)), "the response is"),
        (_answers(answer({}, 200)), "access_token is missing"),
        (_answers(answer(b"a" * 1_000_000, 200)), "larger than"),
        (_answers(REDIRECT), "status 302"),
        (_answers(answer({}, 200, Content_Type="text/html")), "not JSON"),
        (_tokens(members={"token_type": "DPoP"}), "token_type"),
        (_tokens(members={"access_token": "opaque"}), "three parts"),
        (_tokens(members={"id_token": None}), "no ID token"),
        (_tokens(members={"id_token": "a.b.c"}), "ID token"),
        (_tokens(key=OTHER_KEY), "does not verify"),
        (_tokens(access_claims={"iss": "https://evil.example"}), "not configured"),
        (_tokens(access_claims={"sub": "bob"}), "not of one subject"),
        (_tokens(access_claims={"sub": ...}), "not of one subject"),
        (_tokens(access_claims={"exp": 1}), "has expired"),
        (_tokens(id_claims={"iss": "https://evil.example"}), "not configured"),
        (_tokens(id_claims={"aud": "other"}), "names no audience"),
        (_tokens(id_claims={"nonce": "other"}), "nonce"),
        (_tokens(id_claims={"nonce": ...}), "nonce"),
        (_tokens(id_claims={"exp": 1}), "has expired"),
        (_tokens(id_claims={"sub": ...}), "sub is missing"),
        (_tokens(id_claims={"at_hash": "wrong"}), "at_hash"),
        (_tokens(id_claims={"azp": "other"}), "azp"),
        # It would begin a session that is over already, and so the next login, for ever.
        (_tokens(id_claims={"iat": int(NOW) - 9 * 3600}), "iat is long before the login"),
        (_tokens(id_claims={"iat": int(NOW) - 601}), "iat is long before the login"),
    ],
)
async def test_a_provider_that_answers_something_else_makes_no_session(
    change: Any, why: str
) -> None:
    """9700.6, and OpenID Connect Core 1.0 §3.1.3.7: down, nonsense, or for somebody else."""
    async with open_world() as world:
        change(world.provider)
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))

        assert_failed(await browser.come_back(url), browser, why)
        assert not browser.cookies


async def test_a_callback_for_which_no_code_is_sent_fills_no_memory() -> None:
    """Strangers make as many as they like, and what was used is remembered for minutes."""
    async with open_world() as world, failing_store(world) as store:
        for parameters in ({"error": "access_denied"}, {"code": "c", "iss": "https://other"}):
            browser = world.browser()
            asked = world.provider.read_request(location(await browser.navigate()))
            response = await browser.come_back(world.provider.callback(asked, **parameters))

            assert response.reason is Reason.LOGIN_FAILED
        assert "use_once" not in store.called


async def test_two_codes_for_one_login_make_one_session() -> None:
    async with open_world() as world:
        browser = world.browser()
        begun = await browser.navigate()
        cookies = dict(browser.cookies)
        first, second = [world.provider.consent(location(begun)) for _ in range(2)]
        assert (await browser.come_back(first)).status == 303

        other = world.browser(cookies=cookies)
        assert_failed(await other.come_back(second), other, "used before")


async def test_a_step_up_that_did_not_help_is_not_repeated() -> None:
    """9470.5."""
    async with open_world() as world:
        browser = await world.log_in()
        before = await browser.view()
        begun = await browser.navigate("/app/x", StepUpWanted(("mfa",)))
        failed = await browser.come_back(world.provider.consent(location(begun)))
        assert (failed.status, failed.reason) == (400, Reason.LOGIN_FAILED)
        assert "acr" in failed.detail
        assert (await browser.view()).id == before.id  # the former session stays

        world.provider.access_claims = {"acr": "mfa"}
        begun = await browser.navigate("/app/x", StepUpWanted(("mfa",)))
        assert (await browser.come_back(world.provider.consent(location(begun)))).status == 303


async def test_a_person_whose_tokens_are_revoked_is_not_sent_around_for_ever() -> None:
    async with open_world() as world:
        entry = Revocation((("sub", "alice"),), inf, inf)
        world.revocations["blocked"] = RevocationList([entry])
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        response = await browser.come_back(url)
        assert_failed(response, browser, "the token is on the revocation list blocked")
        assert response.status == 400

        del world.revocations["blocked"]
        url = world.provider.consent(location(await browser.navigate()))
        response = await browser.come_back(url)
        assert_failed(response, browser, "the revocation list blocked is not loaded")
        assert response.status == 503


async def test_keys_that_are_not_loaded_are_fetched_for_a_login() -> None:
    async with open_world() as world:
        loaded = world.keys.keys["main"]
        world.keys.take("main")
        browser = world.browser()
        url = world.provider.consent(location(await browser.navigate()))
        response = await browser.come_back(url)
        assert_failed(response, browser, "keys were never loaded")
        assert response.status == 503

        world.keys.fetched = loaded
        await world.log_in(browser)


async def test_a_store_that_fails_logs_nobody_in_and_nobody_out() -> None:
    async with open_world() as world, failing_store(world) as store:
        browser = await world.log_in()
        view = await browser.view()
        url = world.provider.consent(location(await browser.navigate()))
        for step in ("use_once", "begin", "end"):
            store.failing = {step}
            response = await browser.come_back(url)
            assert (response.status, response.reason) == (503, Reason.SESSIONS_UNAVAILABLE)
            store.failing = set()
            assert (await browser.view()).id == view.id
            url = world.provider.consent(location(await browser.navigate()))


async def test_a_program_gets_a_problem_instead_of_a_page() -> None:
    async with open_world() as world:
        response = await world.browser().send(Endpoint.CALLBACK, accept="application/json")

        assert fields_of(response, "Content-Type") == ["application/problem+json"]
        assert members(response)["reason"] == "login_failed"


async def test_nothing_secret_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_world() as world:
        browser = await world.log_in()
        world.provider.id_claims = {"nonce": "other"}
        begun = await browser.navigate()
        url = world.provider.consent(location(begun))
        failed = await browser.come_back(url)
        secrets = [
            *browser.cookies.values(),
            *world.provider.refresh_tokens,
            *dict(parse_qsl(urlsplit(url).query)).values(),
        ]

        shown = caplog.text + repr(failed) + repr(begun) + failed.body.decode() + failed.detail
        assert not [one for one in secrets if one in shown and one != world.provider.url]
