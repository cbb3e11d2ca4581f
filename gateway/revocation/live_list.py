"""Keep one revocation list fresh, and report its changes."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Self

from gateway.decision.revocation import RevocationList
from gateway.fetching.clock import Clock
from gateway.fetching.document import FetchFailed
from gateway.fetching.refreshed import Refreshed
from gateway.fetching.shown_url import show_url
from gateway.revocation.entries import parse_revocations
from gateway.revocation.status import RevocationStatus
from gateway.settings.values.configuration import RevocationSettings

ReadBody = Callable[[RevocationSettings], Awaitable[bytes]]


class LiveList(Refreshed[RevocationList]):
    """One revocation list; *on_change* is called whenever its content in use changes."""

    owner = "revocation list"
    content = "entries"

    def __init__(
        self,
        settings: RevocationSettings,
        live: dict[str, RevocationList],
        clock: Clock,
        read: ReadBody,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(settings.rule.name, live, settings.times, clock)
        self.settings = settings
        self._read_body = read
        self._on_change = on_change

    @property
    def is_file(self) -> bool:
        """Return whether the list is a local file."""
        return self.settings.is_file

    @property
    def location(self) -> str:
        """Return the list's location without secrets."""
        location = self.settings.location
        return location if self.is_file else show_url(location)

    def is_same_source(self, other: Self) -> bool:
        """Return whether *other* fetches the same list."""
        ours, theirs = self.settings, other.settings
        return (ours.is_file, ours.location, ours.ca) == (
            theirs.is_file,
            theirs.location,
            theirs.ca,
        )

    def status(self) -> RevocationStatus:
        """Return the current state of this list."""
        listed, times = self._live.get(self._name), self._times
        age_seconds = self._age_seconds()
        return RevocationStatus(
            name=self._name,
            location=self.location,
            loaded=listed is not None,
            was_loaded=self._held is not None,
            stale=listed is not None and (age_seconds or 0.0) > times.fresh_seconds,
            refuses_without=self.settings.rule.refuses_without,
            entries=0 if listed is None else listed.size,
            age_seconds=age_seconds,
            age_limit_seconds=times.fresh_seconds + times.stale_seconds,
            fetches=self._fetches,
            failures=self._failures,
            failures_in_a_row=self._state.failures,
            last_error=self._last_error,
            next_refresh_in_seconds=self._next_refresh_in_seconds(),
        )

    async def _read(self) -> RevocationList:
        body = await self._read_body(self.settings)
        # In a thread: parsing a list of the largest size would block requests for 0.2 s.
        return await asyncio.to_thread(self._parse, body)

    def _parse(self, body: bytes) -> RevocationList:
        digest, held = sha256(body).digest(), self._held
        if held is not None and held.digest == digest:
            return held
        entries = parse_revocations(body)
        if isinstance(entries, str):
            raise FetchFailed(f"{self.location}: {entries}")
        return RevocationList(entries, digest)

    def _is_same(self, held: RevocationList, fetched: RevocationList) -> bool:
        return held is fetched

    def _size(self, document: RevocationList) -> int:
        return document.size

    def _accept(self, document: RevocationList) -> None:
        before = self._live.get(self._name)
        super()._accept(document)
        if self._live[self._name] is not before:
            self._on_change()
