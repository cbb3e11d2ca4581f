"""Attack the configurations that suites are about, with what their personas are allowed."""

from collections.abc import Iterable

from gateway.suites.hostile.findings import HostileReport
from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.hostile.stage import Stage
from gateway.suites.hostile.waivers import waive
from gateway.suites.running.read_suite import BrokenSuite
from gateway.suites.running.ready import ReadySuite
from gateway.suites.running.selection import Selects, select_all


def attack_suites(
    suites: Iterable[ReadySuite | BrokenSuite], selects: Selects
) -> tuple[HostileReport, ...]:
    """Return what came of the attacks on each configuration, once for all suites about it.

    Their waivers count together; the clock is that of the first of them.
    """
    groups: dict[int, list[ReadySuite]] = {}
    for one in suites:
        if isinstance(one, ReadySuite):
            groups.setdefault(id(one.loaded), []).append(one)
    return tuple(_attack(group, selects) for group in groups.values())


def _attack(group: list[ReadySuite], selects: Selects) -> HostileReport:
    loaded = group[0].loaded
    stage = Stage(loaded.settings, group[0].suite.at)
    cases = [
        (ready.suite.personas[name].persona, test.request)
        for ready in group
        for test, name in ready.cases()
    ]
    report = Campaign(stage, loaded.places, cases).run(selects)
    waivers = [waiver for ready in group for waiver in ready.suite.waivers]
    return waive(report, waivers, is_whole=selects is select_all)
