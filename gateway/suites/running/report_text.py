"""Write the results of suites and attacks for people."""

from collections.abc import Iterator

from gateway.suites.hostile.findings import Finding as AttackFinding
from gateway.suites.hostile.findings import HostileReport
from gateway.suites.running.report import Finding, Report


def format_outcomes(report: Report, every: bool) -> Iterator[str]:
    """Yield a block of lines for each failure; with *every*, also a line for each pass."""
    for suite in report.suites:
        for finding in suite.findings:
            if not finding.outcome.passed:
                yield f"FAIL {_where(finding)}"
                yield f"  {finding.outcome.test.request.line}"
                yield from (f"  {line}" for line in finding.lines)
            elif every:
                yield f"ok   {_where(finding)}: {finding.outcome.got}"


def _where(finding: Finding) -> str:
    outcome = finding.outcome
    place = outcome.expectation.place
    name = f"{outcome.test.name}: {outcome.persona}"
    return f"{place.file}:{place.line}:{place.column}: {name}"


def format_coverage(report: Report) -> Iterator[str]:
    """Yield, for each configuration, how many of its rules the tests covered, and each gap."""
    for file, coverage in report.coverage:
        shown, total = coverage.counts()
        yield f"coverage of {file}: {percent(shown, total)} % ({shown} of {total})"
        for gap in coverage.gaps():
            place = gap.rule.place
            yield f"  {place.file}:{place.line}: never {gap.lacks}: {gap.rule.text}"


def percent(shown: int, total: int) -> int:
    """Return *shown* as a percentage of *total*, rounded down: only all of it is 100."""
    return shown * 100 // total if total else 0


def format_summary(report: Report) -> str:
    """Return one line about all suites."""
    failed = len(report.failures)
    parts = [f"{report.size - failed} passed"]
    if failed:
        parts.append(f"{failed} failed")
    if report.broken:
        parts.append(f"{len(report.broken)} broken")
    suites = len(report.suites) + len(report.broken)
    return f"{', '.join(parts)}, in {suites} {'suite' if suites == 1 else 'suites'}"


def format_attacks(report: HostileReport, every: bool) -> Iterator[str]:
    """Yield a block of lines for each attack that got through; with *every*, also each route."""
    for finding in report.failures:
        yield f"FAIL {finding}"
        yield from (f"  {line}" for line in describe_attack(finding))
    for route in report.routes if every else ():
        place = route.place
        where = f"{place.file}:{place.line}:{place.column}"
        attacks = _count(route.size, "attack")
        yield f"ok   {where}: {route.route}: {attacks}{_callers(route.callers)}"
    for finding in report.waived if every else ():
        yield f"waived {finding}: {finding.reason}"
    for route in report.routes:
        if route.left_out:
            yield f"{route.route}: not tried: {route.left_out}"


def format_attack_summary(report: HostileReport) -> str:
    """Return one line about all attacks."""
    routes = sum(route.size > 0 for route in report.routes)
    parts = [f"{_count(report.size, 'attack')} on {_count(routes, 'route')} of {report.file}"]
    parts.append(f"{len(report.failures)} failed" if report.failures else "all held")
    if report.waived:
        parts.append(f"{len(report.waived)} waived")
    return ", ".join(parts)


def describe_attack(finding: AttackFinding) -> Iterator[str]:
    """Yield what happened to an attack, the request that was sent, and where it was seen."""
    yield f"{finding.kind.value}: {finding.text}"
    if finding.request:
        yield finding.request
    if finding.source:
        yield f"see {finding.source}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _callers(callers: tuple[str | None, ...]) -> str:
    names = [name or "claims generated from its rules" for name in callers]
    return f", based on {' and '.join(names)}" if names else ""
