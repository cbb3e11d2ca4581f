"""A document for the tests: words that a source gives, or does not."""

import asyncio
from typing import Self

from gateway.fetching.clock import Clock
from gateway.fetching.document import FetchFailed
from gateway.fetching.refreshed import Refreshed
from gateway.settings.values.configuration import FetchTimes

TIMES = FetchTimes(fresh_seconds=300.0, stale_seconds=3600.0, fetch_timeout_seconds=5.0)

Document = tuple[str, ...]


class Source:
    """Where words lie: *words*, or an exception instead; counts its readers.

    A reader that has begun gets to see what it read once *opened* is set.
    """

    def __init__(self, *words: str) -> None:
        self.words: Document | Exception = words
        self.reads = 0
        self.opened = asyncio.Event()
        self.opened.set()


class Words(Refreshed[Document]):
    owner = "book"
    content = "words"

    def __init__(
        self, name: str, live: dict[str, Document], clock: Clock, source: Source, file: bool = False
    ) -> None:
        super().__init__(name, live, TIMES, clock)
        self.source = source
        self._file = file

    @property
    def is_file(self) -> bool:
        return self._file

    @property
    def age_seconds(self) -> float | None:
        return self._age_seconds()

    @property
    def next_refresh_in_seconds(self) -> float:
        return self._next_refresh_in_seconds()

    @property
    def last_error(self) -> str | None:
        return self._last_error

    def is_same_source(self, other: Self) -> bool:
        return self.source is other.source

    async def _read(self) -> Document:
        self.source.reads += 1
        words, opened = self.source.words, self.source.opened
        await opened.wait()
        if isinstance(words, Exception):
            raise words
        return words

    def _is_same(self, held: Document, fetched: Document) -> bool:
        return held == fetched

    def _size(self, document: Document) -> int:
        return len(document)


GONE = FetchFailed("the book is gone")
