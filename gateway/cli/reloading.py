"""Load the configuration again while the gateway runs, and say what became of it."""

import asyncio
import logging
import os
from functools import partial
from pathlib import Path
from typing import Protocol

import click

from gateway.cli.output import print_faults
from gateway.fetching.thread import start_thread
from gateway.reload import summarize
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.values import Settings

_log = logging.getLogger(__name__)


class Reloadable(Protocol):
    """The running gateway: ``app.Gateway``."""

    async def reload(self, settings: Settings) -> str | None:
        """Go on under *settings*; return None, or why not."""

    def reject(self, digest: str | None, error: str) -> None:
        """Take note of a configuration that cannot be used."""


async def reload_whenever(told: asyncio.Event, gateway: Reloadable, path: Path) -> None:
    """Reload *path* each time *told* is set, one after the other, until cancelled.

    However often it is set during a reload, one more follows: it reads what is there then.
    """
    while True:
        await told.wait()
        told.clear()
        try:
            await _reload(gateway, path)
        except Exception:  # a bug of ours must not end a gateway that serves
            _log.exception("the configuration was not reloaded")
            gateway.reject(None, "a bug; the log has more")


async def _reload(gateway: Reloadable, path: Path) -> None:
    try:
        # In a thread: thousands of routes take seconds, and no request should wait for them.
        # In one of its own: a disk that hangs should not keep the process from ending.
        outcome = await start_thread(partial(load_settings, path, os.environ), "reload")
    except UnreadableError as error:
        gateway.reject(None, str(error))
        _refuse(str(error))
        return
    if not isinstance(outcome, Loaded):
        gateway.reject(outcome.digest, summarize(outcome.faults))
        print_faults(outcome.faults)
        _refuse("the configuration has faults")
        return
    print_faults(outcome.warnings)
    refusal = await gateway.reload(outcome.settings)
    if refusal is None:
        click.echo(f"gateway: reloaded, config {outcome.settings.digest[:12]}", err=True)
    else:
        _refuse(refusal)


def _refuse(why: str) -> None:
    click.echo(f"gateway: not reloaded, the former configuration stays: {why}", err=True)
