"""Run pytest as a team does that has it beside the gateway, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.suites.worlds import ENVIRON

# Other plugins of this environment, which take longer to load than such a run itself.
ABSENT = ("aiohttp", "anyio", "asyncio", "hypothesispytest", "pytest_cov")


def run_pytest(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Return what pytest says in *directory*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    without = [word for name in ("cacheprovider", *ABSENT) for word in ("-p", f"no:{name}")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *without, "-rA", *arguments],
        cwd=directory,
        env={**kept, **ENVIRON, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def results(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines of the summary, one for each test, sorted."""
    words = ("PASSED ", "FAILED ", "ERROR ")
    return sorted(line for line in done.stdout.splitlines() if line.startswith(words))
