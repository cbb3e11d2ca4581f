"""A description is loaded, or the command ends with the right code."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli.openapi_file import load_api
from tests.openapi.apis import SHOP, write


@click.command
@click.argument("file", type=click.Path(path_type=Path))
def title(file: Path) -> None:
    click.echo(load_api(file).title)


@pytest.mark.parametrize("name", ["file", "-"])
def test_a_file_or_stdin_is_read(tmp_path: Path, name: str) -> None:
    path = str(write(tmp_path)) if name == "file" else name

    done = CliRunner().invoke(title, [path], input=SHOP)

    assert (done.exit_code, done.stdout) == (0, "Shop\n")


def test_a_file_with_faults_is_1_and_says_where(tmp_path: Path) -> None:
    path = write(tmp_path, "openapi: 2\n")

    done = CliRunner().invoke(title, [str(path)])

    assert done.exit_code == 1
    assert done.stderr == f"{path}:1:10: not_supported: this version is not read: 3.0 and 3.1 are\n"


def test_a_file_that_is_not_there_is_3(tmp_path: Path) -> None:
    done = CliRunner().invoke(title, [str(tmp_path / "none.yaml")])

    assert done.exit_code == 3
    assert "none.yaml: No such file or directory" in done.stderr
