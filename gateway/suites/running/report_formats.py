"""Write the results of suites and attacks for programs: JSON, JUnit XML, GitHub annotations."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from gateway.settings.text.fault_formats import annotate, annotate_fault, fault_as_json
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.hostile.findings import Finding as AttackFinding
from gateway.suites.hostile.findings import HostileReport
from gateway.suites.running.failed_tests import FailedTest, failed_test_as_json
from gateway.suites.running.report import Finding, Report
from gateway.suites.running.report_text import describe_attack, percent

# XML 1.0 §2.2: other characters are not allowed in a document, not even escaped.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# --- JSON


def report_as_json(report: Report, with_coverage: bool) -> dict[str, Any]:
    """Return one object: counts, every failure, and all faults of suites.

    Attacks that got through are failures of their route.
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
        "attacks": [
            _attack_as_json(one) for attacked in report.hostile for one in attacked.failures
        ],
    }
    if with_coverage:
        members |= {"coverage": percent(*report.covered), "gaps": _gaps(report)}
    return members


def _failed_test(finding: Finding) -> FailedTest:
    outcome = finding.outcome
    test = outcome.test
    return FailedTest(
        outcome.expectation.place, test.name, outcome.persona, test.request.line, finding.lines
    )


def _attack_as_json(finding: AttackFinding) -> dict[str, Any]:
    place = finding.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "attack": finding.title,
        "reasons": list(describe_attack(finding)),
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


# --- JUnit XML


def format_junit(report: Report, started_at: datetime) -> str:
    """Return the document: a suite for each file, a case for each test and persona.

    A suite with faults has one case, with an error. Each attacked configuration is a suite as well,
    with a case for each kind of attack on a route. All times are 0: none is long, and measured ones
    would make the document different in each run.
    """
    timestamp = started_at.strftime("%Y-%m-%dT%H:%M:%S")
    suites: list[tuple[str, Sequence[str], int, int]] = [
        (suite.file, [_case(suite.file, one) for one in suite.findings], len(suite.failures), 0)
        for suite in report.suites
    ]
    suites.extend((one.file, [_error(one)], 0, 1) for one in report.broken)
    suites.extend(map(_attack_suite, report.hostile))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for number, (file, cases, failures, errors) in enumerate(suites):
        lines += (
            f'  <testsuite id="{number}" package="gateway" name={_name(file)} time="0"'
            f' timestamp="{timestamp}" hostname="localhost"'
            f' tests="{len(cases)}" failures="{failures}" errors="{errors}">',
            "    <properties/>",
            *cases,
            "    <system-out/>",
            "    <system-err/>",
            "  </testsuite>",
        )
    return "\n".join([*lines, "</testsuites>"])


def _case(file: str, finding: Finding) -> str:
    outcome = finding.outcome
    name = _name(f"{outcome.test.name}: {outcome.persona}")
    start = f'    <testcase classname={_name(file)} name={name} time="0"'
    if outcome.passed:
        return f"{start}/>"
    place = outcome.expectation.place
    where = f"{place.file}:{place.line}:{place.column}"
    text = "\n".join((where, outcome.test.request.line, *finding.lines))
    return _failed(start, outcome.differences[0], text)


def _error(broken: BrokenSuite) -> str:
    text = "\n".join(map(str, broken.faults))
    message = _quote(broken.faults[0].message)
    return (
        f'    <testcase classname={_name(broken.file)} name="the suite can be run" time="0">\n'
        f'      <error type="broken" message={message}>{_escape(text)}</error>\n'
        "    </testcase>"
    )


def _attack_suite(report: HostileReport) -> tuple[str, Sequence[str], int, int]:
    """Return the suite of all attacks on one configuration."""
    failed: dict[tuple[str, str], list[AttackFinding]] = {
        (route.route, name): [] for route in report.routes for name in route.counts
    }
    for finding in report.failures:
        failed.setdefault((finding.route, finding.name), []).append(finding)
    cases = [_attack_case(report.file, *names, findings) for names, findings in failed.items()]
    failures = sum(bool(findings) for findings in failed.values())
    return f"attacks on {report.file}", cases, failures, 0


def _attack_case(file: str, route: str, name: str, findings: Sequence[AttackFinding]) -> str:
    title = f"{route}: {name}"
    start = f'    <testcase classname={_name(file)} name={_name(title)} time="0"'
    if not findings:
        return f"{start}/>"
    text = "\n".join(line for one in findings for line in (str(one), *describe_attack(one)))
    return _failed(start, findings[0].text, text)


def _failed(start: str, message: str, text: str) -> str:
    return (
        f'{start}>\n      <failure type="unexpected" message={_quote(message)}>{_escape(text)}'
        "</failure>\n    </testcase>"
    )


def _name(text: str) -> str:
    """Return *text* as an attribute of type ``xs:token``, in which spaces are collapsed."""
    return _quote(" ".join(text.split()))


def _quote(text: str) -> str:
    return quoteattr(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))


def _escape(text: str) -> str:
    return escape(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))


# --- GitHub annotations


def format_github(report: Report, with_coverage: bool) -> Iterator[str]:
    """Yield an error for each failure and fault, and with *with_coverage* a warning for each gap.

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
            text = "\n".join(describe_attack(failure))
            yield annotate("error", failure.place, failure.title, text)
    for _, coverage in report.coverage if with_coverage else ():
        for gap in coverage.gaps():
            title = f"never {gap.lacks}"
            yield annotate("warning", gap.rule.place, title, f"{gap.rule.text}: {title}")
