"""`gateway check` catches every mistake of `check.yaml`, where it was made and by its code."""

import json
from pathlib import Path

import pytest

from gateway.settings.text.fault import Code
from tests.cli.config_files import run
from tests.cli.test_installed_command import gateway
from tests.seeded.mistakes import Mistake, read_mistakes

MISTAKES = read_mistakes("check")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_caught_where_it_was_made(mistake: Mistake, tmp_path: Path) -> None:
    file = mistake.make(tmp_path / "estate")

    done = run("check", file, "--strict", "--format", "json")

    faults = json.loads(done.stdout)["faults"]
    also = mistake.told.get("also", "").split()
    shown = [
        (fault["line"], fault["column"], fault["code"])
        for fault in faults
        if fault["file"] == str(tmp_path / "estate" / mistake.file) and fault["code"] not in also
    ]
    codes = mistake.told["code"].split()
    expected = [(*place, codes[number % len(codes)]) for number, place in enumerate(mistake.places)]
    assert expected
    assert shown == expected, faults
    assert {fault["code"] for fault in faults} == {*codes, *also}
    assert done.exit_code == 1


def test_the_installed_command_catches_them_just_so(tmp_path: Path) -> None:
    mistake = MISTAKES[0]
    mistake.make(tmp_path)

    done = gateway("check", "gateway.yaml", directory=tmp_path)

    line, column = mistake.places[0]
    assert done.returncode == 1
    assert done.stderr.decode().startswith(
        f"{mistake.file}:{line}:{column}: {mistake.told['code']}: "
    )


def test_no_two_mistakes_are_one() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
    assert len({mistake.after for mistake in MISTAKES}) == len(MISTAKES)


def test_most_codes_are_seeded() -> None:
    """The rest is of text that no slip makes, of suites, or of other machines."""
    codes = {code for mistake in MISTAKES for code in mistake.told["code"].split()}

    assert codes <= set(Code)
    assert len(codes) > len(Code) / 2
