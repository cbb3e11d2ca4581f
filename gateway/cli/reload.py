"""Have a running gateway read its configuration again: ``gateway reload``."""

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
from gateway.cli.output import escape
from gateway.cli.reload_text import announce_reload, describe_reload, print_problems
from gateway.reloading.report import ReloadReport, report_as_json, report_from_json

# Reading thousands of routes takes seconds, suites may take a minute, and keys are fetched.
_TIMEOUT_SECONDS = 90.0


@click.command("reload")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts.")
@click.option("--url", help="The admin port, e.g. http://127.0.0.1:9901.")
@click.option("--admin-token", "token_source", help="The token of that port.", metavar="SOURCE")
@click.option("--force", is_flag=True, help="Take it without keys and lists that are missing.")
@timeout_option(_TIMEOUT_SECONDS, "How long to wait for what becomes of it.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: Path | None,
    config: Path | None,
    url: str | None,
    token_source: str | None,
    force: bool,
    timeout_seconds: float,
    form: str,
) -> None:
    """Have the gateway that runs on FILE read its configuration again, and wait for it.

    FILE says where the admin port is, and where its token; what is read again is the file that
    the gateway was started with.

    Keys and revocation lists of what changes are loaded first. Where one cannot be, the former
    configuration stays, unless with --force.

    Exits 0 where the configuration is live, 1 where the former one stays, 3 where nothing
    answers.
    """
    path = file or config
    address = find_admin_port(url, path, "--url")
    if path is None and url is None:
        path = default_config(os.environ)
    try:
        credential = admin_credential(token_source, path)
    except UnreadableError as error:
        _end(str(error))
    headers = {"Content-Type": "application/json", **credential}
    body = json.dumps({"force": True} if force else {}).encode()
    report = _read(ask_admin_port(address, "/reload", timeout_seconds, headers, body))
    if form == "json":
        click.echo(json.dumps(report_as_json(report), indent=2))
    else:
        _print(report)
    if not report.is_applied:
        sys.exit(EXIT_NEGATIVE)


def _read(answer: AdminResponse) -> ReloadReport:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        _end("the admin port asks for its token: see --admin-token")
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        _end("the gateway starts, ends, or has no file to read again")
    try:
        return report_from_json(json.loads(answer.body))
    except (ValueError, RecursionError):
        _end(f"the admin port did not say what became of it (status {answer.status})")


def _print(report: ReloadReport) -> None:
    if report.is_applied:
        print_problems(report)
        click.echo(describe_reload(report))
    else:
        announce_reload(report)


def _end(message: str) -> NoReturn:
    click.echo(escape(f"gateway: {message}"), err=True)
    sys.exit(EXIT_ENVIRONMENT)
