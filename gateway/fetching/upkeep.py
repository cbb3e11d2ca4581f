"""Keep several documents fresh over one HTTP session."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Self, TypeVar

from aiohttp import ClientSession

from gateway.fetching.refreshed import Refreshed

D = TypeVar("D", bound=Refreshed[Any])


class Upkeep(Generic[D]):
    """The documents of one kind, by name, from their first fetch to their last."""

    def __init__(
        self, documents: Mapping[str, D], session_factory: Callable[[], ClientSession]
    ) -> None:
        self._documents = documents
        self._session_factory = session_factory
        self._session: ClientSession | None = None
        self._keepers: list[asyncio.Task[None]] = []
        for index, document in enumerate(documents.values()):
            document.head_start = index / len(documents)

    @property
    def session(self) -> ClientSession:
        """Return the session that fetches go over; there is one from ``start`` to ``close``."""
        assert self._session is not None  # noqa: S101 - nothing fetches before start
        return self._session

    @property
    def is_started(self) -> bool:
        """Return whether documents may be fetched."""
        return self._session is not None

    def subscribe(self, notify: Callable[[str], None]) -> None:
        """Call *notify* with the name of a document whenever its state changes.

        That is: it was fetched, a fetch failed, or it expired. Called before waiters of the fetch
        continue.
        """
        for name, document in self._documents.items():
            document.on_update = partial(notify, name)

    def take_over(self, former: Self) -> None:
        """Take over the documents of *former* that have the same name and source.

        For a reload: it must not lose good documents because a source is down at that moment.
        """
        for name, document in self._documents.items():
            other = former._documents.get(name)
            if other is not None and other.is_same_source(document):
                document.take_over(other)

    async def start(self, limit_seconds: float | None = None) -> None:
        """Fetch all missing documents at once, then keep all documents fresh.

        Files are always read again: that is cheap, and may be the reason for a reload. Returns
        within the longest fetch timeout, and within *limit_seconds*; a document that fails to
        load, or not in time, is not an error.
        """
        self._session = self._session_factory()
        wanted = [one for one in self._all() if one.is_file or not one.is_loaded()]
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_seconds):
                await asyncio.gather(*(document.load() for document in wanted))
        self._keepers = [
            asyncio.create_task(document.keep(), name=f"keeper of {name}")
            for name, document in self._documents.items()
        ]

    async def retire(self) -> None:
        """Close after the fetches in flight, which requests may wait for."""
        try:
            await self._end_keepers()
            await asyncio.gather(*(document.finish_fetch() for document in self._all()))
        finally:
            await self.close()

    async def close(self) -> None:
        """Cancel all fetches and timers; loaded documents stay as they are."""
        await self._end_keepers()
        await asyncio.gather(*(document.close() for document in self._all()))
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _end_keepers(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers = []

    def _all(self) -> Iterable[D]:
        return self._documents.values()
