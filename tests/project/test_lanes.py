"""`make test` runs every group of tests once, in lanes, and says what failed in any of them."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hanging import LIMIT_SECONDS

ROOT = Path(__file__).parents[2]
LANES = 3

# In place of pytest: a line with its arguments for each run, and what BEHAVE does.
PYTEST = """\
#!/bin/bash
echo "$*" >>"$RUNS"
echo "ran $*"
eval "$BEHAVE"
"""
# One byte once it runs, and one once it was interrupted.
WAIT = """\
trap 'echo interrupted >>"$RUNS"; printf . >"$TELL"; exit 2' INT
printf . >"$TELL"
while :; do read -r -t 1 <>"$NEVER"; done
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program = tmp_path / "pytest"
    program.write_text(PYTEST)
    program.chmod(0o755)
    (tmp_path / "runs").touch()
    return tmp_path


def start(folder: Path, behave: str, **more: str) -> "subprocess.Popen[str]":
    env = {"RUNS": str(folder / "runs"), "BEHAVE": behave, "TMPDIR": str(folder), **more}
    return subprocess.Popen(
        # A lane of a run that nobody can interrupt ignores interrupts, and so would this one.
        ["env", "--default-signal=INT", ROOT / "scripts" / "tests.sh", folder / "pytest"],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(folder: Path, behave: str = ":", **more: str) -> tuple[int, str]:
    with start(folder, behave, **more) as process:
        said, _ = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, said


def wait_for_byte(side: int) -> None:
    readable, _, _ = select.select([side], [], [], LIMIT_SECONDS)
    assert readable
    os.read(side, 1)


def runs(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "runs").read_text().splitlines()]


def test_every_test_is_in_one_group(folder: Path) -> None:
    code, said = run(folder)

    groups = runs(folder)
    named = [Path(word) for words in groups for word in words if word[0] != "-"]
    assert code == 0
    assert Path("tests") in named
    assert len(set(named)) == len(named)
    assert [path for path in named if not (ROOT / path).is_dir()] == []
    for words in groups:
        inner = {path for path in named if {*map(str, path.parents)} & {*words}}
        ignored = {word for word in words if word.startswith("--ignore")}
        assert ignored >= {f"--ignore={path}" for path in inner}
        assert {Path(word.partition("=")[2]) for word in ignored} <= {*named}
    # What each said is shown, whichever lane it was in.
    assert sorted(f"ran {' '.join(words)}" for words in groups) == sorted(said.splitlines())


def test_the_decision_must_be_covered_by_its_own_tests(folder: Path) -> None:
    run(folder)

    (words,) = (words for words in runs(folder) if "tests/decision" in words)
    assert words[1:] == ["--cov=gateway.decision", "--cov-fail-under=100"]


@pytest.mark.parametrize("group", ["tests/proxy", "tests/settings", "tests --ignore=*"])
def test_what_fails_in_any_lane_is_named_last_and_the_rest_still_runs(
    group: str, folder: Path
) -> None:
    code, said = run(folder, f'case "$*" in {group.replace(" ", chr(92) + " ")}) exit 3;; esac')

    name = group.partition("*")[0]
    assert code == 1
    assert len(runs(folder)) == len({tuple(words) for words in runs(folder)}) > LANES
    head, found, failed = said.rpartition("what failed:\n")
    assert found
    assert f"ran {name}" in head
    assert failed.startswith(f"pytest {name}")
    assert failed.splitlines() == [line for line in failed.splitlines() if "ended with 3" in line]


def test_an_interrupt_reaches_all_that_runs_and_nothing_more_is_started(folder: Path) -> None:
    tell = folder / "tell"
    os.mkfifo(tell)
    os.mkfifo(folder / "never")
    told = os.open(tell, os.O_RDWR)
    with start(folder, WAIT, TELL=str(tell), NEVER=str(folder / "never")) as process:
        for _ in range(LANES):
            wait_for_byte(told)
        process.send_signal(signal.SIGINT)
        for _ in range(LANES):
            wait_for_byte(told)
        said, _ = process.communicate(timeout=LIMIT_SECONDS)
    os.close(told)

    assert process.returncode == 130
    assert len(runs(folder)) == 2 * LANES
    assert runs(folder).count(["interrupted"]) == LANES
    assert said.count("ran ") == LANES


def test_modules_are_compiled_once_and_not_by_every_program(folder: Path) -> None:
    _, said = run(
        folder,
        f'"{sys.executable}" -c "import sys; print(sys.dont_write_bytecode)"',
        PYTHONDONTWRITEBYTECODE="1",
    )

    assert {line for line in said.splitlines() if not line.startswith("ran ")} == {"False"}
