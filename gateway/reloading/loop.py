"""Serve reload requests, one attempt after the other, for as long as the gateway runs."""

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

from gateway.fetching.thread import compute_in_thread, start_thread
from gateway.lints.certificates import warnings_at
from gateway.reloading.report import ReloadOutcome, ReloadReport, summarize
from gateway.reloading.requests import ReloadRequests
from gateway.reloading.suites_process import SuitesOutcome, run_suites_of
from gateway.reloading.watch import Watcher
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.text.changes import differs
from gateway.settings.text.disk import Record, RecordingDisk
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings

_log = logging.getLogger(__name__)

# Files that are replaced one by one are complete soon; files that never are, nobody intends.
_MOST_READS: Final = 3

# Tens of thousands of routes take less; a network disk that hangs takes forever.
_LOAD_LIMIT_SECONDS: Final = 120.0

RunSuites = Callable[[Path], Awaitable[SuitesOutcome]]


class Reloadable(Protocol):
    """The running gateway: a ``ControlPlane``."""

    @property
    def reload_requests(self) -> ReloadRequests:
        """Return where reloads are requested."""

    @property
    def last_report(self) -> ReloadReport:
        """Return the report of the last attempt."""

    async def reload(
        self, settings: Settings, record: Record, places: Places, *, force: bool
    ) -> str | None:
        """Switch to *settings*, read from *record*; return None, or why it was rejected.

        With *force* it is accepted without the keys and lists that it lacks.
        """

    def note(self, report: ReloadReport) -> None:
        """Remember an attempt that failed before ``reload`` was called."""


class ServiceManager(Protocol):
    """What starts and watches the gateway: systemd, or nothing."""

    def reloading(self) -> None:
        """Notify it that a reload begins."""

    def reloaded(self) -> None:
        """Notify it that the reload has ended, whatever its outcome."""


class ReloadLoop:
    """Reloads one configuration file on request, one attempt after the other.

    *record* is what the running configuration was read from, *watch_seconds* its ``reload.watch``.
    *announce* is called with each report, before anyone else receives it.
    """

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        gateway: Reloadable,
        path: Path,
        record: Record,
        watch_seconds: float | None,
        *,
        announce: Callable[[ReloadReport], None],
        manager: ServiceManager,
        run_suites: RunSuites = run_suites_of,
        load_limit_seconds: float = _LOAD_LIMIT_SECONDS,
    ) -> None:
        self._gateway = gateway
        self._path = path
        self._record = record
        self._watcher = Watcher(gateway.reload_requests, record, watch_seconds)
        self._announce = announce
        self._manager = manager
        self._run_suites = run_suites
        self._load_limit_seconds = load_limit_seconds

    async def run(self) -> None:
        """Serve requests, and watch the files if configured, until cancelled."""
        watching = asyncio.create_task(self._watcher.run())
        try:
            with self._gateway.reload_requests.serve():
                while True:
                    await self._serve_next()
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _serve_next(self) -> None:
        attempt = await self._gateway.reload_requests.next()
        report = None
        self._manager.reloading()
        try:
            report = await self._reload(force=attempt.is_forced)
            with suppress(OSError):  # stderr may be unreadable; the outcome stands
                self._announce(report)
        except Exception:  # an internal error must not end a gateway that serves
            _log.exception("the configuration was not reloaded: internal error")
            report = ReloadReport(ReloadOutcome.INVALID, None, "internal error; see the log")
            self._gateway.note(report)
        finally:
            self._watcher.note(report)
            attempt.finish(report)
            self._manager.reloaded()

    async def _reload(self, *, force: bool) -> ReloadReport:
        for _ in range(_MOST_READS):
            report = await self._try(force=force)
            if report is not None:
                return report
        report = ReloadReport(
            ReloadOutcome.INVALID, None, "the files keep changing while they are read"
        )
        self._gateway.note(report)
        return report

    async def _try(self, *, force: bool) -> ReloadReport | None:
        """Return the report of one attempt; None if the files changed meanwhile.

        Parts of the files from before and after a change make a configuration that nobody wrote,
        and suites that ran on other files say nothing about these.
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
            self._watcher.interval_seconds = settings.reload.watch_seconds
        report = self._gateway.last_report
        return replace(report, faults=(*warnings_at(loaded, time.time()), *report.faults))

    async def _load(self) -> Loaded | ReloadReport:
        disk = RecordingDisk()
        try:
            # In a thread: thousands of routes take seconds, and no request should wait for them.
            # In one of its own: a disk that hangs should not keep the process from exiting.
            load = partial(load_settings, self._path, os.environ, disk)
            async with asyncio.timeout(self._load_limit_seconds):
                outcome = await compute_in_thread(load, "reload")
        except UnreadableError as error:
            return ReloadReport(ReloadOutcome.INVALID, None, str(error))
        except TimeoutError:
            why = f"reading the files took longer than {self._load_limit_seconds:g} s"
            return ReloadReport(ReloadOutcome.INVALID, None, why)
        finally:
            # A copy, because that thread may continue some day.
            self._record = Record(dict(disk.record.answers))
            self._watcher.follow(self._record)
        if isinstance(outcome, Loaded):
            return outcome
        error_line, faults = summarize(outcome.faults), outcome.faults
        return ReloadReport(ReloadOutcome.INVALID, outcome.digest, error_line, faults)

    async def _has_changed(self) -> bool:
        try:
            async with asyncio.timeout(self._load_limit_seconds):
                return await start_thread(partial(differs, self._record), "reload")
        except TimeoutError:
            return True  # it may have: assume so
