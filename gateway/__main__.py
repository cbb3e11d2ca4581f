"""Run the command line."""

import sys

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT
from gateway.cli.main import command
from gateway.cli.streams import give_up, open_standard_streams


def main() -> None:
    """Run ``gateway``; click turns an interrupt or a broken pipe into a plain exit.

    An internal error exits with 3, as a missing file does: 1 would be a result.
    """
    open_standard_streams()
    try:
        command(prog_name="gateway")
    except OSError as error:
        click.echo(f"gateway: {give_up(error)}", err=True)
        sys.exit(EXIT_ENVIRONMENT)
    except Exception as bug:
        # Only now: no other run of a verb needs it.
        from gateway.telemetry.logs.unexpected_errors import describe_error  # noqa: PLC0415

        click.echo(f"gateway: internal error, no result: {describe_error(bug)}", err=True)
        sys.exit(EXIT_ENVIRONMENT)


if __name__ == "__main__":
    main()
