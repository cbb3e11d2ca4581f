"""Write what the documentation shows of logins anew: the table, and pictures of pages.

Usage: python -m tests.end_to_end.browser
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from tests.end_to_end.browser.apache import Apache, running_apache
from tests.end_to_end.browser.choice import running_choice
from tests.end_to_end.browser.compared import write
from tests.end_to_end.browser.gateway import Gateway, starting
from tests.end_to_end.browser.provider import ORIGIN
from tests.end_to_end.browser.script import play
from tests.end_to_end.browser.worlds import running_world

IMAGES = Path("docs/images")
SIZE = {"width": 720, "height": 360}


async def main() -> None:
    """Play the script with both proxies, then take the pictures."""
    contenders = (
        ("gateway", Gateway(), starting()),
        ("apache", Apache(), running_apache),
    )
    seen: dict[str, dict[str, str]] = {}
    for name, contender, start in contenders:
        async with running_world(make_folder(), start, contender) as world:
            for title, outcome in (await play(world)).items():
                seen.setdefault(title, {})[name] = outcome
    write(seen)
    await take_pictures()


def make_folder() -> Path:
    """Return a folder that Apache's own user may read, too."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    return folder


async def take_pictures() -> None:
    """Take pictures of the pages that the gateway itself shows."""
    async with running_choice(make_folder()) as choice:
        page = await choice.profile.new_page()
        await page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        await page.goto(ORIGIN + "/app/orders")
        await take(page, "login-choice")
        await page.goto(ORIGIN + "/oauth/callback?code=x&state=x")
        await take(page, "login-failed")


async def take(page: Page, name: str) -> None:
    """Write a picture of what *page* shows."""
    await page.screenshot(path=IMAGES / f"{name}.png")


asyncio.run(main())
