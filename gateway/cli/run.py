"""Run the gateway until it is told to end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import click
import uvloop

from gateway.app import Gateway
from gateway.cli.config_file import EXIT_ENVIRONMENT, config_argument, find_config, load_or_exit
from gateway.settings.values import Settings


@click.command("run")
@config_argument
def command(file: Path | None, config: Path | None) -> None:
    """Run the gateway on FILE.

    TERM or INT drains: no new connections, and requests under way may finish. A second one
    ends at once. Exits 1 for an invalid FILE, 3 where a file or an address cannot be had.
    """
    settings = load_or_exit(find_config(file, config)).settings
    try:
        uvloop.run(_serve(settings))
    except OSError as error:
        click.echo(f"gateway: {error.strerror or error}", err=True)
        sys.exit(EXIT_ENVIRONMENT)


async def _serve(settings: Settings) -> None:
    gateway = Gateway(settings)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if ending.is_set():
            os._exit(128 + signal.SIGTERM)  # told twice: end now
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        await gateway.start()
        _say(f"listening on {_authority(gateway.data_address)}")
        if gateway.admin_address is not None:
            _say(f"admin on {_authority(gateway.admin_address)}")
        await ending.wait()
        _say("draining")
        await gateway.drain()
    finally:
        await gateway.stop()


def _say(line: str) -> None:
    click.echo(f"gateway: {line}", err=True)


def _authority(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
