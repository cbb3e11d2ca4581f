"""Find suites, run their tests, and attack the configurations that they test."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.files.suite import AccessTest
from gateway.suites.hostile.findings import HostileReport, waive
from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.running.coverage import Coverage
from gateway.suites.running.judge import describe_cause
from gateway.suites.running.ready import ReadySuite
from gateway.suites.running.report import Finding, Report, SuiteReport
from gateway.suites.selection import Selects, select_all
from gateway.suites.simulation.sandbox import Sandbox

SUFFIX = ".test.yaml"

Suites = Iterable[ReadySuite | BrokenSuite]


def _do_nothing() -> None:
    """Show no progress."""


def find_suites(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files among *paths* and, in its folders, all files ``*.test.yaml``, in order.

    A file that is found twice is listed once. Folders whose name starts with a dot are skipped.
    """
    found = (
        file for path in paths for file in (_in_folder(path) if os.path.isdir(path) else [path])
    )
    return tuple({os.path.realpath(file): file for file in found}.values())


def _in_folder(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            if file.endswith(SUFFIX):
                yield Path(name, file)


def run_suites(
    suites: Suites,
    selects: Selects,
    advance: Callable[[], None] = _do_nothing,
    *,
    covers: bool = True,
) -> Report:
    """Run every test for every persona whose names are selected, and return the results.

    *advance* is called after each pair of a test and a persona. Without *covers*, the
    report has no coverage: to find the rules that a request passed takes longer than its verdict.
    """
    coverage: dict[int, tuple[str, Coverage]] = {}
    reports: list[SuiteReport] = []
    broken: list[BrokenSuite] = []
    for ready in suites:
        if isinstance(ready, BrokenSuite):
            broken.append(ready)
            continue
        findings: list[Finding] = []
        for test, persona in ready.cases():
            if selects(f"{test.name} {persona}"):
                findings.append(_find(ready, test, persona))
            advance()
        if covers:
            _cover(ready, findings, coverage)
        reports.append(SuiteReport(ready.suite.file, tuple(findings)))
    return Report(tuple(reports), tuple(broken), tuple(coverage.values()))


def _cover(
    ready: ReadySuite, findings: Iterable[Finding], coverage: dict[int, tuple[str, Coverage]]
) -> None:
    loaded = ready.loaded
    _, covered = coverage.setdefault(id(loaded), (loaded.places.of().file, Coverage(loaded)))
    for finding in findings:
        covered.add(finding.outcome.explain())


def _find(ready: ReadySuite, test: AccessTest, persona: str) -> Finding:
    outcome = ready.judge(test, persona)
    if outcome.passed:
        return Finding(outcome, ())
    cause = describe_cause(outcome, ready.loaded.places)
    return Finding(outcome, (*outcome.differences, cause))


def attack_suites(
    suites: Suites, selects: Selects, advance: Callable[[], None] = _do_nothing
) -> tuple[HostileReport, ...]:
    """Attack each configuration once, with what the personas of all suites about it are allowed.

    The waivers of these suites count together; the clock is that of the first of them. *advance* is
    called after each route.
    """
    return tuple(_attack(group, selects, advance) for group in _by_configuration(suites))


def count_attacked(suites: Suites) -> int:
    """Return how many routes `attack_suites` attacks."""
    groups = _by_configuration(suites)
    return sum(len(group[0].loaded.settings.policy.routes.routes) for group in groups)


def _by_configuration(suites: Suites) -> list[list[ReadySuite]]:
    groups: dict[int, list[ReadySuite]] = {}
    for one in suites:
        if isinstance(one, ReadySuite):
            groups.setdefault(id(one.loaded), []).append(one)
    return list(groups.values())


def _attack(
    group: list[ReadySuite], selects: Selects, advance: Callable[[], None]
) -> HostileReport:
    loaded = group[0].loaded
    sandbox = Sandbox(loaded.settings, group[0].suite.at)
    cases = [
        (ready.suite.personas[name].persona, test.request)
        for ready in group
        for test, name in ready.cases()
    ]
    report = Campaign(sandbox, loaded.places, cases).run(selects, advance)
    waivers = [waiver for ready in group for waiver in ready.suite.waivers]
    return waive(report, waivers, is_whole=selects is select_all)
