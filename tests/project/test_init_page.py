"""`docs/init.md`: every command it shows is run, and prints what it shows."""

from pathlib import Path

import pytest

from tests.project.console import find_fences, find_steps, settle, shell_in
from tests.project.test_tutorial_page import ports_of, run_step, running_demo

FENCES = find_fences((Path(__file__).parents[2] / "docs" / "init.md").read_text())
STEPS = [step for fence in FENCES if fence.language == "console" for step in find_steps(fence.body)]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Return the output of each step, by its number."""
    folder = tmp_path_factory.mktemp("init")
    with running_demo() as introduction, shell_in(folder) as shell:
        ports = ports_of(introduction)
        for fence in FENCES:
            if fence.tag.startswith("file: "):
                (folder / fence.tag.removeprefix("file: ")).write_text(fence.body)
        return {number: run_step(shell, step, ports) for number, step in enumerate(STEPS)}


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.command for step in STEPS])
def test_a_command_prints_what_the_page_shows(printed: dict[int, str], number: int) -> None:
    assert settle(printed[number]) == settle(STEPS[number].output)


def test_no_block_of_the_page_escapes_these_tests() -> None:
    """Console blocks are run, and files are written for them."""
    unknown = [
        fence
        for fence in FENCES
        if fence.language != "console" and not fence.tag.startswith("file: ")
    ]

    assert unknown == []
    assert [step for step in STEPS if step.command.startswith("gateway init")]
