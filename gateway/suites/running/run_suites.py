"""Run suites: ask everything that is asked in them, as everybody."""

from collections.abc import Sequence

from gateway.suites.running.cause import describe_cause
from gateway.suites.running.coverage import Coverage
from gateway.suites.running.read_suite import BrokenSuite
from gateway.suites.running.ready import ReadySuite
from gateway.suites.running.report import Finding, Report, SuiteReport
from gateway.suites.running.selection import Selects
from gateway.suites.running.suite import AccessTest


def run_suites(suites: Sequence[ReadySuite | BrokenSuite], selects: Selects) -> Report:
    """Return what came of every test and persona whose names are selected."""
    coverage: dict[int, tuple[str, Coverage]] = {}
    reports: list[SuiteReport] = []
    for ready in suites:
        if isinstance(ready, BrokenSuite):
            continue
        loaded = ready.loaded
        _, covered = coverage.setdefault(id(loaded), (loaded.places.of().file, Coverage(loaded)))
        findings = [
            _find(ready, test, persona)
            for test, persona in ready.cases()
            if selects(f"{test.name} {persona}")
        ]
        for finding in findings:
            covered.add(finding.outcome.explanation)
        reports.append(SuiteReport(ready.suite.file, tuple(findings)))
    broken = tuple(one for one in suites if isinstance(one, BrokenSuite))
    return Report(tuple(reports), broken, tuple(coverage.values()))


def _find(ready: ReadySuite, test: AccessTest, persona: str) -> Finding:
    outcome = ready.judge(test, persona)
    if outcome.passed:
        return Finding(outcome, ())
    cause = describe_cause(outcome, ready.loaded.places)
    return Finding(outcome, (*outcome.differences, cause))
