"""Load the configuration again while the gateway runs, and say what became of it."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import click

from gateway.admin.reload_report import ReloadOutcome, ReloadReport
from gateway.admin.reload_requests import ReloadRequests
from gateway.cli.reload_text import describe_reload, print_wrong
from gateway.cli.suites_process import SuitesOutcome, run_suites_of
from gateway.cli.systemd import Notifier
from gateway.cli.watching import Watch
from gateway.fetching.schedule import backoff_seconds
from gateway.fetching.thread import compute_in_thread, start_thread
from gateway.lints.certificates import warnings_at
from gateway.reload import summarize
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.text.changes import differs
from gateway.settings.text.disk import Record, RecordingDisk
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings

_log = logging.getLogger(__name__)

# Files that are replaced one by one are at rest soon; those that never are, are nobody's intent.
_MOST_READINGS: Final = 3

# Of the watch, where it is not the files that are wrong. Not for ever: what they say may be what
# workers die of.
_MOST_ATTEMPTS: Final = 3

_NOBODY: Final = Notifier({})

# Tens of thousands of routes take less; a network disk that hangs takes for ever.
_LOAD_LIMIT_SECONDS: Final = 120.0

RunSuites = Callable[[Path], Awaitable[SuitesOutcome]]


class Reloadable(Protocol):
    """The running gateway: a ``ControlPlane``."""

    @property
    def reload_requests(self) -> ReloadRequests:
        """Return where reloads are asked for."""

    @property
    def last_report(self) -> ReloadReport:
        """Return what became of the last attempt."""

    async def reload(
        self, settings: Settings, record: Record, places: Places, *, force: bool
    ) -> str | None:
        """Go on under *settings*, read from *record*; return None, or why not.

        With *force* it is taken without the keys and lists that it lacks.
        """

    def note(self, report: ReloadReport) -> None:
        """Remember an attempt that did not come to ``reload``."""


class Reloading:
    """One configuration file, read again for whoever asks, one attempt after the other.

    *record* is what the gateway runs on was read from, *watch_seconds* what it says of
    watching. *notifier* tells the service manager of each attempt.
    """

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        gateway: Reloadable,
        path: Path,
        record: Record,
        watch_seconds: float | None,
        run_suites: RunSuites = run_suites_of,
        *,
        notifier: Notifier = _NOBODY,
        load_limit_seconds: float = _LOAD_LIMIT_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._path = path
        self._record = record
        self._watch_seconds = watch_seconds
        self._ended = asyncio.Event()  # an attempt has: there may be another pause to keep
        self._refusals = 0  # so many in a row, for want of keys or lists
        self._retry_at = 0.0
        self._run_suites = run_suites
        self._notifier = notifier
        self._load_limit_seconds = load_limit_seconds

    async def run(self) -> None:
        """Take every turn, and watch the files if asked to, until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            with self._gateway.reload_requests.serve():
                while True:
                    await self._take_turn()
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _take_turn(self) -> None:
        turn = await self._gateway.reload_requests.next()
        report = None
        self._notifier.reloading()
        try:
            report = await self._attempt(force=turn.is_forced)
            with suppress(OSError):  # nobody reads stderr, and still what is live is live
                _say(report)
        except Exception:  # a bug of ours must not end a gateway that serves
            _log.exception("the configuration was not reloaded")
            report = ReloadReport(ReloadOutcome.INVALID, None, "a bug; the log has more")
            self._gateway.note(report)
        finally:
            self._plan_retry(report)
            turn.answer(report)
            self._notifier.reloaded()
            self._ended.set()

    async def _attempt(self, *, force: bool) -> ReloadReport:
        for _ in range(_MOST_READINGS):
            report = await self._try(force=force)
            if report is not None:
                return report
        report = ReloadReport(ReloadOutcome.INVALID, None, "the files change while they are read")
        self._gateway.note(report)
        return report

    async def _try(self, *, force: bool) -> ReloadReport | None:
        """Return what became of the files; None where they did not stay as they were read.

        A part of the files before a change and a part of those behind it are a configuration
        that nobody wrote; nor are suites of use that were run on another one.
        """
        loaded = await self._load()
        if isinstance(loaded, ReloadReport):
            if await self._has_changed():
                return None
            self._gateway.note(loaded)
            return loaded
        settings, outcome = loaded.settings, SuitesOutcome(None)
        if settings.reload.runs_suites:
            outcome = await self._run_suites(self._path)
        if await self._has_changed():
            return None
        if outcome.error is not None:
            faults = (*warnings_at(loaded, time.time()), *outcome.faults)
            failed, error = ReloadOutcome.TESTS_FAILED, outcome.error
            report = ReloadReport(failed, settings.digest, error, faults, outcome.failures)
            self._gateway.note(report)
            return report
        record, places = self._record, loaded.places
        if await self._gateway.reload(settings, record, places, force=force) is None:
            self._watch_seconds = settings.reload.watch_seconds
        report = self._gateway.last_report
        return replace(report, faults=(*warnings_at(loaded, time.time()), *report.faults))

    async def _load(self) -> Loaded | ReloadReport:
        disk = RecordingDisk()
        try:
            # In a thread: thousands of routes take seconds, and no request should wait for them.
            # In one of its own: a disk that hangs should not keep the process from ending.
            load = partial(load_settings, self._path, os.environ, disk)
            async with asyncio.timeout(self._load_limit_seconds):
                outcome = await compute_in_thread(load, "reload")
        except UnreadableError as error:
            return ReloadReport(ReloadOutcome.INVALID, None, str(error))
        except TimeoutError:
            why = f"the files could not be read in {self._load_limit_seconds:g} s"
            return ReloadReport(ReloadOutcome.INVALID, None, why)
        finally:
            # A copy, for that thread may go on some day.
            self._record = Record(dict(disk.record.answers))
        if isinstance(outcome, Loaded):
            return outcome
        error_line, faults = summarize(outcome.faults), outcome.faults
        return ReloadReport(ReloadOutcome.INVALID, outcome.digest, error_line, faults)

    async def _has_changed(self) -> bool:
        try:
            async with asyncio.timeout(self._load_limit_seconds):
                return await start_thread(partial(differs, self._record), "reload")
        except TimeoutError:
            return True  # for all that we know

    # --- watching

    def _plan_retry(self, report: ReloadReport | None) -> None:
        """Have the watch try again what was refused for want of keys or lists.

        It changes none of the files that are watched when these can be loaded again.
        """
        is_unavailable = report is not None and report.outcome is ReloadOutcome.UNAVAILABLE
        self._refusals = self._refusals + 1 if is_unavailable else 0
        self._retry_at = time.monotonic() + backoff_seconds(self._refusals)

    def _is_retry_due(self) -> bool:
        return self._refusals > 0 and time.monotonic() >= self._retry_at

    async def _watch(self) -> None:
        watch = Watch(self._record)
        while True:
            await self._pause()
            watch.follow(self._record)
            try:
                has_changed = await start_thread(watch.look, "watch")
            except Exception:  # no thread to be had, or a bug; there will be another look
                _log.exception("the files of the configuration could not be looked at")
                continue
            if has_changed or self._is_retry_due():
                await self._insist()

    async def _insist(self) -> None:
        """Ask, and again where the files are not to blame: nobody is there who would."""
        for _ in range(_MOST_ATTEMPTS):
            report = await self._gateway.reload_requests.ask()
            if report is None or not report.may_hold_later:
                return
            await self._pause()

    async def _pause(self) -> None:
        """Wait until it is time to look again; where nothing is watched, until something is."""
        while self._watch_seconds is None:
            self._ended.clear()
            await self._ended.wait()
        await asyncio.sleep(self._watch_seconds)


def _say(report: ReloadReport) -> None:
    print_wrong(report)
    click.echo(f"gateway: {describe_reload(report)}", err=True)
