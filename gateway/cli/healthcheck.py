"""Ask a running gateway whether it is healthy: ``gateway healthcheck``."""

import http.client
import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import click

_EXIT_NEGATIVE = 1
_EXIT_ENVIRONMENT = 3

# What `/readyz` says of an issuer is some 150 bytes, and there may be thousands of them.
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Health:
    """What the admin port answered; *reasons* say why it is not ready."""

    status: int
    reasons: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Tell whether traffic should be sent."""
        return self.status == http.client.OK


def ask(host: str, port: int, path: str, timeout_seconds: float) -> Health:
    """Return what ``GET path`` says; raise OSError or HTTPException where nothing answers so."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return Health(answer.status, _reasons(answer.read(_MAX_ANSWER_BYTES)))
    finally:
        connection.close()


def _reasons(body: bytes) -> tuple[str, ...]:
    """Read ``not_ready`` from a problem body; anything else has no reasons."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    reasons = problem.get("not_ready") if isinstance(problem, dict) else None
    return tuple(map(str, reasons)) if isinstance(reasons, list) else ()


def _refuse_nan(_ctx: click.Context, _option: click.Parameter, seconds: float) -> float:
    # Not a number is in every range, for no comparison with it holds.
    if math.isnan(seconds):
        raise click.BadParameter("not a number of seconds")
    return seconds


@click.command("healthcheck")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts.")
@click.option("--url", help="The admin port, e.g. http://127.0.0.1:9901; FILE is not read then.")
@click.option("--live", is_flag=True, help="Ask whether it runs, not whether it is ready.")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0, min_open=True, max=_MAX_TIMEOUT_SECONDS),
    callback=_refuse_nan,
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for it.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: Path | None,
    config: Path | None,
    url: str | None,
    live: bool,
    timeout_seconds: float,
    form: str,
) -> None:
    """Ask the gateway that runs on FILE whether it is ready for traffic.

    Exits 0 where it is, 1 where it is not, 3 where nothing answers.
    """
    host, port = _from_url(url) if url is not None else _from_config(file or config)
    path = "/livez" if live else "/readyz"
    try:
        health = ask(host, port, path, timeout_seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        _end(f"no answer from the admin port at {host} port {port}: {_words(error)}")
    _print(health, "alive" if live else "ready", form)
    if not health.healthy:
        sys.exit(_EXIT_NEGATIVE)


def _from_url(url: str) -> tuple[str, int]:
    """Return host and port of *url*; anything but a plain ``http://host:port`` is refused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise click.BadParameter("not a URL", param_hint="--url") from None
    extra = parts.username or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme != "http" or not host or extra:
        raise click.BadParameter("write it like http://127.0.0.1:9901", param_hint="--url")
    return host, http.client.HTTP_PORT if port is None else port


def _from_config(path: Path | None) -> tuple[str, int]:
    """Return host and port of the admin port that the configuration names, or end."""
    # Reading YAML costs more than all the rest; with --url nobody should wait for it.
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


def _print(health: Health, word: str, form: str) -> None:
    if form == "json":
        members = {
            "healthy": health.healthy,
            "status": health.status,
            "not_ready": health.reasons,
        }
        click.echo(json.dumps(members))
        return
    if health.healthy:
        click.echo(word)
        return
    reasons = "; ".join(map(_printable, health.reasons)) or f"status {health.status}"
    click.echo(f"not {word}: {reasons}")


def _printable(text: str) -> str:
    # Whoever answers at the port must not write escape sequences to the operator's terminal.
    return "".join(character if character.isprintable() else "?" for character in text)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return "it does not speak HTTP" if isinstance(error, http.client.HTTPException) else "bad name"


def _end(message: str) -> NoReturn:
    click.echo(f"gateway: {message}", err=True)
    sys.exit(_EXIT_ENVIRONMENT)
