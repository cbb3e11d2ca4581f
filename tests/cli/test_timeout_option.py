"""A timeout is a finite number of seconds."""

import click
import pytest
from click.testing import CliRunner

from gateway.cli.admin_port import timeout_option


@click.command()
@timeout_option(3.0, "How long.")
def verb(timeout_seconds: float) -> None:
    """Wait."""
    click.echo(timeout_seconds)


def test_it_is_what_is_given_or_the_default() -> None:
    said = [CliRunner().invoke(verb, words).stdout for words in ([], ["--timeout", "0.5"])]

    assert said == ["3.0\n", "0.5\n"]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_a_time_that_is_none_is_a_usage_error(seconds: str) -> None:
    assert CliRunner().invoke(verb, ["--timeout", seconds]).exit_code == 2
