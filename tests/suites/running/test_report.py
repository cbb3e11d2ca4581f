"""A report counts what came of all suites."""

from pathlib import Path

from gateway.suites.running.report import Report
from tests.suites.reports import run_failing


def test_a_report_counts_outcomes_and_failures(tmp_path: Path) -> None:
    report = run_failing(tmp_path)

    assert (report.size, len(report.failures), len(report.broken)) == (6, 2, 1)
    assert report.suites[0].failures == report.failures


def test_coverage_is_added_up_over_the_configurations(tmp_path: Path) -> None:
    report = run_failing(tmp_path)

    twice = Report(report.suites, report.broken, report.coverage * 2)

    assert report.covered == report.coverage[0][1].counts()
    assert twice.covered == tuple(2 * count for count in report.covered)
    assert Report((), (), ()).covered == (0, 0)
