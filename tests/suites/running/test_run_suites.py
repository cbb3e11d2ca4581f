"""Suites are run whole, or as much of them as is selected."""

from pathlib import Path

from gateway.suites.selection import parse_selection
from tests.suites.reports import run, run_failing
from tests.suites.worlds import FAILING, SUITE, in_folder


def test_every_persona_of_every_test_is_asked(tmp_path: Path) -> None:
    report = run(tmp_path, first=SUITE, second=SUITE)

    assert [len(suite.findings) for suite in report.suites] == [6, 6]
    assert report.failures == ()


def test_a_failure_says_what_is_different_and_why(tmp_path: Path) -> None:
    shorten = in_folder(tmp_path)

    report = run(tmp_path, a=FAILING)

    assert [[shorten(line) for line in one.lines] for one in report.failures] == [
        [
            "expected allow, got token_missing",
            "gateway.yaml:17:5: credential: expected one bearer token, found no bearer token was "
            "sent",
        ],
        [
            "expected allow, got claim_rule_failed",
            "gateway.yaml:20:16: claim rules: expected tenant equals {path.tenant}, found tenant "
            "is 'acme'",
        ],
    ]


def test_what_passed_needs_no_words(tmp_path: Path) -> None:
    report = run(tmp_path, a=FAILING)

    assert [one.lines for one in report.suites[0].findings if one.outcome.passed] == [()] * 4


def test_only_what_is_selected_is_asked(tmp_path: Path) -> None:
    report = run(tmp_path, parse_selection("'another tenant' and not nobody"), a=SUITE)

    found = [(one.outcome.test.name, one.outcome.persona) for one in report.suites[0].findings]
    assert found == [("orders of another tenant", "alice"), ("orders of another tenant", "boss")]


def test_a_broken_suite_keeps_no_other_from_running(tmp_path: Path) -> None:
    report = run_failing(tmp_path)

    assert [Path(one.file).name for one in report.broken] == ["broken.test.yaml"]
    assert [Path(one.file).name for one in report.suites] == ["failing.test.yaml"]


def test_suites_of_one_configuration_cover_it_together(tmp_path: Path) -> None:
    alone = run(tmp_path, a=SUITE)
    health = SUITE.partition("tests:")[0] + (
        "tests:\n  - {name: h, request: GET https://h/healthz, expect: {others: allow}}\n"
    )

    together = run(tmp_path, a=SUITE, b=health)

    ((file, _),) = together.coverage
    assert file == str(tmp_path / "gateway.yaml")
    assert together.covered[0] == alone.covered[0] + 1
    assert together.covered[1] == alone.covered[1]
