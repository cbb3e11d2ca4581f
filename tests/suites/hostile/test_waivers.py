"""What may get through, and why."""

from pathlib import Path

import pytest

from gateway.settings.text.fault import Place
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.files.suite import Waiver
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks, waive
from tests.suites.worlds import SUITE, make, make_or_not

PLACE = Place("gateway.yaml", 3, 5)


def finding(route: str, name: str) -> Finding:
    return Finding(Kind.OPENED, route, name, "", "", "GET /", "through", PLACE)


def report(*findings: Finding) -> HostileReport:
    return HostileReport("gateway.yaml", (RouteAttacks("a", PLACE, {"dots": 1}, findings),))


def waiver(*attacks: str, routes: tuple[str, ...] | None = None) -> Waiver:
    return Waiver(PLACE, attacks, routes, "known")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (waiver("dots"), "known"),
        (waiver("crit", "dots", routes=("b", "a")), "known"),
        (waiver("dots", routes=("b",)), None),
        (waiver("crit"), None),
    ],
)
def test_a_waiver_is_for_its_attacks_on_its_routes(given: Waiver, reason: str | None) -> None:
    waived = waive(report(finding("a", "dots")), [given], is_whole=False)

    assert waived.routes[0].findings[0].reason == reason


def test_a_waiver_for_what_does_not_get_through_is_a_failure() -> None:
    given = waiver("dots", "crit", routes=("a", "b"))

    [failure] = waive(report(finding("a", "dots")), [given], is_whole=True).failures

    assert (failure.kind, failure.route, failure.name) == (Kind.NOT_USED, "a, b", "crit")
    assert failure.place == PLACE


def test_it_is_none_where_not_everything_was_tried() -> None:
    assert waive(report(), [waiver("dots")], is_whole=False).failures == ()


def test_of_two_waivers_the_first_counts_and_the_second_is_useless() -> None:
    waived = waive(report(finding("a", "dots")), [waiver("dots")] * 2, is_whole=True)
    other = waive(
        report(finding("a", "dots")), [waiver("dots"), waiver("dots", routes=("a",))], is_whole=True
    )

    assert waived.failures == ()
    assert [one.route for one in other.failures] == ["a"]


HOSTILE = """\
hostile:
  waive:
    - {attacks: [path-other-case], routes: [read-order], reason: the service tells them apart}
    - {attacks: [report-mode, dots], reason: "until July"}
"""


def test_a_suite_states_waivers(tmp_path: Path) -> None:
    suite = make(tmp_path, SUITE + HOSTILE).suite

    first, second = suite.waivers
    assert first.attacks == ("path-other-case",)
    assert first.routes == ("read-order",)
    assert first.reason == "the service tells them apart"
    assert first.place.line == len(SUITE.splitlines()) + 3
    assert (second.attacks, second.routes) == (("report-mode", "dots"), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{attacks: [path-othercase], reason: x}", "did you mean `path-other-case`"),
        ("{attacks: [dots], routes: [read-orders], reason: x}", "did you mean `read-order`"),
        ("{attacks: [dots]}", "reason"),
        ("{attacks: [], reason: x}", "the list is empty"),
        ("{routes: [any], reason: x}", "attacks"),
    ],
)
def test_a_waiver_that_says_too_little_or_means_nothing_is_a_fault(
    text: str, message: str, tmp_path: Path
) -> None:
    broken = make_or_not(tmp_path, f"{SUITE}hostile: {{waive: [{text}]}}\n")

    assert isinstance(broken, BrokenSuite)
    assert message in str(broken.faults[0])
