"""Write what came of running suites as JUnit XML.

The format has no standard. This keeps to what the two schemas in use agree on: Ant's, which is
the stricter one, and that of Jenkins.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from gateway.suites.hostile.findings import Finding as Attacked
from gateway.suites.hostile.findings import HostileReport
from gateway.suites.hostile.report_text import describe
from gateway.suites.running.read_suite import BrokenSuite
from gateway.suites.running.report import Finding, Report

# XML 1.0 §2.2: no escape makes other characters fit for a document.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def format_junit(report: Report, started_at: datetime) -> str:
    """Return the document: a suite for each file, a case for each test and persona.

    A broken suite has one case, with an error. Each configuration that was attacked is a suite as
    well, with a case for each kind of attack on a route. All times are 0: none is long, and what
    was measured would make another document of each run.
    """
    timestamp = started_at.strftime("%Y-%m-%dT%H:%M:%S")
    suites: list[tuple[str, Sequence[str], int, int]] = [
        (suite.file, [_case(suite.file, one) for one in suite.findings], len(suite.failures), 0)
        for suite in report.suites
    ]
    suites.extend((one.file, [_error(one)], 0, 1) for one in report.broken)
    suites.extend(map(_attacked, report.hostile))
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


def _attacked(report: HostileReport) -> tuple[str, Sequence[str], int, int]:
    """Return the suite of all attacks on one configuration."""
    failed: dict[tuple[str, str], list[Attacked]] = {
        (route.route, name): [] for route in report.routes for name in route.counts
    }
    for finding in report.failures:
        failed.setdefault((finding.route, finding.name), []).append(finding)
    cases = [_attack(report.file, *names, findings) for names, findings in failed.items()]
    failures = sum(bool(findings) for findings in failed.values())
    return f"attacks on {report.file}", cases, failures, 0


def _attack(file: str, route: str, name: str, findings: Sequence[Attacked]) -> str:
    title = f"{route}: {name}"
    start = f'    <testcase classname={_name(file)} name={_name(title)} time="0"'
    if not findings:
        return f"{start}/>"
    text = "\n".join(line for one in findings for line in (str(one), *describe(one)))
    return _failed(start, findings[0].text, text)


def _failed(start: str, message: str, text: str) -> str:
    return (
        f'{start}>\n      <failure type="unexpected" message={_quote(message)}>{_escape(text)}'
        "</failure>\n    </testcase>"
    )


def _name(text: str) -> str:
    """Return *text* as an attribute of the type ``xs:token``: no blank says anything in it."""
    return _quote(" ".join(text.split()))


def _quote(text: str) -> str:
    return quoteattr(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))


def _escape(text: str) -> str:
    return escape(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))
