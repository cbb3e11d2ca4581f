"""A report survives being written and read; anything else is refused."""

import json
from typing import Any

import pytest

from gateway.reloading.report import (
    LastReload,
    ReloadOutcome,
    ReloadReport,
    report_as_json,
    report_from_json,
    summarize,
)
from gateway.settings.text.fault import Code, Fault, Place, Severity
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
        (ReloadReport(ReloadOutcome.INVALID, "ab", "the worker with pid 7 exited meanwhile"), True),
        (ReloadReport(ReloadOutcome.TESTS_FAILED, "ab", "took longer than 60 s"), True),
        (ReloadReport(ReloadOutcome.INVALID, "ab", "has faults", (FAULT,)), False),
        *((report, False) for report in REPORTS),
    ],
)
def test_only_what_was_refused_for_nothing_that_is_in_the_files_may_hold_later(
    report: ReloadReport, may: bool
) -> None:
    assert report.may_hold_later is may


def fault(line: int, severity: Severity = Severity.ERROR) -> Fault:
    return Fault(Place("gateway.yaml", line, 1), Code.BAD_VALUE, "no", severity)


@pytest.mark.parametrize(
    ("faults", "summary"),
    [
        ([fault(1)], "gateway.yaml:1:1: bad_value: no"),
        ([fault(1, Severity.WARNING), fault(2)], "gateway.yaml:2:1: bad_value: no"),
        ([fault(1), fault(2), fault(3)], "gateway.yaml:1:1: bad_value: no (and 2 more)"),
    ],
)
def test_faults_are_summarized_by_the_first_error(faults: list[Fault], summary: str) -> None:
    assert summarize(faults) == summary


def test_the_last_attempt_is_told_beside_what_is_live() -> None:
    attempt = LastReload("aa", 100.0)
    failure = FailedTest(Place("a.test.yaml", 3, 4), "own orders", "alice", "GET a/b", ("no",))
    started = attempt.status("aa")

    outcome = ReloadOutcome.TESTS_FAILED
    attempt.note(ReloadReport(outcome, "bb", "1 of 2", failures=(failure,)), 200.0)

    assert started == {
        "live_hash": "aa",
        "attempted_hash": "aa",
        "last_outcome": "applied",
        "last_error": None,
        "last_failures": [],
        "last_attempt_at": 100.0,
        "last_success_at": 100.0,
    }
    assert attempt.status("aa") == {
        "live_hash": "aa",
        "attempted_hash": "bb",
        "last_outcome": "tests_failed",
        "last_error": "1 of 2",
        "last_failures": ["a.test.yaml:3:4: own orders: alice"],
        "last_attempt_at": 200.0,
        "last_success_at": 100.0,
    }


def test_an_attempt_that_is_taken_is_the_last_success() -> None:
    attempt = LastReload("aa", 100.0)
    attempt.note(ReloadReport(ReloadOutcome.INVALID, None, "unreadable"), 200.0)

    attempt.note(ReloadReport(ReloadOutcome.APPLIED, "bb"), 300.0)

    status = attempt.status("bb")
    assert (status["last_attempt_at"], status["last_success_at"]) == (300.0, 300.0)
    assert status["last_error"] is None
