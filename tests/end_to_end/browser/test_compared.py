"""The same script in a real browser, at a real provider, with the gateway and with Apache."""

from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.browser.apache import Apache, running_apache
from tests.end_to_end.browser.script import STEPS, play
from tests.end_to_end.browser.worlds import running_world

SEEN: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parent / "seen.yaml").read_text(encoding="utf-8")
)


def seen_of(contender: str) -> dict[str, Any]:
    return {title: seen[contender] for title, seen in SEEN.items()}


def test_every_step_is_listed_in_its_order() -> None:
    assert list(SEEN) == list(STEPS)


async def test_apache_with_mod_auth_openidc_does_what_is_listed(
    provider_modules: None, tmp_path: Path
) -> None:
    """It runs as another user, who may read the folder."""
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    async with running_world(tmp_path, running_apache, Apache()) as world:
        assert await play(world) == seen_of("apache")
