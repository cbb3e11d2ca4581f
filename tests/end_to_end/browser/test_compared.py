"""The same script in a real browser, at a real provider, with the gateway and with Apache."""

from pathlib import Path

import pytest

from tests.end_to_end.browser.apache import Apache, running_apache
from tests.end_to_end.browser.compared import PAGE, SEEN, table
from tests.end_to_end.browser.gateway import Gateway, starting
from tests.end_to_end.browser.script import STEPS, play
from tests.end_to_end.browser.worlds import running_world

BURST = "40 requests in five tabs at the moment of expiry"
LOGOUT = "logout in one tab: the other tabs"
BACK_CHANNEL = "back-channel logout by the provider"


def seen_of(contender: str, titles: list[str] | None = None) -> dict[str, str]:
    return {title: SEEN[title][contender] for title in titles or SEEN}


def test_the_page_has_what_the_script_saw() -> None:
    assert list(SEEN) == list(STEPS)
    assert table(SEEN) in PAGE.read_text(encoding="utf-8")


async def test_the_gateway_does_what_is_listed(provider_modules: None, tmp_path: Path) -> None:
    async with running_world(tmp_path, starting(), Gateway()) as world:
        assert await play(world) == seen_of("gateway")


@pytest.mark.parametrize(
    ("store", "workers", "titles"),
    [
        ("memory", 2, [BURST, LOGOUT, BACK_CHANNEL]),
        ("redis", 2, [BURST, LOGOUT, BACK_CHANNEL]),
        ("cookie", 1, [BURST, LOGOUT, BACK_CHANNEL]),
    ],
)
async def test_so_it_does_with_other_stores_and_workers(
    store: str, workers: int, titles: list[str], provider_modules: None, tmp_path: Path
) -> None:
    async with running_world(tmp_path, starting(store, workers=workers), Gateway()) as world:
        assert await play(world, titles) == seen_of("gateway", titles)


async def test_apache_with_mod_auth_openidc_does_what_is_listed(
    provider_modules: None, tmp_path: Path
) -> None:
    """It runs as another user, who must be able to read the folder."""
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    async with running_world(tmp_path, running_apache, Apache()) as world:
        assert await play(world) == seen_of("apache")
