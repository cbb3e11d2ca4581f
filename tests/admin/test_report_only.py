"""`/status` lists the routes and issuers that only report."""

from pathlib import Path

import pytest

from gateway.admin.status import report_only
from tests.settings.configs import config, load

ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  new: {issuer: "https://new.example.com/", discovery: true, audiences: [orders], mode: report}
"""
ROUTES = """\
routes:
  - {name: orders, match: {path: /orders}, upstream: orders, require: {}}
  - {name: trial, match: {path: /trial}, upstream: orders, require: {}, mode: report}
  - {name: open, match: {path: /open}, upstream: orders, public: true}
"""


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("report", {"routes": ["trial"], "issuers": ["new"]}),
        ("enforce", {"routes": [], "issuers": []}),
    ],
)
def test_what_only_reports_is_named(mode: str, shown: object, tmp_path: Path) -> None:
    text = config(issuers=ISSUERS, routes=ROUTES).replace("mode: report", f"mode: {mode}")

    assert report_only(load(tmp_path, text)) == shown
