"""Find the configuration of a command, and load it or exit with the right code."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.output import escape, print_faults
from gateway.cli.stdin_file import StdinDisk, file_or_stdin
from gateway.gc_settings import no_collection
from gateway.settings.load import Loaded, Rejected, UnreadableError, load_settings
from gateway.settings.text.disk import MACHINE_DISK, Disk

__all__ = [
    "UnreadableError",
    "config_argument",
    "find_config",
    "load_or_exit",
    "open_config",
    "read_config",
]

DEFAULT_FILE = "config/gateway.yaml"


def config_argument(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments ``file`` and ``config`` to *verb*; pass both to ``find_config``."""
    argument = click.argument("file", required=False, type=click.Path(path_type=Path))
    option = click.option(
        "--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts."
    )
    return argument(option(verb))


def find_config(file: Path | None, config: Path | None) -> Path:
    """Return FILE, else ``--config``, else ``GATEWAY_CONFIG``, else the default file.

    ``-`` is stdin.
    """
    path = file or config or Path(os.environ.get("GATEWAY_CONFIG") or DEFAULT_FILE)
    return file_or_stdin(path, "the configuration")


def open_config(
    path: Path, environ: Mapping[str, str] = os.environ, disk: Disk = MACHINE_DISK
) -> Loaded | Rejected:
    """Load the configuration in *path*; raise UnreadableError."""
    with no_collection():
        return load_settings(path, environ, StdinDisk(disk))


def read_config(
    path: Path, environ: Mapping[str, str] = os.environ, disk: Disk = MACHINE_DISK
) -> Loaded | Rejected:
    """Load the configuration in *path*; exit with 3 if it is unreadable."""
    try:
        return open_config(path, environ, disk)
    except UnreadableError as error:
        click.echo(escape(f"gateway: {error}"), err=True)
        sys.exit(EXIT_ENVIRONMENT)


def load_or_exit(
    path: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    warns: bool = True,
    disk: Disk = MACHINE_DISK,
) -> Loaded:
    """Load the configuration in *path* and print its warnings; exit with 1 if it has errors."""
    outcome = read_config(path, environ, disk)
    if isinstance(outcome, Loaded):
        if warns:
            print_faults(outcome.warnings)
        return outcome
    print_faults(outcome.faults)
    sys.exit(EXIT_NEGATIVE)
