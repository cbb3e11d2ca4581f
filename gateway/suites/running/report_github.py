"""Write what came of running suites as annotations that GitHub shows beside the lines."""

from collections.abc import Iterator

from gateway.settings.text.fault_formats import annotate, annotate_fault
from gateway.suites.hostile.report_text import describe
from gateway.suites.running.report import Report


def format_github(report: Report, with_coverage: bool) -> Iterator[str]:
    """Yield an error for each failure and each fault, and a warning for each gap if asked for.

    Attacks that got through are failures, too.
    """
    for broken in report.broken:
        yield from map(annotate_fault, broken.faults)
    for finding in report.failures:
        outcome = finding.outcome
        title = f"{outcome.test.name}: {outcome.persona}"
        text = "\n".join((outcome.test.request.line, *finding.lines))
        yield annotate("error", outcome.expectation.place, title, text)
    for attacked in report.hostile:
        for failure in attacked.failures:
            text = "\n".join(describe(failure))
            yield annotate("error", failure.place, failure.title, text)
    for _, coverage in report.coverage if with_coverage else ():
        for gap in coverage.gaps():
            title = f"never {gap.lacks}"
            yield annotate("warning", gap.rule.place, title, f"{gap.rule.text}: {title}")
