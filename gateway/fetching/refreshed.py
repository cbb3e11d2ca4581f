"""Keep one document fresh: fetched ahead of time, once at a time, never lost to a failure."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import ClassVar, Generic, Self, TypeVar

from gateway.fetching import schedule
from gateway.fetching.clock import Clock
from gateway.fetching.document import FetchFailed
from gateway.fetching.schedule import Schedule
from gateway.settings.values.configuration import FetchTimes

_log = logging.getLogger(__name__)

T = TypeVar("T")


def _ignore() -> None:
    """Do nothing."""


class Refreshed(ABC, Generic[T]):
    """One document, with the state of its fetches.

    Its entry *name* in *live*, which is shared with the decision, is replaced as a whole, and
    absent while there is no document or only one that is too old.
    """

    owner: ClassVar[str]  # what *name* names, for the log: "issuer"
    content: ClassVar[str]  # what the document holds, for the log: "keys"

    def __init__(self, name: str, live: dict[str, T], times: FetchTimes, clock: Clock) -> None:
        self._name = name
        self._live = live
        self._times = times
        self._clock = clock
        self.head_start = 0.0  # how much earlier it is refreshed; see ``refresh_at``
        self._state = Schedule()
        self._held: T | None = None
        self._held_from = -inf  # when its fetch began
        self._fetch_task: asyncio.Task[None] | None = None
        self._fetches = 0
        self._failures = 0
        self._last_error: str | None = None
        self._pass_on: Callable[[], None] | None = None  # to the successor after a reload
        self.on_update: Callable[[], None] = _ignore

    # --- what each kind of document defines

    @property
    @abstractmethod
    def is_file(self) -> bool:
        """Return whether the document is a local file."""

    @abstractmethod
    def is_same_source(self, other: Self) -> bool:
        """Return whether *other* fetches the same document."""

    @abstractmethod
    async def _read(self) -> T:
        """Return the current document; raises FetchFailed if it is unavailable."""

    @abstractmethod
    def _is_same(self, held: T, fetched: T) -> bool:
        """Return whether *fetched* has the same content as *held*."""

    @abstractmethod
    def _size(self, document: T) -> int:
        """Return the number of entries in *document*, for the log."""

    # --- its life cycle

    def take_over(self, former: Self) -> None:
        """Take over the document of *former*, which has the same source.

        What *former* fetches from now on arrives here, too, unless ours is newer: a key that is
        withdrawn during the reload must not return after it.
        """
        self._fetches = former._fetches
        self._failures = former._failures
        former._pass_on = lambda: self._catch_up(former)
        self._inherit(former)

    def _catch_up(self, former: Self) -> None:
        if self._held_from <= former._held_from:
            self._inherit(former)

    def _inherit(self, former: Self) -> None:
        self._state = former._state
        self._held = former._held
        self._held_from = former._held_from
        self._last_error = former._last_error
        if self._held is not None and self._is_usable():
            self._live[self._name] = self._held
        self.on_update()

    async def load(self) -> None:
        """Fetch once, or join the fetch in flight; a failure is not an error here."""
        # asyncio.wait neither cancels the fetch together with this caller (others wait for it,
        # too), nor this caller together with the fetch.
        await asyncio.wait({self._fetch_task or self._start_fetch()})

    async def keep(self) -> None:
        """Refresh ahead and drop what is too old, until cancelled."""
        while True:
            self._drop_if_too_old()
            if self._fetch_task is None and self._clock.now() >= self._refresh_at():
                self._start_fetch()
            await self._wait()

    async def finish_fetch(self) -> None:
        """Wait for the fetch in flight, if any, whatever its result."""
        if self._fetch_task is not None:
            await asyncio.wait({self._fetch_task})

    async def close(self) -> None:
        """Cancel the fetch in flight, if any."""
        if self._fetch_task is not None:
            self._fetch_task.cancel()
            await asyncio.gather(self._fetch_task, return_exceptions=True)
            self._fetch_task = None

    def is_loaded(self) -> bool:
        """Return whether the document is in use."""
        return self._name in self._live

    def _age_seconds(self) -> float | None:
        """Return the time since the last successful fetch, or None."""
        loaded_at = self._state.loaded_at
        return None if loaded_at is None else self._clock.now() - loaded_at

    def _next_refresh_in_seconds(self) -> float:
        """Return the time to the next fetch: 0 while one is due or in flight."""
        due_in = self._refresh_at() - self._clock.now()
        return 0.0 if self._fetch_task is not None else max(0.0, due_in)

    def _refresh_at(self) -> float:
        return schedule.refresh_at(self._state, self._times, self.head_start)

    def _is_usable(self) -> bool:
        return schedule.is_usable(self._state, self._times, self._clock.now())

    async def _wait(self) -> None:
        """Wait for the fetch in flight, the next refresh or the expiry of the document."""
        moments = [] if self._fetch_task else [self._refresh_at()]
        if self.is_loaded():
            moments.append(schedule.expires_at(self._state, self._times) or 0.0)
        waits: set[asyncio.Future[None]] = {self._fetch_task} if self._fetch_task else set()
        timer: asyncio.Task[None] | None = None
        if moments:
            sleeping = self._sleep_until(min(moments))
            timer = asyncio.create_task(sleeping, name=f"timer of {self._name}")
            waits.add(timer)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if timer is not None:
                timer.cancel()

    async def _sleep_until(self, moment: float) -> None:
        await self._clock.sleep(max(0.0, moment - self._clock.now()))

    def _drop_if_too_old(self) -> None:
        if self.is_loaded() and not self._is_usable():
            del self._live[self._name]
            _log.error("%s: %s are too old: no longer used", self._label, self.content)
            self.on_update()

    # --- one fetch

    def _start_fetch(self) -> asyncio.Task[None]:
        name = f"{self.content} of {self._name}"
        self._fetch_task = asyncio.create_task(self._fetch(), name=name)
        return self._fetch_task

    async def _fetch(self) -> None:
        self._fetches += 1
        began_at = self._clock.now()
        try:
            document = await self._read()
        except FetchFailed as failure:
            self._fail(str(failure))
        except Exception:
            # A bug in parsing a strange document must not end the refreshes for good.
            _log.exception("%s: %s could not be read", self._label, self.content)
            self._fail(f"{self.content} could not be read")
        else:
            if self._held_from <= began_at:  # otherwise a document taken over meanwhile is newer
                self._held_from = began_at
                self._accept(document)
        finally:
            self._fetch_task = None
            self.on_update()

    def _fail(self, words: str) -> None:
        """Record the failure; the document in use stays (GHSA-fhv5-28vv-h8m8)."""
        self._state = schedule.after_failure(self._state, self._clock.now())
        self._failures += 1
        if words != self._last_error:
            _log.warning("%s: %s not fetched: %s", self._label, self.content, words)
        self._last_error = words

    def _accept(self, document: T) -> None:
        self._state = schedule.after_success(self._state, self._clock.now())
        self._last_error = None
        # Equal content keeps the same object: caches keyed by it stay valid.
        if self._held is None or not self._is_same(self._held, document):
            self._held = document
            _log.info("%s: %d %s in use", self._label, self._size(document), self.content)
        self._live[self._name] = self._held
        if self._pass_on is not None:
            self._pass_on()

    @property
    def _label(self) -> str:
        return f"{self.owner} {self._name}"
