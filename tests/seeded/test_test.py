"""`gateway test` catches every mistake of `test.yaml`, which `gateway check` lets pass."""

from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.seeded.mistakes import Mistake, read_mistakes

MISTAKES = read_mistakes("test")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_caught_by_whom_it_lets_in_or_keeps_out(
    mistake: Mistake, tmp_path: Path
) -> None:
    file = mistake.make(tmp_path)

    assert run("check", file, "--strict").exit_code == 0
    done = run("test", tmp_path)

    lines = done.stdout.replace(f"{tmp_path}/", "").splitlines()
    at = next(n for n, line in enumerate(lines) if line.endswith(f": {mistake.told['who']}"))
    block = lines[at : at + 4]
    assert done.exit_code == 1
    assert block[0].startswith("FAIL suites/")
    assert block[2] == f"  {mistake.told['says']}"
    for line, column in mistake.places:
        assert block[3].startswith(f"  {mistake.file}:{line}:"), column


def test_no_two_mistakes_are_one() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
    assert len({mistake.after for mistake in MISTAKES}) == len(MISTAKES)
