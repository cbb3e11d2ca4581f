"""The pytest plugin: collect suite files with ``--gateway``, or if they are named.

Every pytest of the environment loads it, so it imports nothing else until it is needed.
"""

import importlib
from pathlib import Path

import pytest

# The same as in `running.run`, whose import would slow down every other use of pytest.
_SUFFIX = ".test.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gateway", "access rules of JWT Gateway")
    group.addoption("--gateway", action="store_true", help=f"also collect suites, files *{_SUFFIX}")
    group.addoption(
        "--gateway-config",
        metavar="FILE",
        type=Path,
        help="the configuration to test instead of those that suites name",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a collector if *file_path* is a suite that should be collected."""
    if not file_path.name.endswith(_SUFFIX):
        return None
    if not (parent.config.getoption("gateway") or parent.session.isinitpath(file_path)):
        return None
    items = importlib.import_module("gateway.suites.running.pytest_items")
    collector: pytest.Collector = items.SuiteTests.from_parent(parent, path=file_path)
    return collector
