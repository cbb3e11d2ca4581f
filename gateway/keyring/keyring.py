"""Hold the keys of all issuers, fetched before they are needed."""

from collections.abc import Callable, Mapping

from aiohttp import ClientSession

from gateway.decision.keys import KeySet
from gateway.decision.verdict import WantedKey
from gateway.fetching.clock import Clock, SystemClock
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.fetching.upkeep import Upkeep
from gateway.keyring.describe import describe_keys, describe_wanted
from gateway.keyring.issuer_keys import IssuerKeys
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.source import read_keys
from gateway.keyring.status import IssuerStatus
from gateway.settings.values.configuration import IssuerSettings


class Keyring(Upkeep[IssuerKeys]):
    """The keys of those of *issuers* (by name) that have any.

    *keys* is what the decision reads, always current.

    An issuer whose keys were never loaded, or are too old, is absent from *keys*: its tokens are
    refused with `keys_unavailable` until it is reachable.
    """

    def __init__(
        self,
        issuers: Mapping[str, IssuerSettings],
        session_factory: Callable[[], ClientSession] = make_session,
        clock: Clock | None = None,
    ) -> None:
        live: dict[str, KeySet] = {}
        moving_clock = clock or SystemClock()
        super().__init__(
            {
                name: IssuerKeys(settings, live, moving_clock, self._read)
                for name, settings in issuers.items()
                if settings.has_keys
            },
            session_factory,
        )
        self.keys: Mapping[str, KeySet] = live
        self._files = Files()

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Fetch keys for a request that lacks *kid* (None: any key), if that is allowed.

        Never raises for a failed fetch; *keys* shows whether it helped.
        """
        keys = self._documents.get(issuer_name)
        if keys is not None and self.is_started:
            await keys.ask(kid)

    def explain(self, wanted: WantedKey) -> str:
        """Return in one line the key that a token *wanted*, and those held (``describe``)."""
        return describe_wanted(wanted, self.describe(wanted.issuer_name))

    def describe(self, issuer_name: str) -> str:
        """Return in one line which keys of the issuer are held, their age, and the last error.

        For the log, when a token's key is missing: nothing in it is from a token or a secret.
        """
        keys = self._documents.get(issuer_name)
        return describe_keys((), None, None) if keys is None else keys.describe()

    def status(self) -> list[IssuerStatus]:
        """Return the state of every issuer's keys, in the order of the configuration."""
        return [keys.status() for keys in self._documents.values()]

    def status_of(self, issuer_name: str) -> IssuerStatus:
        """Return the state of the keys of one issuer; raises KeyError if it is unknown."""
        return self._documents[issuer_name].status()

    async def _read(self, settings: IssuerSettings) -> ParsedSet:
        return await read_keys(self.session, self._files, settings)
