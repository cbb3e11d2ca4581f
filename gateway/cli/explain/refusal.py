"""Show what a running gateway remembers of a request that it refused."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

import click

from gateway.cli.admin_port import admin_credential, ask_admin_port, find_admin_port
from gateway.cli.admin_settings import default_config
from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.output import escape

_REQUEST_ID = re.compile(r"[0-9a-f]{14}-[0-9a-f]{9}")
_TIMEOUT_SECONDS = 5.0


def show_refusal(
    request_id: str, admin: str | None, token_source: str | None, config: Path | None, form: str
) -> None:
    """Print what the admin port says of *request_id*, or end with the exit code that says why not.

    *admin* is its URL, by default where the configuration has it; *token_source* is where its
    token is, by default in the variable that the configuration names.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise click.UsageError("--request-id: not the X-Request-Id of a gateway")
    address = find_admin_port(admin, config, "--admin")
    # At an address that was given, the configuration's own token is nobody's business.
    path = config or default_config(os.environ) if admin is None else None
    headers = admin_credential(token_source, path)
    answer = ask_admin_port(address, f"/decisions/{request_id}", _TIMEOUT_SECONDS, headers)
    if answer.status == HTTPStatus.NOT_FOUND:
        click.echo("gateway: not among the refusals that are remembered", err=True)
        sys.exit(EXIT_NEGATIVE)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        _end("the admin port asks for its token: see --admin-token")
    decision = _read(answer.body) if answer.status == HTTPStatus.OK else None
    if decision is None:
        _end(f"the admin port did not say (status {answer.status})")
    if form == "json":
        click.echo(json.dumps(decision, indent=2))
    else:
        click.echo("\n".join(map(escape, _lines(decision))))


def _read(body: bytes) -> Mapping[str, Any] | None:
    try:
        decision = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decision if isinstance(decision, dict) else None


def _lines(decision: Mapping[str, Any]) -> Iterator[str]:
    say = decision.get
    if say("would_deny") is None:
        yield f"refused: {say('status')} {say('reason')}"
        yield f"  because: {say('detail')}"
    else:
        yield f"allowed: status {say('status')}"
        yield f"  only reported: {say('would_deny')}: {say('detail')}"
    yield f"  what to do: {say('documentation')}"
    yield f"  {say('method')} {say('path')} on {say('host')}, at {say('time')}"
    place = "" if say("place") is None else f"  [{say('place')}]"
    yield f"  route {say('route') or 'none'}{place}"
    yield f"  from {say('client')}, with a token of {say('issuer') or 'nobody that is known'}"


def _end(message: str) -> NoReturn:
    click.echo(f"gateway: {message}", err=True)
    sys.exit(EXIT_ENVIRONMENT)
