"""Reload a running gateway: ``gateway reload``."""

import json
import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import click

from gateway.cli.admin_port import (
    AdminResponse,
    admin_credential,
    ask_admin_port,
    find_admin_port,
    timeout_option,
)
from gateway.cli.admin_settings import UnreadableError, default_config
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.options import format_option
from gateway.cli.output import escape, print_painted, show_progress
from gateway.cli.reload_text import announce_reload, describe_reload, print_problems
from gateway.reloading.report import ReloadReport, report_as_json, report_from_json

# Reading thousands of routes takes seconds, suites may take a minute, and keys are fetched.
_TIMEOUT_SECONDS = 90.0


@click.command("reload")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts.")
@click.option(
    "--url", help="The admin port, e.g. http://127.0.0.1:9901, instead of the one in FILE."
)
@click.option(
    "--admin-token", "token_source", help="The token of the admin port.", metavar="SOURCE"
)
@click.option(
    "--force",
    is_flag=True,
    help="Accept the configuration without keys and revocation lists that are missing.",
)
@timeout_option(_TIMEOUT_SECONDS, "How long to wait for the outcome.")
@format_option()
def command(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: Path | None,
    config: Path | None,
    url: str | None,
    token_source: str | None,
    force: bool,
    timeout_seconds: float,
    form: str,
) -> None:
    """Reload the gateway that runs on FILE, and wait for the outcome.

    FILE names the admin port and the variable with its token; the gateway reads the file again that
    it was started with.

    The keys and revocation lists of everything that changes are loaded first. If one cannot be
    loaded, the previous configuration stays active, unless --force is given.

    Exit code: 0 if the configuration is live, 1 if the previous one stays active, 3 if the gateway
    does not respond.
    """
    path = file or config
    address = find_admin_port(url, path, "--url")
    if path is None and url is None:
        path = default_config(os.environ)
    try:
        credential = admin_credential(token_source, path)
    except UnreadableError as error:
        _exit(str(error))
    headers = {"Content-Type": "application/json", **credential}
    body = json.dumps({"force": True} if force else {}).encode()
    with show_progress("reloading"):
        response = ask_admin_port(address, "/reload", timeout_seconds, headers, body)
    report = _read(response)
    if form == "json":
        click.echo(json.dumps(report_as_json(report), indent=2))
    else:
        _print(report)
    if not report.is_applied:
        sys.exit(EXIT_NEGATIVE)


def _read(response: AdminResponse) -> ReloadReport:
    if response.status == HTTPStatus.UNAUTHORIZED:
        _exit("the admin port requires a token: see --admin-token")
    if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
        _exit("the gateway is starting or stopping, or runs without a file")
    try:
        return report_from_json(json.loads(response.body))
    except (ValueError, RecursionError):
        _exit(f"unexpected response of the admin port (status {response.status})")


def _print(report: ReloadReport) -> None:
    if report.is_applied:
        print_problems(report)
        print_painted([describe_reload(report)], {"reloaded": "green"})
    else:
        announce_reload(report)


def _exit(message: str) -> NoReturn:
    click.echo(escape(f"gateway: {message}"), err=True)
    sys.exit(EXIT_ENVIRONMENT)
