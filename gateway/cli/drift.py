"""Compare a configuration with an OpenAPI description, for ``gateway diff --openapi``."""

import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

import click

from gateway.cli.config_file import load_or_exit
from gateway.cli.exit_codes import EXIT_NEGATIVE
from gateway.cli.openapi_file import load_api
from gateway.cli.output import escape
from gateway.cli.stdin_file import file_or_stdin
from gateway.openapi.drift import Drift, find_drift
from gateway.openapi.drift_report import (
    format_drift,
    format_drift_github,
    format_drift_json,
    format_summary,
)


def show_drift(
    description: Path, config: Path, fail_on: Collection[str], allow_undecided: bool, form: str
) -> None:
    """Print the drift between both files; exit with 1 if it is of a kind in *fail_on*.

    Whatever could not be compared may be of any kind, unless *allow_undecided*.
    """
    api = load_api(description)
    loaded = load_or_exit(file_or_stdin(config, "the configuration"), os.environ, warns=False)
    drift = find_drift(api, loaded, time.time())
    if form == "json":
        click.echo(format_drift_json(drift))
    else:
        for line in format_drift(drift) if form == "text" else format_drift_github(drift):
            click.echo(escape(line))
    if form == "github":
        click.echo(format_summary(drift), err=True)
    if _fails(drift, fail_on, allow_undecided):
        sys.exit(EXIT_NEGATIVE)


def _fails(drift: Drift, fail_on: Collection[str], allow_undecided: bool) -> bool:
    kinds = [one.kind for one in drift.findings if not (allow_undecided and one.kind is None)]
    if "any" in fail_on:
        return bool(kinds)
    return bool(fail_on) and any(kind is None or kind.value in fail_on for kind in kinds)
