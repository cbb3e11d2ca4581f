"""The shape of the repository: rules that no other check holds."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gateway

ROOT = Path(__file__).parents[2]

# Modules without a test file of their own, each with the reason. The list may only shrink: an
# entry whose test exists, or whose module is gone, fails.
WITHOUT_OWN_TEST = {
    "gateway/central.py": "types only",
    "gateway/decision/policy.py": "types only",
    "gateway/fetching/document.py": "a limit and an exception only",
    "gateway/issuer/flows/issuer.py": "types only",
    "gateway/login/requests.py": "types only",
    "gateway/login/session.py": "types only",
    "gateway/login/stores/ledger.py": "types only",
    "gateway/openapi/api.py": "types only",
    "gateway/proxy/exchange/browsing.py": "protocols only",
    "gateway/proxy/streams/client.py": "protocols only",
    "gateway/proxy/upstream/lease.py": "types only",
    "gateway/service_tokens/requests.py": "types only",
    "gateway/settings/values/login.py": "types only",
    "gateway/settings/values/tickets.py": "types only",
    "gateway/suites/files/suite.py": "types only",
}

# A part of an address that says where packages are fetched from; that is each machine's affair.
REGISTRY_MARKS = ["index-url", "find-links", "/simple/", "registry.npm", "files.pythonhosted"]


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def modules() -> list[Path]:
    found = (path.relative_to(ROOT) for path in (ROOT / "gateway").rglob("*.py"))
    return sorted(path for path in found if path.name not in {"__init__.py", "__main__.py"})


def own_test_of(module: Path) -> Path:
    return ROOT / "tests" / module.relative_to("gateway").with_name(f"test_{module.name}")


def test_every_module_has_its_test_file() -> None:
    without = [str(module) for module in modules() if not own_test_of(module).exists()]

    assert set(without) <= set(WITHOUT_OWN_TEST)


@pytest.mark.parametrize("name", WITHOUT_OWN_TEST)
def test_the_list_of_modules_without_a_test_only_shrinks(name: str) -> None:
    assert (ROOT / name).exists()
    assert not own_test_of(Path(name)).exists()


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout


def test_no_floor_is_optional() -> None:
    """A layer in parentheses may be absent, so a misspelled one would hold nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floors = project["tool"]["importlinter"]["contracts"][0]

    assert floors["exhaustive"] is True
    assert not [layer for layer in floors["layers"] if "(" in layer]


@pytest.mark.parametrize("lock", ["runtime.txt", "dev.txt", "build.txt", "bench.txt", "fuzz.txt"])
def test_every_locked_file_has_its_hash(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]

    assert entries
    assert all(re.match(r"[a-z0-9-]+==\S", entry) for entry in entries)
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", ["dev.txt", "build.txt", "fuzz.txt"])
def test_what_is_tested_is_what_is_shipped(lock: str) -> None:
    """Two locks that name one package agree on its version."""
    shipped = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", locked("runtime.txt"), re.MULTILINE))
    others = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", locked(lock), re.MULTILINE))

    assert {name: others[name] for name in shipped if name in others} == {
        name: version for name, version in shipped.items() if name in others
    }


def locked(lock: str) -> str:
    return (ROOT / "requirements" / lock).read_text()


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[>=\[]", entry)[0].lower() for entry in project["dependencies"]}

    assert names <= set(re.findall(r"^([a-z0-9-]+)==", locked("runtime.txt"), re.MULTILINE))


def test_no_file_says_where_packages_are_fetched_from() -> None:
    here = Path(__file__)
    found = [
        (str(path.relative_to(ROOT)), mark)
        for path in tracked_files()
        if path != here and path.is_file() and path.name != "Makefile"
        for mark in REGISTRY_MARKS
        if mark in path.read_text(errors="replace")
    ]

    assert found == []


def test_the_changelog_tells_of_the_current_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert re.search(rf"^## \[{re.escape(gateway.__version__)}\]", changelog, re.MULTILINE)


@pytest.mark.parametrize(
    "script",
    [".ci/run", *(str(path.relative_to(ROOT)) for path in (ROOT / "scripts").glob("*.sh"))],
)
def test_a_script_is_executable_and_stops_at_its_first_error(script: str) -> None:
    path = ROOT / script

    assert path.stat().st_mode & 0o100
    assert "set -euo pipefail" in path.read_text()
