from pathlib import Path

from tests.cli.config_files import run


def test_the_schema_printed_is_the_one_committed() -> None:
    committed = Path(__file__).parents[2] / "config" / "gateway.schema.json"

    done = run("schema")

    assert done.exit_code == 0
    assert done.stdout == committed.read_text()
