"""What came of suites, for machines: every failure with its place and its reasons."""

from pathlib import Path

from gateway.suites.running.report_formats import report_as_json
from tests.suites.reports import run, run_failing
from tests.suites.worlds import FAILING, SUITE


def test_what_holds_has_counts_and_nothing_else(tmp_path: Path) -> None:
    assert report_as_json(run(tmp_path, good=SUITE), with_coverage=False) == {
        "passed": 6,
        "failed": 0,
        "broken": [],
        "failures": [],
        "faults": [],
        "attacks": [],
    }


def test_a_failure_has_its_place_who_asked_what_and_why(tmp_path: Path) -> None:
    told = report_as_json(run(tmp_path, failing=FAILING), with_coverage=False)

    assert (told["passed"], told["failed"]) == (4, 2)
    first = told["failures"][0]
    assert first == {
        "file": f"{tmp_path}/failing.test.yaml",
        "line": 10,
        "column": 41,
        "test": "orders of the own tenant",
        "persona": "nobody",
        "request": "GET api.example.com/tenants/acme/orders/7",
        "reasons": first["reasons"],
    }
    assert first["reasons"][0] == "expected allow, got token_missing"


def test_what_is_broken_is_named_with_its_faults_each_once(tmp_path: Path) -> None:
    told = report_as_json(run_failing(tmp_path), with_coverage=False)

    assert told["broken"] == [f"{tmp_path}/broken.test.yaml"]
    assert len(told["faults"]) == len({str(fault) for fault in told["faults"]}) > 0
    assert {fault["file"] for fault in told["faults"]} == {f"{tmp_path}/broken.test.yaml"}


def test_what_no_test_showed_is_told_if_asked_for(tmp_path: Path) -> None:
    told = report_as_json(run(tmp_path, good=SUITE), with_coverage=True)

    gap = {"file": f"{tmp_path}/gateway.yaml", "line": 13, "lacks": "allowed"}
    assert {**gap, "rule": "route health"} in told["gaps"]
