"""Own what exists once for one configuration: keys, lists, logins, tokens, questions."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.central import Central
from gateway.fetching.clock import Clock
from gateway.introspection.live_introspection import LiveIntrospection
from gateway.keyring.keyring import Keyring
from gateway.login.client import LoginClient
from gateway.login.kept import LoginsKept
from gateway.login.live_logins import LiveLogins
from gateway.login.requests import Logins
from gateway.oauth.endpoints import LiveEndpoints
from gateway.revocation.revocations import Revocations
from gateway.service_tokens.live_tokens import LiveServiceTokens
from gateway.settings.values.configuration import Settings
from gateway.telemetry.metrics.introspection import IntrospectionMetrics
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics
from gateway.tickets.memory import MemoryTickets
from gateway.tickets.redis import RedisTickets

Part = Keyring | Revocations | LiveLogins | LiveServiceTokens | LiveIntrospection


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """The keys, lists, logins and service tokens of one configuration, from ``start`` to ``close``.

    *logins* are None if it has no way to log in. *live_logins* are the same, as operators and
    reloads see them. *service_tokens* are None if no upstream has credentials, and *introspection*
    if no issuer introspects.
    """

    keyring: Keyring
    revocations: Revocations
    logins: Logins | None = None
    live_logins: LiveLogins | None = None
    service_tokens: LiveServiceTokens | None = None
    tickets: MemoryTickets | RedisTickets | None = None
    introspection: LiveIntrospection | None = None

    @property
    def central(self) -> Central:
        """Return what a process that serves requests uses of this, if it is this process."""
        return Central(
            self.keyring,
            self.revocations.lists,
            self.logins,
            self.service_tokens,
            self.tickets,
            self.introspection,
        )

    async def start(self, limit_seconds: float | None = None) -> None:
        """Fetch everything and keep it fresh; a fetch that fails or is late is no error."""
        await asyncio.gather(*(one.start(limit_seconds) for one in self._parts()))

    async def succeed(self, former: "Fetched", limit_seconds: float | None = None) -> None:
        """Load all keys and lists before any request needs them, for at most *limit_seconds*.

        Those of *former* are reused if name and source are the same.
        """
        self.keyring.take_over(former.keyring)
        self.revocations.take_over(former.revocations)
        if self.live_logins is not None and former.live_logins is not None:
            self.live_logins.take_over(former.live_logins)
        if self.service_tokens is not None and former.service_tokens is not None:
            self.service_tokens.take_over(former.service_tokens)
        if isinstance(self.tickets, MemoryTickets) and isinstance(former.tickets, MemoryTickets):
            self.tickets.take_over(former.tickets)
        if self.introspection is not None and former.introspection is not None:
            self.introspection.take_over(former.introspection)
        try:
            await self.start(limit_seconds)
        except BaseException:  # cancelled: the gateway stops
            await self.close()
            raise

    async def retire(self) -> None:
        """Close after the fetches in flight, which requests may wait for."""
        await asyncio.gather(*(one.retire() for one in self._parts()))
        await self._close_tickets()

    async def close(self) -> None:
        """Stop all fetches."""
        await asyncio.gather(*(one.close() for one in self._parts()))
        await self._close_tickets()

    async def _close_tickets(self) -> None:
        if isinstance(self.tickets, RedisTickets):
            await self.tickets.close()

    def _parts(self) -> list[Part]:
        every = (
            *(self.keyring, self.revocations, self.live_logins),
            *(self.service_tokens, self.introspection),
        )
        return [one for one in every if one is not None]


MakeLogins = Callable[[Settings], Logins | None]


def make_fetched(  # noqa: PLR0913, PLR0917 - what it is made of
    settings: Settings,
    clock: Clock,
    on_lists_change: Callable[[], None],
    make_logins: MakeLogins | None = None,
    kept: LoginsKept | None = None,
    wall: Callable[[], float] = time.time,
) -> Fetched:
    """Return what exists once for *settings*; call *on_lists_change* with each new list.

    *kept* is what the logins of all configurations share, *wall* returns seconds since the epoch.
    *make_logins* may return other logins instead.
    """
    keyring = Keyring(settings.issuers, clock=clock)
    revocations = Revocations(settings.revocations, on_lists_change, clock=clock)
    live = None
    if make_logins is None and settings.logins:
        live = _make_live_logins(settings, keyring, revocations, kept or LoginsKept(), clock, wall)
    return Fetched(
        keyring,
        revocations,
        live if make_logins is None else make_logins(settings),
        live,
        _make_service_tokens(settings, clock, wall),
        _make_tickets(settings),
        _make_introspection(settings, keyring, clock, wall),
    )


def _make_service_tokens(
    settings: Settings, clock: Clock, wall: Callable[[], float]
) -> LiveServiceTokens | None:
    if all(one.credentials is None for one in settings.upstreams.values()):
        return None
    counts = ServiceTokenMetrics()
    return LiveServiceTokens(settings.upstreams, settings.issuers, counts, clock, wall)


def _make_tickets(settings: Settings) -> MemoryTickets | RedisTickets | None:
    redis = settings.rate_limiting.redis
    if settings.tickets is None:
        return None
    return MemoryTickets() if redis is None else RedisTickets(redis)


def _make_introspection(
    settings: Settings, keyring: Keyring, clock: Clock, wall: Callable[[], float]
) -> LiveIntrospection | None:
    if not settings.policy.introspecting:
        return None
    issuers, metrics = settings.issuers.values(), IntrospectionMetrics()
    return LiveIntrospection(issuers, keyring, metrics, clock=clock, wall=wall)


def _make_live_logins(  # noqa: PLR0913, PLR0917 - what they are made of
    settings: Settings,
    keyring: Keyring,
    revocations: Revocations,
    kept: LoginsKept,
    clock: Clock,
    wall: Callable[[], float],
) -> LiveLogins:
    logins, issuers = settings.logins, settings.issuers
    kept.counts.expect(logins)
    used = dict.fromkeys(login.issuer for login in logins.values())
    endpoints = LiveEndpoints([issuers[name] for name in used], clock)
    clients = {
        name: LoginClient(
            login,
            issuers[login.issuer],
            settings.policy,
            keyring,
            endpoints,
            revocations=revocations.lists,
            clock=wall,
        )
        for name, login in logins.items()
    }
    redis = settings.rate_limiting.redis
    stores = {name: kept.stores.open(login.session, redis) for name, login in logins.items()}
    return LiveLogins(clients, stores, endpoints, kept, clock=wall)
