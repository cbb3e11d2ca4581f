"""Attacks in the documents that machines read: JUnit's and GitHub's."""

from dataclasses import replace
from pathlib import Path

from gateway.settings.text.fault import Place
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks
from gateway.suites.running.report import Report
from gateway.suites.running.report_formats import format_github, format_junit
from tests.suites.reports import run
from tests.suites.running.test_report_junit import STARTED_AT, document
from tests.suites.worlds import SUITE

PLACE = Place("gateway.yaml", 3, 5)
OPENED = Finding(Kind.OPENED, "a", "expired", "<soon>", "RFC 7519", "GET a/", "through", PLACE)
AGAIN = replace(OPENED, variant="later")
WAIVED = replace(OPENED, name="dots", reason="known")
MISSED = Finding(Kind.NOT_ATTACKED, "b", "not-attacked", "", "", "/b", "nothing found", PLACE)
HOSTILE = HostileReport(
    "gateway.yaml",
    (
        RouteAttacks("a", PLACE, {"expired": 3, "dots": 1}, (OPENED, AGAIN, WAIVED)),
        RouteAttacks("b", PLACE, {}, (MISSED,)),
    ),
)


def report(directory: Path) -> Report:
    return replace(run(directory, a=SUITE), hostile=(HOSTILE,))


def test_each_kind_of_attack_on_a_route_is_a_testcase(tmp_path: Path) -> None:
    _, attacks = document(format_junit(report(tmp_path), STARTED_AT))

    cases = {case.get("name"): case for case in attacks.iter("testcase")}
    assert attacks.get("name") == "attacks on gateway.yaml"
    assert [attacks.get(name) for name in ("tests", "failures", "errors")] == ["3", "2", "0"]
    assert list(cases) == ["a: expired", "a: dots", "b: not-attacked"]
    assert list(cases["a: dots"]) == []


def test_all_that_got_through_is_in_its_failure(tmp_path: Path) -> None:
    _, attacks = document(format_junit(report(tmp_path), STARTED_AT))

    first, second = attacks.iter("failure")
    assert first.get("message") == "through"
    assert (first.text or "").splitlines() == [
        "gateway.yaml:3:5: a: expired (<soon>)",
        "got through: through",
        "GET a/",
        "see RFC 7519",
        "gateway.yaml:3:5: a: expired (later)",
        "got through: through",
        "GET a/",
        "see RFC 7519",
    ]
    assert second.get("message") == "nothing found"


def test_github_shows_each_attack_beside_the_line_that_should_have_refused_it(
    tmp_path: Path,
) -> None:
    assert list(format_github(report(tmp_path), False)) == [
        "::error file=gateway.yaml,line=3,col=5,title=a%3A expired (<soon>)::got through: through"
        "%0AGET a/%0Asee RFC 7519",
        "::error file=gateway.yaml,line=3,col=5,title=a%3A expired (later)::got through: through"
        "%0AGET a/%0Asee RFC 7519",
        "::error file=gateway.yaml,line=3,col=5,title=b%3A not-attacked::not attacked: nothing "
        "found%0A/b",
    ]


def test_what_gets_through_makes_a_report_unsound(tmp_path: Path) -> None:
    passed = run(tmp_path, a=SUITE)

    assert passed.is_sound
    assert not report(tmp_path).is_sound
    assert replace(passed, hostile=(HostileReport("gateway.yaml", ()),)).is_sound
