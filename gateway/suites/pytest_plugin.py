"""Let pytest collect suite files: with ``--gateway``, or where one is named.

Loaded by every pytest of the environment, and so it imports nothing else before it is needed.
"""

import importlib
from pathlib import Path

import pytest

# The same as in `find_suites`, whose import would make every other use of pytest slower.
_SUFFIX = ".test.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gateway", "access rules of JWT Gateway")
    group.addoption("--gateway", action="store_true", help=f"collect suites: files *{_SUFFIX}")
    group.addoption(
        "--gateway-config",
        metavar="FILE",
        type=Path,
        help="the configuration under test, whatever suites say",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the tests in *file_path*, if it is a suite that was asked for."""
    if not file_path.name.endswith(_SUFFIX):
        return None
    if not (parent.config.getoption("gateway") or parent.session.isinitpath(file_path)):
        return None
    items = importlib.import_module("gateway.suites.running.pytest_items")
    collector: pytest.Collector = items.SuiteTests.from_parent(parent, path=file_path)
    return collector
