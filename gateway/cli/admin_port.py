"""Ask the admin port of a gateway that runs."""

import os
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTP_PORT, HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import click

_EXIT_NEGATIVE = 1
_EXIT_ENVIRONMENT = 3

# What `/readyz` says of an issuer is some 150 bytes, and there may be thousands of them.
_MAX_ANSWER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """What the admin port answered."""

    status: int
    body: bytes


def find_admin_port(url: str | None, path: Path | None, option: str) -> tuple[str, int]:
    """Return host and port of *url* (of *option*), else those that the file at *path* names.

    A file that names none ends the program with 1, one that cannot be read with 3.
    """
    return _from_config(path) if url is None else _from_url(url, option)


def ask_admin_port(
    address: tuple[str, int],
    path: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> AdminAnswer:
    """Return what ``GET path`` says, or ``POST path`` where there is a *body*.

    Where nothing answers, the program ends with 3.
    """
    host, port = address
    try:
        with closing(HTTPConnection(host, port, timeout=timeout_seconds)) as connection:
            method = "GET" if body is None else "POST"
            fields = {"Connection": "close", **(headers or {})}
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return AdminAnswer(answer.status, answer.read(_MAX_ANSWER_BYTES))
    except (OSError, HTTPException, ValueError) as error:
        _end(f"no answer from the admin port at {host} port {port}: {_words(error)}")


def _from_url(url: str, option: str) -> tuple[str, int]:
    """Return host and port of *url*; anything but a plain ``http://host:port`` is refused."""
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
    # Reading YAML costs more than all the rest; with a URL nobody should wait for it.
    from gateway.cli.admin_address import (  # noqa: PLC0415
        UnreadableError,
        admin_address,
        default_config,
    )

    try:
        address = admin_address(path or default_config(os.environ), os.environ)
    except UnreadableError as error:
        _end(str(error))
    if isinstance(address, str):
        click.echo(f"gateway: {address}", err=True)
        sys.exit(_EXIT_NEGATIVE)
    return address.host, address.port


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "it does not speak HTTP" if isinstance(error, HTTPException) else "bad name"


def _end(message: str) -> NoReturn:
    click.echo(f"gateway: {message}", err=True)
    sys.exit(_EXIT_ENVIRONMENT)
