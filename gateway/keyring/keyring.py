"""Hold the keys of all issuers, fetched before they are needed."""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import ClientSession

from gateway.decision.keys import KeySet
from gateway.keyring.clock import Clock, SystemClock
from gateway.keyring.fetch import make_session
from gateway.keyring.issuer_keys import IssuerKeys
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.source import read_keys
from gateway.keyring.status import IssuerStatus
from gateway.settings.values import IssuerSettings


class Keyring:
    """The keys of *issuers* (by name); *keys* is what the decision reads, always current.

    An issuer whose keys were never had, or are too old, is absent from *keys*.
    """

    def __init__(
        self,
        issuers: Mapping[str, IssuerSettings],
        session_factory: Callable[[], ClientSession] = make_session,
        clock: Clock | None = None,
    ) -> None:
        self._live: dict[str, KeySet] = {}
        self.keys: Mapping[str, KeySet] = self._live
        self._session_factory = session_factory
        self._session: ClientSession | None = None
        self._keepers: list[asyncio.Task[None]] = []
        moving_clock = clock or SystemClock()
        self._issuers = {
            name: IssuerKeys(settings, self._live, moving_clock, self._read)
            for name, settings in issuers.items()
        }

    def take_over(self, former: "Keyring") -> None:
        """Go on with the keys of *former* where issuer and source are the same.

        For a reload: it must not lose good keys because an issuer is down just then.
        """
        for name, keys in self._issuers.items():
            other = former._issuers.get(name)
            if other is not None and other.is_same_source(keys):
                keys.take_over(other)

    async def start(self) -> None:
        """Fetch all keys not in hand, all issuers at once, then keep them fresh.

        Files are read even so: they cost little, and a reload may be on their account.

        Returns within the longest fetch timeout. An issuer that cannot be reached is no
        error: its tokens are refused with `keys_unavailable` until it can.
        """
        self._session = self._session_factory()
        wanted = [keys for keys in self._issuers.values() if keys.is_file or not keys.is_loaded()]
        await asyncio.gather(*(keys.load() for keys in wanted))
        self._keepers = [
            asyncio.create_task(keys.keep(), name=f"keeper of {name}")
            for name, keys in self._issuers.items()
        ]

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Get better keys for a request that lacks *kid* (or any key, if None), if allowed.

        Never raises for what goes wrong outside; whether it helped, *keys* tells.
        """
        keys = self._issuers.get(issuer_name)
        if keys is not None and self._session is not None:
            await keys.ask(kid)

    async def retire(self) -> None:
        """End as ``close`` does, but behind the fetches that requests are waiting for."""
        try:
            await self._end_keepers()
            await asyncio.gather(*(keys.land() for keys in self._issuers.values()))
        finally:
            await self.close()

    async def _end_keepers(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers = []

    async def close(self) -> None:
        """End all fetches and timers; *keys* stays as it is."""
        await self._end_keepers()
        await asyncio.gather(*(keys.close() for keys in self._issuers.values()))
        if self._session is not None:
            await self._session.close()
            self._session = None

    def status(self) -> list[IssuerStatus]:
        """Return the state of every issuer's keys, in the order of the configuration."""
        return [keys.status() for keys in self._issuers.values()]

    async def _read(self, settings: IssuerSettings) -> ParsedSet:
        assert self._session is not None  # noqa: S101 - nothing fetches before start
        return await read_keys(self._session, settings)
