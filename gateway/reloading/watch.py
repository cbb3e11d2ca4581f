"""Watch the files of the configuration, and request a reload when they change."""

import asyncio
import logging
import time
from typing import Final

from gateway.fetching.schedule import backoff_seconds
from gateway.fetching.thread import start_thread
from gateway.reloading.report import ReloadOutcome, ReloadReport
from gateway.reloading.requests import ReloadRequests
from gateway.settings.text.changes import Identity, differs, identify
from gateway.settings.text.disk import Record

_log = logging.getLogger(__name__)

# For a failure that the files did not cause. Bounded, because they may still be what crashes the
# workers.
_MOST_ATTEMPTS: Final = 3


class FileWatch:
    """The files in *record*, compared from one look to the next.

    A change is reported once two looks in a row find the same files, so that writers can finish.
    It is reported only until ``follow`` is called with the record of an attempt to load it: a
    broken file is tried once, however long it stays broken.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._seen: Identity | None = None  # at the last look, if it differs from `_known`
        self._known: Identity | None = None  # of files whose bytes are those in the record

    def follow(self, record: Record) -> None:
        """Compare the files with *record* from now on."""
        if record is not self._record:
            self._record = record
            self._seen = self._known = None

    def look(self) -> bool:
        """Return whether the files are at rest and differ from the record; may block."""
        now = identify(self._record)
        if now == self._known:
            return False
        if now != self._seen:
            self._seen = now
            return False
        if not differs(self._record):
            self._known = now
            return False
        return True


class Watcher:
    """Requests a reload when files change, and again when a rejected one may succeed now.

    *record* is what the running configuration was read from. *interval_seconds* is the pause
    between two looks; None watches nothing until ``interval_seconds`` is set.
    """

    def __init__(
        self, requests: ReloadRequests, record: Record, interval_seconds: float | None
    ) -> None:
        self._requests = requests
        self._record = record
        self.interval_seconds = interval_seconds
        self._attempt_ended = asyncio.Event()  # and may have set an interval
        self._unavailable_in_a_row = 0
        self._retry_at = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        watch = FileWatch(self._record)
        while True:
            await self._pause()
            watch.follow(self._record)
            try:
                has_changed = await start_thread(watch.look, "watch")
            except Exception:  # no thread is available, or an internal error: look again later
                _log.exception("cannot check the configuration files for changes")
                continue
            if has_changed or self._is_retry_due():
                await self._request()

    def follow(self, record: Record) -> None:
        """Compare the files with *record*, which an attempt has just read, from now on."""
        self._record = record

    def note(self, report: ReloadReport | None) -> None:
        """Take the report of an attempt; None if it was interrupted.

        Missing keys or lists are retried with a backoff: no watched file changes once they can be
        fetched.
        """
        is_unavailable = report is not None and report.outcome is ReloadOutcome.UNAVAILABLE
        self._unavailable_in_a_row = self._unavailable_in_a_row + 1 if is_unavailable else 0
        self._retry_at = time.monotonic() + backoff_seconds(self._unavailable_in_a_row)
        self._attempt_ended.set()

    def _is_retry_due(self) -> bool:
        return self._unavailable_in_a_row > 0 and time.monotonic() >= self._retry_at

    async def _request(self) -> None:
        """Request a reload; retry a failure that the files did not cause, as no one else will."""
        for _ in range(_MOST_ATTEMPTS):
            report = await self._requests.ask()
            if report is None or not report.may_hold_later:
                return
            await self._pause()

    async def _pause(self) -> None:
        """Wait until the next look; while nothing is watched, until an interval is set."""
        while self.interval_seconds is None:
            self._attempt_ended.clear()
            await self._attempt_ended.wait()
        await asyncio.sleep(self.interval_seconds)
