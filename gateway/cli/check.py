"""Say all that is wrong with a configuration."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.cli.config_file import EXIT_NEGATIVE, config_argument, find_config, read_config
from gateway.cli.output import fault_as_json, print_faults
from gateway.settings.fault import Fault, Severity
from gateway.settings.files import show_path
from gateway.settings.load import Loaded


@click.command("check")
@config_argument
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(file: Path | None, config: Path | None, form: str) -> None:
    """Say all that is wrong with FILE, each fault with its line and column.

    Exits 0 where the gateway would start with it, 1 where it would not, 3 where FILE cannot
    be read. Warnings do not count.
    """
    path = find_config(file, config)
    outcome = read_config(path)
    is_valid = isinstance(outcome, Loaded)
    faults = outcome.warnings if isinstance(outcome, Loaded) else outcome.faults
    if form == "json":
        answer = {"valid": is_valid, "faults": [fault_as_json(fault) for fault in faults]}
        click.echo(json.dumps(answer, indent=2))
    else:
        print_faults(faults)
        click.echo(_summary(path, faults), err=not is_valid)
    if not is_valid:
        sys.exit(EXIT_NEGATIVE)


def _summary(path: Path, faults: Sequence[Fault]) -> str:
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    parts = [_count(errors, "error")] if errors else []
    if len(faults) > errors:
        parts.append(_count(len(faults) - errors, "warning"))
    return f"{show_path(path)}: {', '.join(['invalid' if errors else 'valid', *parts])}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
