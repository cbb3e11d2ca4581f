"""Check whether a running gateway is ready: ``gateway healthcheck``."""

import http.client
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli.admin_port import ask_admin_port, find_admin_port, timeout_option
from gateway.cli.exit_codes import EXIT_NEGATIVE
from gateway.cli.options import format_option
from gateway.cli.output import print_painted


@dataclass(frozen=True, slots=True)
class Health:
    """The status of a probe; *reasons* say why the gateway is not ready."""

    status: int
    reasons: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Return whether the gateway should receive traffic."""
        return self.status == http.client.OK


def _reasons(body: bytes) -> tuple[str, ...]:
    """Return the member ``not_ready`` of a problem body; nothing for any other body."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    reasons = problem.get("not_ready") if isinstance(problem, dict) else None
    return tuple(map(str, reasons)) if isinstance(reasons, list) else ()


@click.command("healthcheck")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts.")
@click.option(
    "--url", help="The admin port, e.g. http://127.0.0.1:9901, instead of the one in FILE."
)
@click.option("--live", is_flag=True, help="Check whether it is alive, not whether it is ready.")
@timeout_option(3.0, "How long to wait for the response.")
@format_option()
def command(  # noqa: PLR0913, PLR0917 - one argument for each option
    file: Path | None,
    config: Path | None,
    url: str | None,
    live: bool,
    timeout_seconds: float,
    form: str,
) -> None:
    """Check whether the gateway that runs on FILE is ready for traffic.

    Exit code: 0 if it is, 1 if it is not, 3 if it does not respond.
    """
    address = find_admin_port(url, file or config, "--url")
    response = ask_admin_port(address, "/livez" if live else "/readyz", timeout_seconds)
    health = Health(response.status, _reasons(response.body))
    _print(health, "alive" if live else "ready", form)
    if not health.healthy:
        sys.exit(EXIT_NEGATIVE)


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
        print_painted([word], {word: "green"})
        return
    reasons = "; ".join(map(_printable, health.reasons)) or f"status {health.status}"
    print_painted([f"not {word}: {reasons}"], {f"not {word}": "red"})


def _printable(text: str) -> str:
    # Whatever listens at the port must not write escape sequences to the operator's terminal.
    return "".join(character if character.isprintable() else "?" for character in text)
