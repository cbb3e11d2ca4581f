"""The README: what it shows is part of the tutorial, which is run; its pictures exist."""

import re
from pathlib import Path

import pytest

from tests.project.console import Fence, find_fences, settle

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TUTORIAL = settle((ROOT / "docs" / "tutorial.md").read_text())
FENCES = find_fences(README)
CONSOLES = [fence for fence in FENCES if fence.language == "console"]


@pytest.mark.parametrize("fence", CONSOLES, ids=lambda fence: fence.body.partition("\n")[0])
def test_what_a_console_shows_stands_in_the_tutorial_which_is_run(fence: Fence) -> None:
    """A line with only an ellipsis stands for lines that are left out."""
    rest = TUTORIAL
    for part in map(settle, re.split(r"^…\n", fence.body, flags=re.MULTILINE)):
        assert part in rest
        rest = rest[rest.index(part) + len(part) :]


def test_no_block_of_the_readme_escapes_these_tests() -> None:
    """Whole configurations are loaded by `test_docs.py`."""
    assert CONSOLES
    assert [fence.language for fence in FENCES if fence not in CONSOLES] == ["yaml"]


def test_the_configuration_has_the_five_lines_that_the_readme_promises() -> None:
    (example,) = (fence.body for fence in FENCES if fence.language == "yaml")

    assert len(example.splitlines()) == 5
    assert "Five lines" in README


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)

    assert len(pictures) == 2
    assert [name for name in pictures if not (ROOT / name).is_file()] == []
