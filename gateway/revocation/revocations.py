"""Hold all revocation lists, fetched before requests need them."""

from collections.abc import Callable, Mapping

from aiohttp import ClientSession

from gateway.decision.revocation import RevocationList
from gateway.fetching.clock import Clock, SystemClock
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.fetching.upkeep import Upkeep
from gateway.revocation.live_list import LiveList
from gateway.revocation.source import read_list
from gateway.revocation.status import RevocationStatus
from gateway.settings.values.configuration import RevocationSettings


def _ignore() -> None:
    """Do nothing."""


class Revocations(Upkeep[LiveList]):
    """The lists of *settings* (by name); *lists* is what the decision reads, always current.

    A list that was never loaded, or is too old, is absent from *lists*. *on_change* is called
    whenever one has changed.
    """

    def __init__(
        self,
        settings: Mapping[str, RevocationSettings],
        on_change: Callable[[], None] = _ignore,
        session_factory: Callable[[], ClientSession] = make_session,
        clock: Clock | None = None,
    ) -> None:
        live: dict[str, RevocationList] = {}
        moving_clock = clock or SystemClock()
        super().__init__(
            {
                name: LiveList(one, live, moving_clock, self._read, on_change)
                for name, one in settings.items()
            },
            session_factory,
        )
        self.lists: Mapping[str, RevocationList] = live
        self._files = Files()

    def status(self) -> list[RevocationStatus]:
        """Return the state of every list, in the order of the configuration."""
        return [one.status() for one in self._documents.values()]

    def status_of(self, name: str) -> RevocationStatus:
        """Return the state of one list; raises KeyError if it is unknown."""
        return self._documents[name].status()

    async def _read(self, settings: RevocationSettings) -> bytes:
        return await read_list(self.session, self._files, settings)
