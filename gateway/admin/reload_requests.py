"""Ask for the configuration to be read again, and wait for what becomes of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.admin.reload_report import ReloadReport


class ReloadTurn:
    """One attempt, for all who asked before it began; *is_forced* if one of them forces it."""

    def __init__(
        self, asking: list[asyncio.Future[ReloadReport | None]], is_forced: bool = False
    ) -> None:
        self._asking = asking
        self.is_forced = is_forced

    def answer(self, report: ReloadReport | None) -> None:
        """Tell everybody of this turn what became of it; None where nothing will any more."""
        for one in self._asking:
            if not one.done():  # by whoever did not wait for it
                one.set_result(report)


class ReloadRequests:
    """Those who want the configuration read again, and whoever does so.

    However many ask during an attempt, one more follows for all of them: it reads what is there
    then. So nobody is told of files that were read before they asked.
    """

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self._asking: list[asyncio.Future[ReloadReport | None]] = []
        self._is_forced = False
        self._is_served = False

    @property
    def is_served(self) -> bool:
        """Say whether somebody reads the configuration again when asked."""
        return self._is_served

    def tell(self) -> None:
        """Ask, and do not wait: the log says what becomes of it."""
        self._told.set()

    async def ask(self, *, force: bool = False) -> ReloadReport | None:
        """Return what becomes of an attempt that begins from now on; None where none will.

        With *force* it is taken without the keys and lists that it lacks.
        """
        if not self._is_served:
            return None
        self._is_forced = self._is_forced or force
        future: asyncio.Future[ReloadReport | None] = asyncio.get_running_loop().create_future()
        self._asking.append(future)
        self._told.set()
        return await future

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Promise to take every turn; at the end whoever still waits is told that none comes."""
        self._is_served = True
        try:
            yield
        finally:
            self._is_served = False
            ReloadTurn(self._asking).answer(None)

    async def next(self) -> ReloadTurn:
        """Wait until somebody asks; return the turn of all who did so."""
        await self._told.wait()
        self._told.clear()
        turn = ReloadTurn(self._asking, self._is_forced)
        self._asking, self._is_forced = [], False
        return turn
