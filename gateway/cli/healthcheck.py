"""Ask a running gateway whether it is healthy: ``gateway healthcheck``."""

import http.client
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli.admin_port import ask_admin_port, find_admin_port, timeout_option
from gateway.cli.exit_codes import EXIT_NEGATIVE


@dataclass(frozen=True, slots=True)
class Health:
    """What the admin port answered; *reasons* say why it is not ready."""

    status: int
    reasons: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Tell whether traffic should be sent."""
        return self.status == http.client.OK


def _reasons(body: bytes) -> tuple[str, ...]:
    """Read ``not_ready`` from a problem body; anything else has no reasons."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    reasons = problem.get("not_ready") if isinstance(problem, dict) else None
    return tuple(map(str, reasons)) if isinstance(reasons, list) else ()


@click.command("healthcheck")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The same as FILE, for scripts.")
@click.option("--url", help="The admin port, e.g. http://127.0.0.1:9901; FILE is not read then.")
@click.option("--live", is_flag=True, help="Ask whether it runs, not whether it is ready.")
@timeout_option(3.0, "How long to wait for it.")
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
    address = find_admin_port(url, file or config, "--url")
    answer = ask_admin_port(address, "/livez" if live else "/readyz", timeout_seconds)
    health = Health(answer.status, _reasons(answer.body))
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
        click.echo(word)
        return
    reasons = "; ".join(map(_printable, health.reasons)) or f"status {health.status}"
    click.echo(f"not {word}: {reasons}")


def _printable(text: str) -> str:
    # Whoever answers at the port must not write escape sequences to the operator's terminal.
    return "".join(character if character.isprintable() else "?" for character in text)
