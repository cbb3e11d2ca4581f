"""Draw the diagrams in `docs/flows.md` anew.

.venv/bin/python -m tests.end_to_end.flows
"""

import asyncio
import tempfile
from pathlib import Path

from tests.end_to_end.flows.client_scenes import play as play_clients
from tests.end_to_end.flows.client_world import running_clients
from tests.end_to_end.flows.page import PAGE, with_diagrams
from tests.end_to_end.flows.scenes import play
from tests.end_to_end.flows.world import running_world


async def main() -> None:
    """Play the scenes, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_world(Path(folder)) as world:
            drawn = await play(world)
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        async with running_clients(Path(folder)) as clients:
            drawn |= await play_clients(clients, text)
    text = with_diagrams(text, drawn)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
