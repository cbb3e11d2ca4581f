"""A command finds its configuration, or exits with the right code."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli.config_file import config_argument, find_config, load_or_exit, read_config
from gateway.settings.load import Loaded, Rejected
from tests.cli.config_files import INVALID, VALID, write_config


@click.command()
@config_argument
def show(file: Path | None, config: Path | None) -> None:
    """Print the file that would be read."""
    click.echo(find_config(file, config))


def ask(*arguments: str, environment: str | None = None) -> Result:
    return CliRunner(env={"GATEWAY_CONFIG": environment}).invoke(show, arguments)


@pytest.mark.parametrize(
    ("arguments", "environment", "found"),
    [
        (("a.yaml",), None, "a.yaml"),
        (("--config", "b.yaml"), None, "b.yaml"),
        ((), "c.yaml", "c.yaml"),
        ((), None, "config/gateway.yaml"),
        ((), "", "config/gateway.yaml"),
        (("a.yaml", "--config", "b.yaml"), "c.yaml", "a.yaml"),
        (("--config", "b.yaml"), "c.yaml", "b.yaml"),
    ],
)
def test_what_is_nearest_to_the_verb_wins(
    arguments: tuple[str, ...], environment: str | None, found: str
) -> None:
    assert ask(*arguments, environment=environment).stdout == f"{found}\n"


def test_two_files_are_a_usage_error() -> None:
    assert ask("a.yaml", "b.yaml").exit_code == 2


def test_a_file_is_read_whether_it_holds_or_not(tmp_path: Path) -> None:
    assert isinstance(read_config(write_config(tmp_path)), Loaded)
    assert isinstance(read_config(write_config(tmp_path, INVALID)), Rejected)


@pytest.mark.parametrize("read", [read_config, load_or_exit])
def test_a_file_that_cannot_be_read_ends_with_3_and_one_line(
    read: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(read)

    with pytest.raises(SystemExit) as end:
        read(tmp_path / "missing.yaml")

    assert end.value.code == 3
    assert capsys.readouterr().err.startswith(f"gateway: cannot read {tmp_path}/missing.yaml: ")


def test_a_file_with_faults_ends_with_1_after_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        load_or_exit(write_config(tmp_path, INVALID))

    said = capsys.readouterr()
    assert end.value.code == 1
    assert said.out == ""
    assert ["unknown_key" in line or "bad_value" in line for line in said.err.splitlines()] == [
        True,
        True,
    ]


def test_warnings_are_said_and_the_settings_returned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_or_exit(write_config(tmp_path, VALID + "admin: 0.0.0.0:9901\n"))

    assert loaded.settings.admin is not None
    assert "admin_exposed: warning: " in capsys.readouterr().err


WARNED = VALID.replace("audiences: [orders]", "audiences: unchecked")


@pytest.mark.parametrize("warns", [True, False])
def test_doubts_are_told_to_those_who_want_to_know(
    warns: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_or_exit(write_config(tmp_path, WARNED), warns=warns)

    assert loaded.warnings
    assert ("audience_unchecked" in capsys.readouterr().err) is warns


def test_the_environment_can_be_another_one(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID.replace("[orders]", '["${AUDIENCE_OF_THIS_TEST}"]'))

    assert isinstance(read_config(path), Rejected)
    loaded = load_or_exit(path, {"AUDIENCE_OF_THIS_TEST": "shop"})
    assert loaded.settings.issuers["main"].issuer.audiences == frozenset({"shop"})
