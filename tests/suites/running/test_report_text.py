"""What came of suites, as people read it."""

from pathlib import Path

import pytest

from gateway.suites.running.report_text import (
    format_coverage,
    format_outcomes,
    format_summary,
    percent,
)
from tests.suites.reports import run, run_failing
from tests.suites.worlds import SUITE, in_folder


def test_a_failure_is_a_block_that_begins_with_its_place(tmp_path: Path) -> None:
    lines = [in_folder(tmp_path)(line) for line in format_outcomes(run_failing(tmp_path), False)]

    assert lines == [
        "FAIL failing.test.yaml:10:41: orders of the own tenant: nobody",
        "  GET api.example.com/tenants/acme/orders/7",
        "  expected allow, got token_missing",
        "  gateway.yaml:17:5: credential: expected one bearer token, found no bearer token was "
        "sent",
        "FAIL failing.test.yaml:13:14: orders of another tenant: alice",
        "  GET api.example.com/tenants/globex/orders/7",
        "  expected allow, got claim_rule_failed",
        "  gateway.yaml:20:16: claim rules: expected tenant equals {path.tenant}, found tenant is "
        "'acme'",
    ]


def test_what_passed_is_a_line_if_asked_for(tmp_path: Path) -> None:
    report = run(tmp_path, a=SUITE)

    assert list(format_outcomes(report, False)) == []
    lines = [in_folder(tmp_path)(line) for line in format_outcomes(report, True)]
    assert lines[0] == "ok   a.test.yaml:10:14: orders of the own tenant: alice: allow"
    assert lines[5] == "ok   a.test.yaml:13:65: orders of another tenant: nobody: token_missing"


def test_the_summary_says_only_what_there_is(tmp_path: Path) -> None:
    assert format_summary(run(tmp_path, a=SUITE)) == "6 passed, in 1 suite"
    assert format_summary(run_failing(tmp_path)) == "4 passed, 2 failed, 1 broken, in 2 suites"


def test_the_coverage_names_what_no_test_showed(tmp_path: Path) -> None:
    report = run(tmp_path, a=SUITE)

    lines = [in_folder(tmp_path)(line) for line in format_coverage(report)]

    assert lines == [
        "coverage of gateway.yaml: 40 % (6 of 15)",
        "  gateway.yaml:13: never allowed: route health",
        "  gateway.yaml:18: never refused: route read-order: issuer main",
        "  gateway.yaml:19: never refused: route read-order: scopes orders:read",
        "  gateway.yaml:21: never allowed: route any",
        "  gateway.yaml:21: never refused: route any",
        "  gateway.yaml:22: never allowed: route fresh",
        "  gateway.yaml:22: never refused: route fresh",
        "  gateway.yaml:22: never allowed: route fresh: max_age 300s",
        "  gateway.yaml:22: never refused: route fresh: max_age 300s",
    ]


@pytest.mark.parametrize(
    ("shown", "total", "expected"), [(0, 3, 0), (1, 3, 33), (999, 1000, 99), (3, 3, 100)]
)
def test_only_all_of_it_is_a_hundred_percent(shown: int, total: int, expected: int) -> None:
    assert percent(shown, total) == expected


def test_where_nothing_ran_nothing_is_covered() -> None:
    assert percent(0, 0) == 0
