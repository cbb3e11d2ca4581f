"""Send requests to the admin port of a running gateway."""

import math
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTP_PORT, HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.token_source import read_token

_MAX_TIMEOUT_SECONDS = 3600.0

# What `/readyz` says of an issuer is some 150 bytes, and there may be thousands of them.
_MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class AdminResponse:
    """A response of the admin port."""

    status: int
    body: bytes


def ask_admin_port(
    address: tuple[str, int],
    path: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> AdminResponse:
    """Return the response to ``GET path``, or to ``POST path`` if there is a *body*.

    Exit with 3 if the admin port does not respond.
    """
    host, port = address
    try:
        with closing(HTTPConnection(host, port, timeout=timeout_seconds)) as connection:
            method = "GET" if body is None else "POST"
            fields = {"Connection": "close", **(headers or {})}
            connection.request(method, path, body, fields)
            response = connection.getresponse()
            return AdminResponse(response.status, response.read(_MAX_BODY_BYTES))
    except (OSError, HTTPException, ValueError) as error:
        _exit(f"no response from the admin port at {host} port {port}: {_describe(error)}")


# --- its address


def find_admin_port(url: str | None, path: Path | None, option: str) -> tuple[str, int]:
    """Return host and port of *url* (from *option*), else those in the file at *path*.

    Exit with 1 if the file names none, with 3 if it is unreadable.
    """
    return _from_config(path) if url is None else _from_url(url, option)


def _from_url(url: str, option: str) -> tuple[str, int]:
    """Return host and port of *url*; refuse anything but a plain ``http://host:port``."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise click.BadParameter("not a URL", param_hint=option) from None
    extra = parts.username or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme != "http" or not host or extra:
        raise click.BadParameter("write it like http://127.0.0.1:9901", param_hint=option)
    return host, HTTP_PORT if port is None else port


def _from_config(path: Path | None) -> tuple[str, int]:
    # Importing a YAML parser takes longer than everything else; with a URL it is not needed.
    from gateway.cli.admin_settings import (  # noqa: PLC0415
        UnreadableError,
        admin_address,
        default_config,
    )

    try:
        address = admin_address(path or default_config(os.environ), os.environ)
    except UnreadableError as error:
        _exit(str(error))
    if isinstance(address, str):
        click.echo(f"gateway: {address}", err=True)
        sys.exit(EXIT_NEGATIVE)
    return address.host, address.port


# --- its token


def admin_credential(token_source: str | None, path: Path | None) -> Mapping[str, str]:
    """Return the header fields that carry the token in *token_source*.

    Without a source, use the variable that the configuration at *path* names; without a path, or
    if it names none, return no fields. Raise UnreadableError.
    """
    token: str | None = None
    if token_source is not None:
        token = read_token(token_source, "--admin-token").decode("latin-1")
    elif path is not None:
        from gateway.cli.admin_settings import admin_token  # noqa: PLC0415 - as above

        token = admin_token(path, os.environ)
    return {} if token is None else {"Authorization": f"Bearer {token}"}


# --- how long to wait


def timeout_option(default_seconds: float, text: str) -> Callable[..., Any]:
    """Add ``--timeout`` to a command as its argument ``timeout_seconds``; *text* is its help."""
    return click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0, min_open=True, max=_MAX_TIMEOUT_SECONDS),
        callback=_refuse_nan,
        default=default_seconds,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )


def _refuse_nan(_ctx: click.Context, _option: click.Parameter, seconds: float) -> float:
    # NaN passes every range check, because it compares false with both ends.
    if math.isnan(seconds):
        raise click.BadParameter("not a number of seconds")
    return seconds


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "not HTTP" if isinstance(error, HTTPException) else "bad name"


def _exit(message: str) -> NoReturn:
    click.echo(f"gateway: {message}", err=True)
    sys.exit(EXIT_ENVIRONMENT)
