"""Suites are collected where somebody asks for them, and nowhere else."""

import subprocess
import sys
from pathlib import Path

from tests.suites.pytest_runs import results, run_pytest
from tests.suites.worlds import SUITE, write


def test_without_a_word_about_them_suites_are_no_tests(tmp_path: Path) -> None:
    write(tmp_path)

    done = run_pytest(tmp_path)

    assert done.returncode == 5, done.stdout  # no tests collected


def test_with_the_option_they_are_found_in_folders(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "other.yaml").write_text(SUITE)

    done = run_pytest(tmp_path, "--gateway")

    assert done.returncode == 0, done.stdout
    assert results(done) == [
        f"PASSED a.test.yaml::orders of {which} tenant: {name}"
        for which in ("another", "the own")
        for name in ("alice", "boss", "nobody")
    ]


def test_a_suite_that_is_named_needs_no_option(tmp_path: Path) -> None:
    write(tmp_path)

    done = run_pytest(tmp_path, "a.test.yaml::orders of the own tenant: boss")

    assert results(done) == ["PASSED a.test.yaml::orders of the own tenant: boss"]


def test_they_are_selected_as_other_tests_are(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "test_other.py").write_text("def test_alice(): pass\n")

    done = run_pytest(tmp_path, "--gateway", "-k", "alice and not another")

    assert results(done) == [
        "PASSED a.test.yaml::orders of the own tenant: alice",
        "PASSED test_other.py::test_alice",
    ]


def test_another_configuration_can_be_tested(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "gateway.yaml").rename(tmp_path / "other.yaml")

    without = run_pytest(tmp_path, path)
    done = run_pytest(tmp_path, path, "--gateway-config", "other.yaml")

    assert without.returncode != 0
    assert done.returncode == 0, done.stdout


def test_whoever_uses_pytest_for_something_else_pays_nothing(tmp_path: Path) -> None:
    """The plugin is imported by every pytest of the environment."""
    program = (
        "import sys, pytest\n"
        "import gateway.suites.pytest_plugin\n"
        "print(*(name for name in sys.modules if name.startswith('gateway')))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == ["gateway", "gateway.suites", "gateway.suites.pytest_plugin"]
