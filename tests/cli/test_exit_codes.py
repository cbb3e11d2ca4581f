"""The exit codes are those that the help promises."""

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from tests.cli.config_files import run


def test_they_are_those_of_the_help() -> None:
    promised = f"{EXIT_NEGATIVE} a negative result, 2 usage, {EXIT_ENVIRONMENT} environment"

    assert promised in " ".join(run("--help").stdout.split())
