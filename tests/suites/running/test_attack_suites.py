"""Configurations are attacked once, for all suites about them."""

from pathlib import Path

from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.hostile.findings import Kind
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from gateway.suites.running.report_text import format_attack_summary
from gateway.suites.running.run import attack_suites
from gateway.suites.selection import parse_selection, select_all
from tests.suites.worlds import ENVIRON, ESTATE, SUITE

ROOT = Path(__file__).parents[3]
UNCHECKED = "{attacks: [wrong-audience, no-audience], routes: [any, fresh], reason: for ci}"
WAIVED = f"hostile: {{waive: [{UNCHECKED}]}}\n"


def ready(directory: Path, **suites: str) -> list[ReadySuite | BrokenSuite]:
    (directory / "gateway.yaml").write_text(ESTATE)
    (directory / "other.yaml").write_text(ESTATE)
    configurations = Configurations(ENVIRON)
    found = []
    for name, text in suites.items():
        path = directory / f"{name}.test.yaml"
        path.write_text(text)
        found.append(make_ready(path, None, {}, configurations))
    return found


def test_an_issuer_whose_audiences_are_unchecked_is_found_out(tmp_path: Path) -> None:
    """An HMAC service token for any other API is good here."""
    [report] = attack_suites(ready(tmp_path, a=SUITE), select_all)

    assert {(one.route, one.name) for one in report.failures} == {
        (route, name) for route in ("any", "fresh") for name in ("wrong-audience", "no-audience")
    }


def test_waivers_of_all_suites_of_a_configuration_count(tmp_path: Path) -> None:
    suites = ready(tmp_path, a=SUITE, b=SUITE + WAIVED)

    [report] = attack_suites(suites, select_all)

    assert report.failures == ()
    assert report.waived


def test_each_configuration_is_attacked_by_itself(tmp_path: Path) -> None:
    other = SUITE.replace("gateway: gateway.yaml", "gateway: other.yaml")
    suites = ready(tmp_path, a=SUITE, b=other, broken="version: 2\n")

    reports = attack_suites(suites, select_all)

    assert [Path(one.file).name for one in reports] == ["gateway.yaml", "other.yaml"]


def test_personas_lend_their_requests(tmp_path: Path) -> None:
    [report] = attack_suites(ready(tmp_path, a=SUITE), select_all)

    callers = {one.route: one.callers for one in report.routes}
    assert callers["read-order"] == ("alice",)
    assert callers["any"] == (None, None, None)


def test_a_selection_leaves_no_waiver_useless(tmp_path: Path) -> None:
    suites = ready(tmp_path, a=SUITE + WAIVED)

    [report] = attack_suites(suites, parse_selection("alg-none"))

    assert report.failures == ()
    assert {name for one in report.routes for name in one.counts} == {"alg-none"}


def test_a_waiver_that_nothing_needs_fails(tmp_path: Path) -> None:
    useless = "hostile: {waive: [{attacks: [dots], reason: x}]}\n"

    [report] = attack_suites(ready(tmp_path, a=SUITE + useless), select_all)

    assert [one.name for one in report.failures if one.kind is Kind.NOT_USED] == ["dots"]


def test_the_example_estate_is_attacked_as_the_documentation_says() -> None:
    configurations = Configurations({})
    paths = sorted((ROOT / "config" / "estate" / "suites").glob("*.test.yaml"))

    [report] = attack_suites(
        [make_ready(path, None, {}, configurations) for path in paths], select_all
    )

    assert report.failures == ()
    told = format_attack_summary(report).replace(f"{ROOT}/", "")
    assert told in (ROOT / "docs" / "attacks.md").read_text()
