"""Run the command line."""

import sys

import click

from gateway.cli.main import command
from gateway.cli.streams import give_up, open_standard_streams

# The same as in `cli.config_file`, whose import would make every verb start slowly.
_EXIT_ENVIRONMENT = 3


def main() -> None:
    """Run ``gateway``; click turns an interrupt or a broken pipe into a plain exit.

    A bug ends it as a lacking file does: exit code 1 would be a result, and there is none.
    """
    open_standard_streams()
    try:
        command(prog_name="gateway")
    except OSError as error:
        click.echo(f"gateway: {give_up(error)}", err=True)
        sys.exit(_EXIT_ENVIRONMENT)
    except Exception as bug:
        # Only now: no other run of a verb needs it.
        from gateway.telemetry.logs.unexpected_errors import describe_error  # noqa: PLC0415

        click.echo(f"gateway: internal error, no result: {describe_error(bug)}", err=True)
        sys.exit(_EXIT_ENVIRONMENT)


if __name__ == "__main__":
    main()
