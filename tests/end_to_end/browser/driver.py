"""A browser, and what a person does with it."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.end_to_end.browser.names import Names, pin
from tests.end_to_end.conftest import program
from tests.hanging import LIMIT_SECONDS

_ARGUMENTS = (
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
)


@asynccontextmanager
async def running_browser(names: Names) -> AsyncIterator[Browser]:
    """Yield a browser that reaches the hosts of *names*, and loopback, and nothing else."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium-headless-shell"),
            args=[*_ARGUMENTS, f"--ignore-certificate-errors-spki-list={pin()}"],
            proxy={"server": f"http://127.0.0.1:{names.port}", "bypass": "127.0.0.1"},
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def person(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Yield a browser profile of its own, without cookies."""
    context = await browser.new_context()
    context.set_default_timeout(LIMIT_SECONDS * 1000)
    try:
        yield context
    finally:
        with contextlib.suppress(Exception):
            await context.close()


async def log_in(page: Page, subject: str, *, factor: bool = False) -> None:
    """Fill in the provider's page, and wait for the page that was wanted at first."""
    await page.fill("input[name=subject]", subject)
    if factor:
        await page.fill("input[name=factor]", "123456")
    await page.click("button")
    await page.wait_for_selector("h1:has-text('Orders')")


async def call(page: Page, name: str, *arguments: Any) -> Any:
    """Call one of the functions of the application's page."""
    return await page.evaluate(f"(given) => {name}(...given)", list(arguments))
