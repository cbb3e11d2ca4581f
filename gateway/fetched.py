"""Own what exists once for one configuration: keys, revocation lists and logins."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.fetching.clock import Clock
from gateway.keyring.keyring import Keyring
from gateway.login.requests import Logins
from gateway.revocation.revocations import Revocations
from gateway.settings.values.configuration import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """The keys and the lists of one configuration, kept fresh from ``start`` to ``close``.

    *logins* are None if it has no way to log in.
    """

    keyring: Keyring
    revocations: Revocations
    logins: Logins | None = None

    async def start(self, limit_seconds: float | None = None) -> None:
        """Fetch everything and keep it fresh; a fetch that fails or is late is no error."""
        await asyncio.gather(
            self.keyring.start(limit_seconds), self.revocations.start(limit_seconds)
        )

    async def succeed(self, former: "Fetched", limit_seconds: float | None = None) -> None:
        """Load all keys and lists before any request needs them, for at most *limit_seconds*.

        Those of *former* are reused if name and source are the same.
        """
        self.keyring.take_over(former.keyring)
        self.revocations.take_over(former.revocations)
        try:
            await self.start(limit_seconds)
        except BaseException:  # cancelled: the gateway stops
            await self.close()
            raise

    async def retire(self) -> None:
        """Close after the fetches in flight, which requests may wait for."""
        await asyncio.gather(self.keyring.retire(), self.revocations.retire())

    async def close(self) -> None:
        """Stop all fetches."""
        await asyncio.gather(self.keyring.close(), self.revocations.close())


MakeLogins = Callable[[Settings], Logins | None]


def make_fetched(
    settings: Settings,
    clock: Clock,
    on_lists_change: Callable[[], None],
    make_logins: MakeLogins | None = None,
) -> Fetched:
    """Return the keys, lists and logins of *settings*; call *on_lists_change* with each new list.

    Without *make_logins* there are no logins.
    """
    return Fetched(
        Keyring(settings.issuers, clock=clock),
        Revocations(settings.revocations, on_lists_change, clock=clock),
        None if make_logins is None else make_logins(settings),
    )
