"""The command with standard streams that are closed, or that accept no output."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.config_files import VALID, write_config

COMMAND = Path(sys.executable).with_name("gateway")


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    write_config(tmp_path, VALID)
    return tmp_path


def shell(line: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run *line* with ``$0`` standing for the command."""
    return subprocess.run(
        ["/bin/sh", "-c", line, COMMAND],
        cwd=directory,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("verb", ["version", "schema", "routes gateway.yaml", "check --help"])
def test_a_full_disk_is_told_in_one_line(verb: str, workplace: Path) -> None:
    outcome = shell(f'"$0" {verb} >/dev/full', workplace)

    assert (outcome.returncode, outcome.stderr) == (3, b"gateway: No space left on device\n")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("version >&-", 0),
        ("check gateway.yaml <&- >&- 2>&-", 0),
        ("check missing.yaml 2>&-", 3),
        ("token inspect <&-", 1),
        ("demo --once >&-", 0),
        ("demo --once <&- 2>&-", 0),
    ],
)
def test_a_stream_that_was_closed_is_as_good_as_the_null_device(
    line: str, code: int, workplace: Path
) -> None:
    """Else a socket gets its number: what is printed goes to a client, or the loop aborts."""
    outcome = shell(f'"$0" {line}', workplace)

    assert outcome.returncode == code
    assert b"Traceback" not in outcome.stderr
