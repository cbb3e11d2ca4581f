"""What failed in a whole run is printed again at its end, where a log is seldom cut."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

# Without plugins, which take four times as long to load as the run itself.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

FAILING = "def test_a(): assert 'what was found' == 'what was expected'"
BROKEN = "import no_such_module"
SKIPPED = "import pytest\n\ndef test_a(): pytest.skip('absent')"


def noted(folder: Path, source: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_one.py").write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\n")
    file = folder / "failures"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=os.environ | {"GATEWAY_NO_SKIPS": "1", "GATEWAY_FAILURES": str(file), **BARE},
        capture_output=True,
        check=False,
        timeout=120,
    )
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FAILING, ["FAILED test_one.py::test_a", "what was expected"]),
        (BROKEN, ["FAILED test_one.py", "no_such_module"]),
        (SKIPPED, ["not allowed to be skipped here: test_one.py::test_a"]),
    ],
)
def test_a_failure_is_noted_with_its_reason(
    tmp_path: Path, source: str, expected: list[str]
) -> None:
    text = noted(tmp_path, source)

    assert [one for one in expected if one not in text] == []


def test_a_green_run_notes_nothing(tmp_path: Path) -> None:
    assert not noted(tmp_path, "def test_a(): pass")
