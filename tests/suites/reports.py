"""Reports to write down: of suites that pass, fail, and cannot be run."""

from pathlib import Path

from gateway.suites.running.ready import Configurations, make_ready
from gateway.suites.running.report import Report
from gateway.suites.running.run import run_suites
from gateway.suites.selection import Selects, select_all
from tests.suites.worlds import ENVIRON, ESTATE, FAILING


def run(directory: Path, selects: Selects = select_all, **suites: str) -> Report:
    """Return what comes of *suites*, each in a file of its name."""
    (directory / "gateway.yaml").write_text(ESTATE)
    configurations = Configurations(ENVIRON)
    ready = []
    for name, text in suites.items():
        path = directory / f"{name}.test.yaml"
        path.write_text(text)
        ready.append(make_ready(path, None, {}, configurations))
    return run_suites(ready, selects)


def run_failing(directory: Path) -> Report:
    """Return a report with two failures, and a suite that is broken."""
    return run(directory, failing=FAILING, broken="version: 1\ntest: <&>\n")
