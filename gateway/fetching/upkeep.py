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
        """Say whether documents may be fetched."""
        return self._session is not None

    def tell(self, name_news: Callable[[str], None]) -> None:
        """Call *name_news* with the name of a document whenever something has become of it.

        It was fetched, or could not be, or is too old. Heard before whoever waits for a fetch.
        """
        for name, document in self._documents.items():
            document.tell = partial(name_news, name)

    def take_over(self, former: Self) -> None:
        """Go on with the documents of *former* where name and source are the same.

        For a reload: it must not lose what is good because a source is down just then.
        """
        for name, document in self._documents.items():
            other = former._documents.get(name)
            if other is not None and other.is_same_source(document):
                document.take_over(other)

    async def start(self, limit_seconds: float | None = None) -> None:
        """Fetch all documents not in hand, all at once, then keep them fresh.

        Files are read even so: they cost little, and a reload may be on their account.
        Returns within the longest fetch timeout, and within *limit_seconds*; a document that
        cannot be loaded, or not in that time, is no error.
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
        """End as ``close`` does, but behind the fetches that somebody is waiting for."""
        try:
            await self._end_keepers()
            await asyncio.gather(*(document.land() for document in self._all()))
        finally:
            await self.close()

    async def close(self) -> None:
        """End all fetches and timers; what is in hand stays as it is."""
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
