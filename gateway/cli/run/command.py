"""Run the gateway until it is told to end."""

import asyncio
import os
import signal
import time
from pathlib import Path

import click
import uvloop

from gateway.app import Gateway
from gateway.cli.config_file import config_argument, find_config, load_or_exit
from gateway.cli.exit_codes import EXIT_ENVIRONMENT
from gateway.cli.output import print_faults
from gateway.cli.reload_text import announce_reload
from gateway.cli.run.resources import allow_many_descriptors, describe_too_few, usable_cores
from gateway.cli.run.systemd import Activated, Notifier, assign_sockets, take_sockets
from gateway.gc_settings import settle_memory
from gateway.lints.certificates import warnings_at
from gateway.reloading.loop import ReloadLoop
from gateway.settings.text.disk import Record, RecordingDisk
from gateway.settings.values.configuration import Settings
from gateway.supervisor.sockets import open_sockets, share_sockets, spread_sockets
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.worker_slot import WorkerFailed
from gateway.telemetry.logs.diagnostics import divert_stderr, leave
from gateway.telemetry.logs.unexpected_errors import UnexpectedErrors


@click.command("run")
@config_argument
def command(file: Path | None, config: Path | None) -> None:
    """Run the gateway on FILE.

    HUP reads FILE again, and goes on with it if it holds. TERM or INT drains: no new
    connections, and requests under way may finish. A second one ends at once. Exits 1 for an
    invalid FILE, 3 where a file or an address cannot be had.
    """
    divert_stderr()
    # Until it can be heeded, a HUP must not end what is only starting.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    path = find_config(file, config)
    disk = RecordingDisk()
    loaded = load_or_exit(path, warns=False, disk=disk)
    print_faults(warnings_at(loaded, time.time()))
    settings = loaded.settings
    workers = settings.workers or usable_cores()
    too_few = describe_too_few(allow_many_descriptors(), settings, workers)
    if too_few is not None:
        _say(too_few)
    try:
        uvloop.run(_serve(settings, workers, path, disk.record))
    except (OSError, WorkerFailed) as error:
        _say(getattr(error, "strerror", None) or str(error))
        leave(EXIT_ENVIRONMENT)
    leave(0)


async def _serve(settings: Settings, workers: int, path: Path, record: Record) -> None:
    notifier = Notifier(os.environ)
    gateway = _make(settings, workers, path, record, take_sockets(os.environ))
    watch_seconds = settings.reload.watch_seconds
    reloading = ReloadLoop(
        gateway, path, record, watch_seconds, announce=announce_reload, manager=notifier
    )
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(UnexpectedErrors())

    def end(number: int) -> None:
        if ending.is_set():  # told twice: end now
            gateway.kill()
            os._exit(128 + number)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_requests.request)
    alive = loop.create_task(_say_alive(notifier))
    try:
        await gateway.start()
        settle_memory()
        reloads = loop.create_task(reloading.run())
        listening = f"listening on {', '.join(map(_authority, gateway.data_addresses))}"
        _say(listening)
        if gateway.admin_address is not None:
            _say(f"admin on {_authority(gateway.admin_address)}")
        notifier.ready(listening)
        await ending.wait()
        reloads.cancel()
        await asyncio.wait({reloads})
        notifier.stopping()
        _say("draining")
        await gateway.drain()
    finally:
        await gateway.stop()
        alive.cancel()


def _make(
    settings: Settings, workers: int, path: Path, record: Record, activated: Activated
) -> Gateway | Supervisor:
    """Return the gateway in so many processes."""
    addresses = [one.address for one in settings.listen]
    given = assign_sockets(activated.data, addresses)
    if workers == 1:
        return Gateway(settings, sockets=given, admin_socket=activated.admin)
    each = [
        share_sockets(own, workers) if own else open_sockets(address, workers)
        for address, own in zip(addresses, given, strict=True)
    ]
    sockets = spread_sockets(each)
    return Supervisor(settings, path, record, sockets, admin_socket=activated.admin)


async def _say_alive(notifier: Notifier) -> None:
    """Tell the service manager again and again that the event loop goes on, if it wants that."""
    pause_seconds = notifier.watchdog_pause_seconds
    while pause_seconds is not None:
        notifier.alive()
        await asyncio.sleep(pause_seconds)


def _say(line: str) -> None:
    click.echo(f"gateway: {line}", err=True)


def _authority(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
