"""A report of a reload is the same after it was written and read; what is none is refused."""

import json
from typing import Any

import pytest

from gateway.admin.reload_report import (
    ReloadOutcome,
    ReloadReport,
    report_as_json,
    report_from_json,
)
from gateway.settings.text.fault import Code, Fault, Place
from gateway.suites.running.failed_tests import FailedTest

FAULT = Fault(Place("a.yaml", 1, 2), Code.BAD_VALUE, "not a host")
FAILURE = FailedTest(
    Place("a.test.yaml", 3, 4), "own orders", "alice", "GET a/b", ("expected allow", "a.yaml:1:2")
)
REPORTS = [
    ReloadReport(ReloadOutcome.APPLIED, "ab"),
    ReloadReport(ReloadOutcome.INVALID, None, "cannot read a.yaml"),
    ReloadReport(ReloadOutcome.NEEDS_RESTART, "ab", "`listen` cannot change"),
    ReloadReport(ReloadOutcome.TESTS_FAILED, "ab", "1 of 2", (FAULT,), (FAILURE, FAILURE)),
]


@pytest.mark.parametrize("report", REPORTS)
def test_what_was_written_is_read_as_it_was(report: ReloadReport) -> None:
    assert report_from_json(json.loads(json.dumps(report_as_json(report)))) == report


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "splendid"},
        {"config_hash": 7},
        {"error": []},
        {"faults": [{}]},
        {"faults": "none"},
        {"failures": [1]},
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        report_from_json(report_as_json(REPORTS[3]) | change)


def test_only_what_is_applied_is_live() -> None:
    assert [report.is_applied for report in REPORTS] == [True, False, False, False]


@pytest.mark.parametrize(
    ("report", "may"),
    [
        (ReloadReport(ReloadOutcome.INVALID, "ab", "the worker with pid 7 ended meanwhile"), True),
        (ReloadReport(ReloadOutcome.TESTS_FAILED, "ab", "took longer than 60 s"), True),
        (ReloadReport(ReloadOutcome.INVALID, "ab", "has faults", (FAULT,)), False),
        *((report, False) for report in REPORTS),
    ],
)
def test_only_what_was_refused_for_nothing_that_is_in_the_files_may_hold_later(
    report: ReloadReport, may: bool
) -> None:
    assert report.may_hold_later is may
