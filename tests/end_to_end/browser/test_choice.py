"""Several providers: a person chooses one on a page of the gateway's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.browser.choice import Choice, running_choice
from tests.end_to_end.browser.driver import call, log_in
from tests.end_to_end.browser.provider import ORIGIN


@pytest.fixture
async def choice(provider_modules: None, tmp_path: Path) -> AsyncIterator[Choice]:
    async with running_choice(tmp_path) as running:
        yield running


async def test_one_chooses_a_provider_and_comes_back_to_the_page(choice: Choice) -> None:
    page = await choice.profile.new_page()
    await page.goto(ORIGIN + "/app/?from=here")
    assert page.url.startswith(ORIGIN + "/oauth/login?to=")
    # A page without scripts, which nobody may frame.
    assert await page.locator("script").count() == 0
    links = [await one.get_attribute("href") or "" for one in await page.locator("a").all()]
    assert [name for link in links for name in ("web", "partner") if f"login={name}" in link] == [
        "web",
        "partner",
    ]

    await page.click("a[href*='login=partner']")
    assert page.url.startswith(choice.partners.issuer)
    await log_in(page, "pia")

    assert page.url == ORIGIN + "/app/?from=here"
    assert (await call(page, "ask", "/app/api/x"))["status"] == 200
    assert choice.partners.knows("pia")
    (issuer,) = {one.one(b"x-gateway-issuer") for one in choice.service.requests}
    assert issuer.decode() == choice.partners.issuer
    assert not choice.people.knows("pia")
    claims = (await call(page, "ask", "/oauth/userinfo"))["body"]
    assert (claims["sub"], claims["name"]) == ("pia", "Pia")
