from pathlib import Path

from tests.cli.config_files import run


def test_the_schema_printed_is_the_one_committed() -> None:
    committed = Path(__file__).parents[2] / "config" / "gateway.schema.json"

    done = run("schema")

    assert done.exit_code == 0
    assert done.stdout == committed.read_text()


def test_the_schema_of_suites_is_the_one_committed() -> None:
    committed = Path(__file__).parents[2] / "config" / "suite.schema.json"

    done = run("schema", "--suite")

    assert (done.exit_code, done.stdout) == (0, committed.read_text())
