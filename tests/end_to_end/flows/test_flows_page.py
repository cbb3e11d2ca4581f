"""`docs/flows.md`: its diagrams are what real parts send each other."""

from pathlib import Path

from tests.end_to_end.flows.client_scenes import SCENES as CLIENT_SCENES
from tests.end_to_end.flows.client_scenes import play as play_clients
from tests.end_to_end.flows.client_world import running_clients
from tests.end_to_end.flows.page import PAGE, diagrams
from tests.end_to_end.flows.scenes import SCENES, play
from tests.end_to_end.flows.world import running_world


async def test_the_diagrams_show_what_browser_gateway_and_provider_send(
    provider_modules: None, tmp_path: Path
) -> None:
    async with running_world(tmp_path) as world:
        drawn = await play(world)

    shown = diagrams(PAGE.read_text(encoding="utf-8"))
    assert list(drawn) == list(SCENES)
    for heading, diagram in drawn.items():
        assert shown[heading] == diagram, f"`python -m tests.end_to_end.flows` draws {heading} anew"


async def test_the_diagrams_show_what_each_kind_of_client_sends(
    provider_modules: None, tmp_path: Path
) -> None:
    """The commands are those of the page."""
    page = PAGE.read_text(encoding="utf-8")
    async with running_clients(tmp_path) as world:
        drawn = await play_clients(world, page)

    shown = diagrams(page)
    assert list(drawn) == list(CLIENT_SCENES)
    for heading, diagram in drawn.items():
        assert shown[heading] == diagram, f"`python -m tests.end_to_end.flows` draws {heading} anew"
