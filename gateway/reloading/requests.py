"""Queue requests for a reload, and hand each the report of the attempt that served it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.reloading.report import ReloadReport


class ReloadAttempt:
    """One attempt for everyone who asked before it began; *is_forced* if one of them forces it."""

    def __init__(
        self, waiting: list[asyncio.Future[ReloadReport | None]], is_forced: bool = False
    ) -> None:
        self._waiting = waiting
        self.is_forced = is_forced

    def finish(self, report: ReloadReport | None) -> None:
        """Hand *report* to everyone who waits for this attempt; None if it will not be made."""
        for one in self._waiting:
            if not one.done():  # cancelled: the caller no longer waits
                one.set_result(report)


class ReloadRequests:
    """The requests for a reload that no attempt has served yet.

    All requests that arrive during an attempt are served by a single one after it, which reads the
    files again. So no one receives a report about files that were read before they asked.
    """

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        self._waiting: list[asyncio.Future[ReloadReport | None]] = []
        self._is_forced = False
        self._is_served = False

    @property
    def is_served(self) -> bool:
        """Return whether requests are served: not before the start, nor during the drain."""
        return self._is_served

    def request(self) -> None:
        """Request a reload without waiting for its report, which goes to the log."""
        self._requested.set()

    async def ask(self, *, force: bool = False) -> ReloadReport | None:
        """Request a reload and return its report; None if requests are not served.

        With *force* the configuration is accepted without the keys and lists that it lacks.
        """
        if not self._is_served:
            return None
        self._is_forced = self._is_forced or force
        future: asyncio.Future[ReloadReport | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._requested.set()
        return await future

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Accept requests within the block; at its end everyone who still waits receives None."""
        self._is_served = True
        try:
            yield
        finally:
            self._is_served = False
            ReloadAttempt(self._waiting).finish(None)

    async def next(self) -> ReloadAttempt:
        """Wait for a request; return the attempt that serves all requests so far."""
        await self._requested.wait()
        self._requested.clear()
        attempt = ReloadAttempt(self._waiting, self._is_forced)
        self._waiting, self._is_forced = [], False
        return attempt
