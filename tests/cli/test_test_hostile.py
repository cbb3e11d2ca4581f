"""The output and the exit codes of `gateway test --hostile`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.config_files import run_in
from tests.suites.worlds import ENVIRON, ESTATE, SUITE, write

COMMAND = Path(sys.executable).with_name("gateway")
ROOT = Path(__file__).parents[2]
WAIVED = """\
hostile:
  waive:
    - {attacks: [wrong-audience, no-audience], routes: [any, fresh], reason: ci has no audience}
"""
OPEN_PREFIX = ESTATE + (
    "  - {name: open, match: {path_prefix: /tenants/}, upstream: orders, public: true}\n"
)


def gateway(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_in(Path.cwd(), "test", *arguments, env=ENVIRON)


def installed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as it is installed."""
    return subprocess.run(
        [COMMAND, "test", *arguments],
        env={**os.environ, **ENVIRON},
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )


def test_where_nothing_gets_through_is_a_line_more_and_0(tmp_path: Path) -> None:
    done = gateway(write(tmp_path, SUITE + WAIVED), "--hostile")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"6 passed, in 1 suite\n"
        r"[\d,]+ attacks on 4 routes of .*/gateway\.yaml, all held, \d+ waived\n",
        done.stdout,
    )


def test_without_the_option_nobody_attacks(tmp_path: Path) -> None:
    done = gateway(write(tmp_path))

    assert (done.returncode, done.stdout) == (0, "6 passed, in 1 suite\n")


def test_what_gets_through_is_a_block_and_1(tmp_path: Path) -> None:
    """A public prefix around a guarded path takes it without its last slash, and more."""
    done = gateway(write(tmp_path, SUITE + WAIVED, OPEN_PREFIX), "--hostile")

    lines = done.stdout.splitlines()
    start = lines.index(
        f"FAIL {tmp_path}/gateway.yaml:15:5: read-order: path-trailing-slash (without a token)"
    )
    assert done.returncode == 1
    assert lines[start + 1 : start + 4] == [
        f"  got through: sent to the same service by the route open ({tmp_path}/gateway.yaml:23)",
        "  GET api.example.com/tenants/acme/orders/7/",
        "  see CWE-49",
    ]
    assert "FAIL" not in done.stderr


def test_a_run_says_the_same_again(tmp_path: Path) -> None:
    path = write(tmp_path, SUITE, OPEN_PREFIX)

    first, second = (installed(path, "--hostile", "-v").stdout for _ in range(2))

    assert first == second


def test_a_waiver_that_nothing_needs_is_a_failure(tmp_path: Path) -> None:
    useless = WAIVED + "    - {attacks: [expired], reason: x}\n"

    done = gateway(write(tmp_path, SUITE + useless), "--hostile")

    assert done.returncode == 1
    assert "any route: expired\n  unused waiver: " in done.stdout


def test_a_broken_waiver_is_told_with_its_place(tmp_path: Path) -> None:
    broken = WAIVED.replace("no-audience", "no-audiences")

    done = gateway(path := write(tmp_path, SUITE + broken), "--hostile")

    assert done.returncode == 1
    assert done.stderr == (
        f"{path}:16:34: unknown_reference: no attack `no-audiences`: did you mean `no-audience`?\n"
    )


def test_json_has_the_attacks_that_got_through(tmp_path: Path) -> None:
    done = gateway(write(tmp_path, SUITE, OPEN_PREFIX), "--hostile", "--format", "json")

    attacks = json.loads(done.stdout)["attacks"]
    assert (done.returncode, done.stderr) == (1, "")
    found = next(one for one in attacks if "path-trailing-slash (without a token)" in one["attack"])
    assert (found["file"], found["line"]) == (f"{tmp_path}/gateway.yaml", 15)
    assert found["reasons"][0].startswith("got through: ")


@pytest.mark.parametrize("form", ["junit", "github"])
def test_machines_read_it_too(form: str, tmp_path: Path) -> None:
    done = gateway(write(tmp_path, SUITE, OPEN_PREFIX), "--hostile", "--format", form)

    assert done.returncode == 1
    assert "attacks on" in done.stderr
    if form == "junit":
        names = {case.get("name") for case in ET.fromstring(done.stdout).iter("testcase")}
        assert "read-order: path-trailing-slash" in names
    else:
        assert (
            ",title=read-order%3A path-trailing-slash (without a token)::got through" in done.stdout
        )


def test_some_attacks_can_be_chosen(tmp_path: Path) -> None:
    done = gateway(write(tmp_path), "--hostile", "-k", "tenant or alg-none")

    assert done.returncode == 0
    assert re.search(r"\d+ attacks on 3 routes of ", done.stdout)


def test_no_token_is_shown(tmp_path: Path) -> None:
    for form in ("text", "junit", "github"):
        done = gateway(write(tmp_path, SUITE, OPEN_PREFIX), "--hostile", "--format", form, "-v")
        assert "eyJ" not in done.stdout + done.stderr


def test_the_example_estate_holds() -> None:
    done = gateway(ROOT / "config" / "estate", "--hostile")

    assert (done.returncode, done.stderr) == (0, "")
    assert "all held" in done.stdout
