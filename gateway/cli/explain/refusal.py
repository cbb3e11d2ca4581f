"""Show a request that a running gateway refused."""

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
from gateway.cli.output import print_painted

_REQUEST_ID = re.compile(r"[0-9a-f]{14}-[0-9a-f]{9}")
_TIMEOUT_SECONDS = 5.0


def show_refusal(
    request_id: str, admin: str | None, token_source: str | None, config: Path | None, form: str
) -> None:
    """Print what the admin port reports about *request_id*, or exit with the right code.

    *admin* is the URL of the admin port, *token_source* the source of its token; by default both
    come from the configuration.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise click.UsageError("--request-id: not the X-Request-Id of a gateway")
    address = find_admin_port(admin, config, "--admin")
    # The configured token is not sent to an address that is not the configured one.
    path = config or default_config(os.environ) if admin is None else None
    headers = admin_credential(token_source, path)
    response = ask_admin_port(address, f"/decisions/{request_id}", _TIMEOUT_SECONDS, headers)
    if response.status == HTTPStatus.NOT_FOUND:
        click.echo("gateway: not among the last refusals", err=True)
        sys.exit(EXIT_NEGATIVE)
    if response.status == HTTPStatus.UNAUTHORIZED:
        _exit("the admin port requires a token: see --admin-token")
    decision = _read(response.body) if response.status == HTTPStatus.OK else None
    if decision is None:
        _exit(f"unexpected response of the admin port (status {response.status})")
    if form == "json":
        click.echo(json.dumps(decision, indent=2))
    else:
        print_painted(_lines(decision), {"refused": "red", "allowed": "green"})


def _read(body: bytes) -> Mapping[str, Any] | None:
    try:
        decision = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return decision if isinstance(decision, dict) else None


def _lines(decision: Mapping[str, Any]) -> Iterator[str]:
    get = decision.get
    if get("would_deny") is None:
        yield f"refused: {get('status')} {get('reason')}"
        yield f"  because: {get('detail')}"
    else:
        yield f"allowed: status {get('status')}"
        yield f"  only reported: {get('would_deny')}: {get('detail')}"
    reason = get("reason") if get("would_deny") is None else get("would_deny")
    yield f"  what to do: gateway help {reason}"
    yield f"  {get('method')} {get('path')} on {get('host')}, at {get('time')}"
    place = "" if get("place") is None else f"  [{get('place')}]"
    yield f"  route {get('route') or 'none'}{place}"
    yield f"  from {get('client')}, with a token of {get('issuer') or 'no known issuer'}"


def _exit(message: str) -> NoReturn:
    click.echo(f"gateway: {message}", err=True)
    sys.exit(EXIT_ENVIRONMENT)
