"""`gateway test --hostile` catches every mistake of `hostile.yaml`, which suites let pass."""

from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.seeded.mistakes import Mistake, read_mistakes

MISTAKES = read_mistakes("hostile")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_caught_by_what_gets_through(mistake: Mistake, tmp_path: Path) -> None:
    file = mistake.make(tmp_path)

    assert run("check", file, "--strict").exit_code == 0
    assert run("test", tmp_path).exit_code == 0
    done = run("test", tmp_path, "--hostile")

    found = f": {mistake.told['route']}: {mistake.told['attack']} ("
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL ")]
    assert done.exit_code == 1
    assert any(found in line for line in failed), failed


def test_no_two_mistakes_are_one() -> None:
    assert len({mistake.after for mistake in MISTAKES}) == len(MISTAKES)
