"""Run the gateway until it is told to end."""

import asyncio
import gc
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click
import uvloop

from gateway.app import Gateway
from gateway.cli.config_file import EXIT_ENVIRONMENT, config_argument, find_config, load_or_exit
from gateway.cli.reloading import Reloading
from gateway.settings.disk import Record, RecordingDisk
from gateway.settings.values import Settings


@click.command("run")
@config_argument
def command(file: Path | None, config: Path | None) -> None:
    """Run the gateway on FILE.

    HUP reads FILE again, and goes on with it if it holds. TERM or INT drains: no new
    connections, and requests under way may finish. A second one ends at once. Exits 1 for an
    invalid FILE, 3 where a file or an address cannot be had.
    """
    # Until it can be heeded, a HUP must not end what is only starting.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    path = find_config(file, config)
    disk = RecordingDisk()
    settings = load_or_exit(path, disk=disk).settings
    _say_if_too_few(_allow_many_descriptors(), settings)
    try:
        uvloop.run(_serve(settings, path, disk.record))
    except OSError as error:
        click.echo(f"gateway: {error.strerror or error}", err=True)
        sys.exit(EXIT_ENVIRONMENT)


# New objects before a collection, and collections before a deeper one. Requests leave no
# cycles behind, and a new token makes a dozen objects that stay: Python's own 700 would have
# it look for garbage every few milliseconds, through all remembered tokens in the end.
_COLLECT_AFTER = (10_000, 10, 10)


async def _serve(settings: Settings, path: Path, record: Record) -> None:
    gateway = Gateway(settings)
    reloading = Reloading(gateway, path, record, settings.reload.watch_seconds)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if ending.is_set():
            os._exit(128 + number)  # told twice: end now
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_requests.tell)
    try:
        await gateway.start()
        _settle_memory()
        reloads = loop.create_task(reloading.run())
        _say(f"listening on {_authority(gateway.data_address)}")
        if gateway.admin_address is not None:
            _say(f"admin on {_authority(gateway.admin_address)}")
        await ending.wait()
        reloads.cancel()
        await asyncio.wait({reloads})
        _say("draining")
        await gateway.drain()
    finally:
        await gateway.stop()


def _allow_many_descriptors() -> int:
    """Raise the soft limit of open files to the hard one; return what it is then.

    The soft one is kept low for programs that use select(); each request takes two, and where
    clients take them all, none is left to reach a service.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where less is allowed than the limit says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


# Beside clients and issuers: listeners, logs, the event loop, the admin port, a few services.
_OTHER_DESCRIPTORS = 64


def _say_if_too_few(descriptors: int, settings: Settings) -> None:
    """Warn where clients alone could use up all *descriptors*, so that no service is reached."""
    connections = settings.limits.connections
    # All issuers may hang at the same time, each with the one connection that its fetch has.
    needed = connections + len(settings.issuers) + _OTHER_DESCRIPTORS
    if 0 <= descriptors < needed:
        _say(
            f"warning: {connections} connections (limits.connections) may take {needed} open "
            f"files, and {descriptors} are allowed: raise the limit (ulimit -n) or lower it"
        )


def _settle_memory() -> None:
    """Keep what was built at the start out of the collector's sight.

    It lives as long as the process, and looking through all of it for garbage, again and
    again, would hold up requests. Not after a reload: connections would be frozen too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _say(line: str) -> None:
    click.echo(f"gateway: {line}", err=True)


def _authority(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
