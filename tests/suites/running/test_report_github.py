"""Failures, faults and gaps are annotations that GitHub shows beside the lines."""

from pathlib import Path

from gateway.suites.running.report_formats import format_github
from tests.suites.reports import run, run_failing
from tests.suites.worlds import SUITE, in_folder


def annotations(directory: Path, with_coverage: bool = False) -> list[str]:
    report = run_failing(directory)
    return [in_folder(directory)(line) for line in format_github(report, with_coverage)]


def test_each_fault_and_each_failure_is_an_error_at_its_place(tmp_path: Path) -> None:
    assert annotations(tmp_path) == [
        "::error file=broken.test.yaml,line=2,col=1,title=unknown_key::unknown key `test`: did "
        "you mean `tests`?",
        "::error file=failing.test.yaml,line=10,col=41,title=orders of the own tenant%3A "
        "nobody::GET api.example.com/tenants/acme/orders/7%0Aexpected allow, got token_missing%0A"
        "gateway.yaml:17:5: credential: expected one bearer token, found no bearer token was sent",
        "::error file=failing.test.yaml,line=13,col=14,title=orders of another tenant%3A "
        "alice::GET api.example.com/tenants/globex/orders/7%0Aexpected allow, got "
        "claim_rule_failed%0Agateway.yaml:20:16: claim rules: expected tenant equals "
        "{path.tenant}, found tenant is 'acme'",
    ]


def test_gaps_of_the_coverage_are_warnings_where_they_are_asked_for(tmp_path: Path) -> None:
    added = annotations(tmp_path, with_coverage=True)[3:]

    assert added[0] == (
        "::warning file=gateway.yaml,line=13,col=6,title=never allowed::route health: never allowed"
    )
    assert all(line.startswith("::warning file=gateway.yaml,") for line in added)


def test_where_all_is_well_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert list(format_github(run(tmp_path, a=SUITE), False)) == []
