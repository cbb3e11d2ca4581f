"""The example estate is valid, and its suites cover all of its rules."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ESTATE = ROOT / "config" / "estate"
COMMAND = Path(sys.executable).with_name("gateway")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )


def test_the_configuration_is_valid_and_nothing_about_it_is_doubtful() -> None:
    result = run("check", "--strict", ESTATE / "gateway.yaml")

    assert (result.returncode, result.stderr) == (0, "")


def test_its_suites_pass_and_leave_no_route_and_no_rule_untried() -> None:
    result = run("test", ESTATE, "--coverage", "--min-coverage", "100")

    assert result.returncode == 0, result.stdout
    assert re.search(r"100 % \((\d+) of \1\)", result.stdout)
    assert "failed" not in result.stdout


def test_no_attack_gets_through_but_those_that_are_waived_with_a_reason() -> None:
    result = run("test", ESTATE, "--hostile")

    assert result.returncode == 0, result.stdout
    assert "all held" in result.stdout
