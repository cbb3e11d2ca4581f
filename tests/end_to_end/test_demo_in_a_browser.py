"""A newcomer clicks through the demo: a real browser, and all that `gateway demo` starts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from gateway.cli.demo.parts import Ports, RunningDemo, demo_running
from gateway.settings.values.configuration import AccessLogTarget
from tests.end_to_end.conftest import program
from tests.hanging import LIMIT_SECONDS

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


# One demo and one browser for all tests: a profile of its own for each keeps them apart.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[RunningDemo]:
    async with demo_running(Ports(), AccessLogTarget.NONE) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium-headless-shell"), args=list(CHROMIUM_ARGUMENTS)
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def person(chromium: Browser) -> AsyncIterator[tuple[BrowserContext, list[str]]]:
    """Yield a browser without cookies, and what its pages complain of."""
    complaints: list[str] = []
    context = await chromium.new_context()
    context.set_default_timeout(LIMIT_SECONDS * 1000)
    expect.set_options(timeout=LIMIT_SECONDS * 1000)
    context.on("console", lambda message: complaints.append(message.text))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    try:
        yield context, complaints
    finally:
        await context.close()


async def log_in(page: Page, demo: RunningDemo, name: str) -> None:
    """Open the page, choose the persona, and wait for the page that was wanted."""
    await page.goto(demo.site + "/app/")
    await page.get_by_label(name).check()
    await page.get_by_role("button", name="Allow").click()
    await page.wait_for_url(demo.site + "/app/")
    await expect(page.locator("#name")).to_have_text(name)


async def outcome_of(page: Page, button: str) -> str:
    """Press one of the buttons that call the API; return what the page then shows."""
    await page.locator("#outcome").evaluate("outcome => { outcome.textContent = '' }")
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(page.locator("#outcome")).not_to_be_empty()
    return await page.locator("#outcome").inner_text()


async def test_a_newcomer_logs_in_calls_the_api_and_logs_out_in_all_tabs(
    demo: RunningDemo, chromium: Browser
) -> None:
    async with person(chromium) as (context, complaints):
        page, other = await context.new_page(), await context.new_page()
        await page.goto(demo.site)
        await page.get_by_role("link", name="Log in").click()
        await expect(page.locator(".banner")).to_contain_text("Never use it in production")
        await log_in(page, demo, "Alice")
        await other.goto(demo.site + "/app/")
        await expect(other.locator("#name")).to_have_text("Alice")

        read = await outcome_of(page, "Read an order")
        fields = await page.locator("#fields").inner_text()
        written = await outcome_of(page, "Write an order")
        forged = await outcome_of(page, "Write without X-CSRF")
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url(demo.site + "/")
        await other.get_by_role("button", name="Read an order").click()
        await other.wait_for_url(demo.issuer + "/authorize?**")

    assert read == "200: the service orders saw"
    assert re.search(r"X-Gateway-Subject\s+alice", fields)
    assert "Cookie" not in fields  # ours goes no further
    assert "Authorization" not in fields
    assert written.startswith("403 scope_missing")
    assert forged.startswith("403 csrf_refused")
    # Nothing that a Content-Security-Policy refused.
    assert [text for text in complaints if "status of 40" not in text] == []


async def test_the_session_is_a_cookie_that_no_script_can_read(
    demo: RunningDemo, chromium: Browser
) -> None:
    """Chromium keeps a Secure cookie of http://localhost."""
    async with person(chromium) as (context, _):
        page = await context.new_page()
        await log_in(page, demo, "Bob")
        kept: list[Any] = await context.cookies(demo.site)
        readable = await page.evaluate("document.cookie + JSON.stringify({...localStorage})")

    (session,) = kept
    assert session["name"] == "__Host-session"
    assert (session["secure"], session["httpOnly"]) == (True, True)
    assert (session["sameSite"], session["path"]) == ("Lax", "/")
    assert readable == "{}"


async def test_the_vault_asks_for_a_second_factor_and_no_more_after_it(
    demo: RunningDemo, chromium: Browser
) -> None:
    """RFC 9470."""
    async with person(chromium) as (context, _):
        page = await context.new_page()
        await log_in(page, demo, "Alice")
        await page.get_by_role("link", name="The vault").click()
        await expect(page.get_by_label("and a second factor")).to_be_checked()
        await page.get_by_role("button", name="Allow").click()
        await page.wait_for_url(demo.site + "/app/vault")
        await page.goto(demo.site + "/app/vault")

        assert await page.locator("h1").inner_text() == "The vault"


async def test_who_declines_is_told_and_may_try_again(demo: RunningDemo, chromium: Browser) -> None:
    async with person(chromium) as (context, _):
        page = await context.new_page()
        await page.goto(demo.site + "/app/")
        await page.get_by_role("button", name="Decline").click()
        await page.wait_for_url(demo.site + "/oauth/callback?**")
        said = await page.locator("body").inner_text()
        kept = await context.cookies(demo.site)

    assert "did not succeed" in said
    assert [cookie for cookie in kept if cookie.get("name") == "__Host-session"] == []


async def test_a_session_that_ends_at_the_issuer_ends_at_the_gateway(
    demo: RunningDemo, chromium: Browser
) -> None:
    """OpenID Connect Back-Channel Logout."""
    async with person(chromium) as (context, _):
        page = await context.new_page()
        await log_in(page, demo, "Carol")
        async with (
            aiohttp.ClientSession() as http,
            http.post(demo.issuer + "/end-sessions", data={"sub": "carol"}) as answer,
        ):
            assert await answer.json() == {"ended": 1}

        await page.get_by_role("button", name="Read an order").click()
        await page.wait_for_url(demo.issuer + "/authorize?**")


async def test_a_person_connects_a_device(demo: RunningDemo, chromium: Browser) -> None:
    """RFC 8628 §3.3, with the page that a person sees."""
    async with person(chromium) as (context, complaints), aiohttp.ClientSession() as http:
        form = {"client_id": "tv", "scope": "orders:read"}
        async with http.post(demo.issuer + "/device_authorization", data=form) as answer:
            device = await answer.json()
        page = await context.new_page()
        await page.goto(device["verification_uri"])
        await page.get_by_label("Code").fill(device["user_code"].lower())
        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator(".code")).to_have_text(device["user_code"])
        await page.get_by_role("button", name="Allow").click()
        await expect(page.locator("h1")).to_have_text("Connected")

    assert complaints == []
