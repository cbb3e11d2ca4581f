"""Read a suite for its personas, or exit with the right code."""

import os
import sys
from pathlib import Path

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.output import escape, print_faults
from gateway.cli.stdin_file import StdinDisk, file_or_stdin
from gateway.suites.files.read_suite import BrokenSuite, UnreadableError, read_suite
from gateway.suites.files.suite import Suite


def load_suite(path: Path) -> Suite:
    """Return the suite in *path*, ``-`` for stdin.

    Exit with 1 if it has faults, with 3 if it is unreadable.
    """
    try:
        suite = read_suite(file_or_stdin(path, "the suite"), os.environ, StdinDisk())
    except UnreadableError as error:
        click.echo(escape(f"gateway: {error}"), err=True)
        sys.exit(EXIT_ENVIRONMENT)
    if isinstance(suite, BrokenSuite):
        print_faults(suite.faults)
        sys.exit(EXIT_NEGATIVE)
    return suite
