"""Write for machines what came of running suites."""

from typing import Any

from gateway.settings.text.fault_formats import fault_as_json
from gateway.suites.hostile.findings import Finding as Attacked
from gateway.suites.hostile.report_text import describe
from gateway.suites.running.failed_tests import FailedTest, failed_test_as_json
from gateway.suites.running.report import Finding, Report


def report_as_json(report: Report, with_coverage: bool) -> dict[str, Any]:
    """Return one object: counts, every failure, and all that is wrong with broken suites.

    Attacks that got through are failures of the route that they were on.
    """
    failed = len(report.failures)
    members: dict[str, Any] = {
        "passed": report.size - failed,
        "failed": failed,
        "broken": [one.file for one in report.broken],
        "failures": [failed_test_as_json(_failed_test(one)) for one in report.failures],
        "faults": [
            fault_as_json(fault)
            for fault in dict.fromkeys(fault for one in report.broken for fault in one.faults)
        ],
        "attacks": [_attack(one) for attacked in report.hostile for one in attacked.failures],
    }
    return {**members, "gaps": _gaps(report)} if with_coverage else members


def _failed_test(finding: Finding) -> FailedTest:
    outcome = finding.outcome
    test = outcome.test
    return FailedTest(
        outcome.expectation.place, test.name, outcome.persona, test.request.line, finding.lines
    )


def _attack(finding: Attacked) -> dict[str, Any]:
    place = finding.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "attack": finding.title,
        "reasons": list(describe(finding)),
    }


def _gaps(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "file": gap.rule.place.file,
            "line": gap.rule.place.line,
            "lacks": gap.lacks,
            "rule": gap.rule.text,
        }
        for _, coverage in report.coverage
        for gap in coverage.gaps()
    ]
