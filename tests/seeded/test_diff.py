"""`gateway diff` shows every mistake of `diff.yaml`, which checks, suites and attacks let pass."""

import json
from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.seeded.mistakes import ESTATE, Mistake, read_mistakes

MISTAKES = read_mistakes("diff")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_shown_by_its_rule_and_by_whom_it_lets_in(
    mistake: Mistake, tmp_path: Path
) -> None:
    file = mistake.make(tmp_path)

    assert run("check", file, "--strict").exit_code == 0
    assert run("test", tmp_path, "--hostile").exit_code == 0
    options = ("--fail-on", "opened", "--format", "json")
    done = run("diff", ESTATE / "gateway.yaml", file, *options)

    found = json.loads(done.stdout)
    rules = {f"{one['subject']} {one['name']}: {one['facet']}" for one in found["changes"]}
    opened = [cell for cell in found["cells"] if cell["change"] == "opened"]
    assert done.exit_code == 1
    assert mistake.told["rule"] in rules
    callers = [caller for cell in opened for caller in cell["callers"]]
    assert any(mistake.told["who"] in caller for caller in callers), callers


def test_all_that_a_suite_or_an_attack_catches_is_shown_as_well(tmp_path: Path) -> None:
    """Whether it opens, closes or moves something, or changes what services are told."""
    for number, mistake in enumerate((*read_mistakes("test"), *read_mistakes("hostile"))):
        file = mistake.make(tmp_path / str(number))

        done = run("diff", ESTATE / "gateway.yaml", file, "--fail-on", "any")

        assert done.exit_code == 1, mistake.name


def test_no_two_mistakes_are_one() -> None:
    assert len({mistake.after for mistake in MISTAKES}) == len(MISTAKES)
