"""Run the gateway until a signal ends it."""

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
from gateway.cli.options import is_json, json_option
from gateway.cli.output import print_faults
from gateway.cli.reload_text import announce_reload
from gateway.cli.run.resources import allow_many_descriptors, describe_too_few, usable_cores
from gateway.cli.run.systemd import Activated, Notifier, assign_sockets, take_sockets
from gateway.cli.stdin_file import STDIN
from gateway.gc_settings import settle_memory
from gateway.lints.certificates import warnings_at
from gateway.reloading.loop import ReloadLoop
from gateway.settings.text.disk import Record, RecordingDisk
from gateway.settings.values.configuration import Settings
from gateway.supervisor.sockets import open_sockets, share_sockets, spread_sockets
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.worker_slot import WorkerFailed
from gateway.telemetry.logs.diagnostics import AS_JSON, divert_stderr, leave
from gateway.telemetry.logs.unexpected_errors import UnexpectedErrors


@click.command("run")
@config_argument
@json_option
def command(file: Path | None, config: Path | None) -> None:
    """Run the gateway on FILE.

    HUP reloads FILE; if it is invalid, the previous configuration stays active. TERM or INT drains:
    no new connections are accepted, and requests in flight finish. A second signal exits at once.

    With --json, each line of stderr is a JSON object with `time` and `message`.

    Exit code: 0 after a drain; 1 if FILE is invalid; 3 if a file is unreadable or an address
    unavailable.
    """
    divert_stderr(as_json=is_json())
    if is_json():
        os.environ[AS_JSON] = "1"
    # Until it can be handled, a HUP must not end a gateway that is starting.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    path = find_config(file, config)
    if path == STDIN:
        raise click.UsageError("the gateway reads its file again on a reload: name a file, not -")
    disk = RecordingDisk()
    loaded = load_or_exit(path, warns=False, disk=disk)
    print_faults(warnings_at(loaded, time.time()))
    settings = loaded.settings
    workers = settings.workers or usable_cores()
    too_few = describe_too_few(allow_many_descriptors(), settings, workers)
    if too_few is not None:
        _print(too_few)
    try:
        uvloop.run(_serve(settings, workers, path, disk.record))
    except (OSError, WorkerFailed) as error:
        _print(getattr(error, "strerror", None) or str(error))
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
        if ending.is_set():  # the second signal: exit now
            gateway.kill()
            os._exit(128 + number)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_requests.request)
    alive = loop.create_task(_send_heartbeats(notifier))
    try:
        await gateway.start()
        settle_memory()
        reloads = loop.create_task(reloading.run())
        listening = f"listening on {', '.join(map(_authority, gateway.data_addresses))}"
        _print(listening)
        if gateway.admin_address is not None:
            _print(f"admin on {_authority(gateway.admin_address)}")
        notifier.ready(listening)
        await ending.wait()
        reloads.cancel()
        await asyncio.wait({reloads})
        notifier.stopping()
        _print("draining")
        await gateway.drain()
    finally:
        await gateway.stop()
        alive.cancel()


def _make(
    settings: Settings, workers: int, path: Path, record: Record, activated: Activated
) -> Gateway | Supervisor:
    """Return a gateway with this many workers."""
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


async def _send_heartbeats(notifier: Notifier) -> None:
    """Report at intervals to the service manager that the event loop runs, if it wants that."""
    pause_seconds = notifier.watchdog_pause_seconds
    while pause_seconds is not None:
        notifier.alive()
        await asyncio.sleep(pause_seconds)


def _print(line: str) -> None:
    click.echo(f"gateway: {line}", err=True)


def _authority(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
