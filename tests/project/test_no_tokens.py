"""A token that the gateway prints or logs in any test fails the whole run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

# Without plugins, which take four times as long to load as the run itself.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

# Put together there, so that it is not in the source that pytest shows.
MADE = "import logging, sys\ntoken = 'eyJ' + 'hbGciOiJ' * 4 + '.' + 'eyJzdWIi' * 4 + '.c2ln'\n"
TELLING = [
    "def test_a(): print(token)",
    "def test_a(): print(token[:50], file=sys.stderr)",
    "def test_a(): logging.getLogger('gateway').warning('refused: %s', token)",
]
SILENT = "def test_a(): print(len(token), token[:10])"


def run_pytest(folder: Path, source: str) -> tuple[int, str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_one.py").write_text(MADE + source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=os.environ | {"GATEWAY_NO_SKIPS": "", "GATEWAY_FAILURES": "", **BARE},
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("source", TELLING)
def test_a_run_that_tells_a_token_is_red(tmp_path: Path, source: str) -> None:
    """6750.10: in every test, whatever its subject."""
    status, shown = run_pytest(tmp_path, source)

    assert status == 1
    assert "a token was printed or logged in: test_one.py::test_a" in shown


def test_a_run_that_tells_none_is_green(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SILENT)[0] == 0
