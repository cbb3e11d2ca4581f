"""Read an OpenAPI description, or exit with the right code."""

import sys
from pathlib import Path

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.output import escape, print_faults
from gateway.cli.stdin_file import StdinDisk, file_or_stdin
from gateway.openapi.api import Api
from gateway.openapi.nodes import MAX_FILE_BYTES
from gateway.openapi.read_api import read_api


def load_api(path: Path) -> Api:
    """Return the description in *path*, ``-`` for stdin.

    Exit with 1 after its faults, with 3 if it is unreadable.
    """
    where = file_or_stdin(path, "--openapi")
    try:
        content = StdinDisk().read(where, MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"gateway: cannot read {where}: {error.strerror or error}"
        click.echo(escape(message), err=True)
        sys.exit(EXIT_ENVIRONMENT)
    api = read_api(content, str(where))
    if isinstance(api, Api):
        return api
    print_faults(api)
    sys.exit(EXIT_NEGATIVE)
