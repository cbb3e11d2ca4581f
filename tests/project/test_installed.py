"""The installed wheel works alone: away from the source, without the tools of the tests."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import gateway
from tests.project.clean_install import ROOT, pip

LIMIT_SECONDS = 120

# Modules that need pytest, which loads them, have this at the beginning of their own name.
PLUGIN = "pytest_"


def run(
    environment: Path, *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=cwd,
        env=env or {},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


def test_what_the_lock_installs_is_all_that_the_wheel_asks_for(installed: Path) -> None:
    assert "No broken requirements found." in pip(installed, "check")


def test_the_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "gateway", "version", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"gateway {gateway.__version__}\n")


def test_every_module_can_be_imported_without_the_tools_of_the_tests(
    installed: Path, tmp_path: Path
) -> None:
    source = f"""
import importlib, json, pkgutil, gateway
names = [m.name for m in pkgutil.walk_packages(gateway.__path__, "gateway.")]
for name in names:
    own = name.rpartition(".")[2]
    if not own.startswith("{PLUGIN}") and own != "__main__":
        importlib.import_module(name)
print(json.dumps([gateway.__file__, names]))
"""
    done = run(installed, "python", "-I", "-W", "error", "-c", source, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place, names = json.loads(done.stdout)

    assert Path(place).is_relative_to(installed)
    assert {"gateway.suites.pytest_plugin", "gateway.decision.decide"} <= set(names)


def test_the_demo_sends_its_requests_and_gets_what_it_expects(
    installed: Path, tmp_path: Path
) -> None:
    done = run(installed, "gateway", "demo", "--once", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_is_the_published_one(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "gateway", "schema", cwd=tmp_path)

    assert done.stdout == (ROOT / "config" / "gateway.schema.json").read_text()


@pytest.mark.parametrize("name", ["config/gateway.yaml", "config/estate/gateway.yaml"])
def test_the_examples_hold(installed: Path, tmp_path: Path, name: str) -> None:
    done = run(installed, "gateway", "check", ROOT / name, cwd=tmp_path)

    assert done.returncode == 0, done.stderr


def test_pages_and_the_manual_page_are_installed(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "gateway", "help", "scope_missing", cwd=tmp_path)

    assert done.stdout.startswith("reasons#scope_missing-403\n")
    manual = installed / "share" / "man" / "man1" / "gateway.1"
    assert manual.read_text() == (ROOT / "man" / "gateway.1").read_text()


def test_suites_are_run(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "gateway", "test", ROOT / "config" / "estate", cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "passed, in 3 suites" in done.stdout
