"""Keep the endpoints of authorization servers, as their metadata says."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from aiohttp import ClientSession

from gateway.fetching import schedule
from gateway.fetching.clock import Clock, SystemClock
from gateway.fetching.reach import make_reach
from gateway.fetching.refreshed import Refreshed
from gateway.fetching.session import make_session
from gateway.fetching.upkeep import Upkeep
from gateway.oauth.metadata import Endpoints, find_endpoints
from gateway.settings.values.configuration import IssuerSettings


@dataclass(frozen=True, slots=True)
class EndpointsStatus:
    """Whether the endpoints of the issuer *name* are known, for operators.

    *age_seconds* is the time since the last successful fetch, *last_error* that of the last fetch.
    """

    name: str
    loaded: bool
    age_seconds: float | None
    failures_in_a_row: int
    last_error: str | None


class IssuerEndpoints(Refreshed[Endpoints]):
    """The endpoints of one issuer, refreshed as its keys are."""

    owner = "issuer"
    content = "endpoints"

    def __init__(
        self,
        settings: IssuerSettings,
        live: dict[str, Endpoints],
        clock: Clock,
        session: Callable[[], ClientSession],
    ) -> None:
        super().__init__(settings.issuer.name, live, settings.times, clock)
        self.settings = settings
        self._http = session

    @property
    def is_file(self) -> bool:
        """Return False: metadata are always remote."""
        return False

    def is_same_source(self, other: Self) -> bool:
        """Return whether *other* fetches the metadata of the same issuer, with the same trust."""
        return (
            self.settings.source == other.settings.source
            and self.settings.issuer.issuer == other.settings.issuer.issuer
        )

    async def ask(self) -> None:
        """Fetch the endpoints if there are none, as often as the backoff allows."""
        if self.is_loaded():
            return
        if self._fetch_task is not None or schedule.may_try(self._state, self._clock.now()):
            await self.load()

    def status(self) -> EndpointsStatus:
        """Return the current state."""
        return EndpointsStatus(
            self._name,
            self.is_loaded(),
            self._age_seconds(),
            self._state.failures,
            self._last_error,
        )

    async def _read(self) -> Endpoints:
        settings = self.settings
        return await find_endpoints(
            self._http(),
            settings.issuer.issuer,
            settings.times.fetch_timeout_seconds,
            make_reach(settings.source),
        )

    def _is_same(self, held: Endpoints, fetched: Endpoints) -> bool:
        return held == fetched

    def _size(self, document: Endpoints) -> int:
        known = (document.authorization, document.token, document.end_session, document.revocation)
        return sum(one is not None for one in known)


class LiveEndpoints(Upkeep[IssuerEndpoints]):
    """The endpoints of *issuers*, by the issuer's name; *live* has those that are known."""

    def __init__(
        self,
        issuers: Iterable[IssuerSettings],
        clock: Clock | None = None,
        session_factory: Callable[[], ClientSession] = make_session,
    ) -> None:
        live: dict[str, Endpoints] = {}
        moving_clock = clock or SystemClock()
        super().__init__(
            {
                one.issuer.name: IssuerEndpoints(one, live, moving_clock, lambda: self.session)
                for one in issuers
            },
            session_factory,
        )
        self.live: Mapping[str, Endpoints] = live

    async def find(self, issuer_name: str) -> Endpoints | str:
        """Return the endpoints of an issuer, or why they are not known, for the log."""
        document = self._documents[issuer_name]
        if self.is_started:
            await document.ask()
        found = self.live.get(issuer_name)
        return found or document.status().last_error or "the metadata were not fetched yet"

    def status(self) -> list[EndpointsStatus]:
        """Return the state of every issuer's endpoints."""
        return [document.status() for document in self._documents.values()]
