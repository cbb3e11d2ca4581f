"""Each persona of each test is an item of pytest, whose failure people can read."""

from pathlib import Path

from tests.suites.pytest_runs import results, run_pytest
from tests.suites.worlds import FAILING, SUITE, write


def test_a_failure_is_told_in_the_words_of_gateway_test(tmp_path: Path) -> None:
    write(tmp_path, FAILING)

    done = run_pytest(tmp_path, "--gateway")

    assert done.returncode == 1
    assert (
        "expected allow, got token_missing\n"
        "gateway.yaml:17:5: credential: expected one bearer token, found no bearer token was sent\n"
        "GET api.example.com/tenants/acme/orders/7\n"
        "a.test.yaml:10:41: expected here\n"
    ) in done.stdout
    assert (
        "FAILED a.test.yaml::orders of the own tenant: nobody - expected allow, got token_missing"
    ) in results(done)
    assert len([line for line in results(done) if line.startswith("PASSED")]) == 4
    assert "Traceback" not in done.stdout


def test_a_suite_elsewhere_is_named_by_its_whole_path(tmp_path: Path) -> None:
    path = write(tmp_path, FAILING)
    (tmp_path / "here").mkdir()

    done = run_pytest(tmp_path / "here", path)

    assert f"{path}:10:41: expected here" in done.stdout


def test_a_broken_suite_is_an_error_with_its_faults(tmp_path: Path) -> None:
    write(tmp_path, SUITE.replace("extends: alice", "extends: alcie"))

    done = run_pytest(tmp_path, "--gateway")

    assert done.returncode == 2  # interrupted by errors of the collection
    assert (
        "a.test.yaml:5:19: unknown_reference: no persona `alcie`: did you mean `alice`?"
    ) in done.stdout
    assert "Traceback" not in done.stdout


def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path)

    done = run_pytest(tmp_path, "--gateway", "--gateway-config", "missing.yaml")

    assert done.returncode == 2
    assert "cannot read missing.yaml: no such file or directory" in done.stdout


def test_several_suites_run_together(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "b.test.yaml").write_text(SUITE)

    done = run_pytest(tmp_path, "--gateway")

    assert done.returncode == 0
    assert len(results(done)) == 12
