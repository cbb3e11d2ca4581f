"""`gateway diff` shows every mistake of `diff.yaml`, which checks, suites and attacks let pass."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import AUTHORITY, write_pair
from tests.cli.config_files import run
from tests.seeded.mistakes import ESTATE, Mistake, read_mistakes
from tests.settings.tls_files import BELOW

MISTAKES = read_mistakes("diff")
IN_RULES = [one for one in MISTAKES if "kinds" not in one.told]
IN_SETTINGS = [one for one in MISTAKES if "kinds" in one.told]


@pytest.mark.parametrize("mistake", IN_RULES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_shown_by_its_rule_and_by_whom_it_lets_in(
    mistake: Mistake, tmp_path: Path
) -> None:
    file = mistake.make(tmp_path)

    assert run("check", file, "--strict").exit_code == 0
    assert run("test", tmp_path, "--hostile").exit_code == 0
    options = ("--fail-on", "opened", "--format", "json")
    done = run("diff", ESTATE / "gateway.yaml", file, *options)

    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert mistake.told["rule"] in rules_of(found)
    assert any(mistake.told["who"] in caller for caller in let_in(found)), let_in(found)


@pytest.mark.parametrize("mistake", IN_SETTINGS, ids=lambda mistake: mistake.name)
def test_a_mistake_in_a_setting_is_shown_by_what_it_means(mistake: Mistake, tmp_path: Path) -> None:
    right, wrong = mistake.make_right(tmp_path / "right"), mistake.make(tmp_path / "wrong")
    if ".pem" in mistake.before:
        for folder in (right.parent, wrong.parent):
            write_certificates(folder)

    assert run("check", wrong, "--strict").exit_code == (1 if "check" in mistake.told else 0)
    options = ("--fail-on", "opened,loosened,keys,moved", "--format", "json")
    done = run("diff", right, wrong, *options)

    found = json.loads(done.stdout)
    assert done.exit_code == mistake.told.get("code", 1)
    assert rules_of(found)[mistake.told["rule"]] == set(mistake.told["kinds"].split())
    if "who" in mistake.told:
        assert any(mistake.told["who"] in caller for caller in let_in(found)), let_in(found)


def rules_of(found: Any) -> dict[str, set[str]]:
    """Return the kinds of each changed rule or setting."""
    return {
        f"{one['subject']} {one['name']}: {one['facet']}": set(one["kinds"])
        for one in (*found["changes"], *found["limits"])
    }


def let_in(found: Any) -> list[str]:
    """Return the callers who get in from now on."""
    opened = [cell for cell in found["cells"] if cell["change"] == "opened"]
    return [caller for cell in opened for caller in cell["callers"]]


def write_certificates(folder: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    BELOW.cert_pem.write_to_path(folder / "below.pem")
    write_pair(folder, AUTHORITY.issue_cert("gateway.example"))


def test_all_that_a_suite_or_an_attack_catches_is_shown_as_well(tmp_path: Path) -> None:
    """Whether it opens, closes or moves something, or changes what services are told."""
    for number, mistake in enumerate((*read_mistakes("test"), *read_mistakes("hostile"))):
        file = mistake.make(tmp_path / str(number))

        done = run("diff", ESTATE / "gateway.yaml", file, "--fail-on", "any")

        assert done.exit_code == 1, mistake.name


def test_no_two_mistakes_are_one() -> None:
    assert len({(mistake.before, mistake.after) for mistake in MISTAKES}) == len(MISTAKES)
