"""Write for people what came of running suites."""

from collections.abc import Iterator

from gateway.suites.running.report import Finding, Report


def format_outcomes(report: Report, every: bool) -> Iterator[str]:
    """Yield a block of lines for each failure; *every* shows what passed, too, in a line each."""
    for suite in report.suites:
        for finding in suite.findings:
            if not finding.outcome.passed:
                yield from _failure(finding)
            elif every:
                yield f"ok   {_where(finding)}: {finding.outcome.got}"


def format_coverage(report: Report) -> Iterator[str]:
    """Yield for each configuration how much of its rules was shown, and what was not."""
    for file, coverage in report.coverage:
        shown, total = coverage.counts()
        yield f"coverage of {file}: {percent(shown, total)} % ({shown} of {total})"
        for gap in coverage.gaps():
            place = gap.rule.place
            yield f"  {place.file}:{place.line}: never {gap.lacks}: {gap.rule.text}"


def percent(shown: int, total: int) -> int:
    """Return *shown* in hundredths of *total*, rounded down: only all of it is 100."""
    return shown * 100 // total if total else 0


def format_summary(report: Report) -> str:
    """Return one line about all of it."""
    failed = len(report.failures)
    parts = [f"{report.size - failed} passed"]
    if failed:
        parts.append(f"{failed} failed")
    if report.broken:
        parts.append(f"{len(report.broken)} broken")
    suites = len(report.suites) + len(report.broken)
    return f"{', '.join(parts)}, in {suites} {'suite' if suites == 1 else 'suites'}"


def _failure(finding: Finding) -> Iterator[str]:
    yield f"FAIL {_where(finding)}"
    yield f"  {finding.outcome.test.request.line}"
    yield from (f"  {line}" for line in finding.lines)


def _where(finding: Finding) -> str:
    outcome = finding.outcome
    place = outcome.expectation.place
    name = f"{outcome.test.name}: {outcome.persona}"
    return f"{place.file}:{place.line}:{place.column}: {name}"
