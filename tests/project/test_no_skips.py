"""The rule of .ci/run: a skipped or expected-to-fail test fails the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

# Without plugins, which take four times as long to load as the run itself.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

RAN = "def test_a(): pass"
SKIPPED = "import pytest\n\ndef test_a(): pass\n\ndef test_b(): pytest.skip('absent')"
MODULE_SKIPPED = "import pytest\npytest.skip('absent', allow_module_level=True)"
EXPECTED_TO_FAIL = "import pytest\n\n@pytest.mark.xfail\ndef test_a(): assert False"
UNEXPECTEDLY_PASSED = "import pytest\n\n@pytest.mark.xfail\ndef test_a(): pass"


def run_pytest(folder: Path, source: str, no_skips: str) -> int:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_one.py").write_text(source)
    (folder / "test_two.py").write_text(RAN)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = os.environ | {"GATEWAY_NO_SKIPS": no_skips, "GATEWAY_FAILURES": "", **BARE}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode


@pytest.mark.parametrize("source", [SKIPPED, MODULE_SKIPPED, EXPECTED_TO_FAIL, UNEXPECTEDLY_PASSED])
def test_a_test_that_did_not_count_fails_the_run_that_forbids_it(
    tmp_path: Path, source: str
) -> None:
    assert run_pytest(tmp_path, source, no_skips="1") == 1


def test_a_run_in_which_every_test_counted_is_green(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, RAN, no_skips="1") == 0


def test_a_skipped_test_is_fine_where_nobody_forbids_it(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPPED, no_skips="") == 0
