"""The addresses of an upstream's servers, and which of them are used."""

import asyncio
import logging
from collections.abc import Callable, Container, Iterator
from copy import copy
from time import monotonic

from gateway.balancing.choice import choose_usable
from gateway.balancing.ejection import Standing, fail, readmit
from gateway.balancing.health import Health, postpone
from gateway.proxy.upstream.address_pool import AddressPool
from gateway.proxy.upstream.circuit_breaker import CircuitBreaker
from gateway.proxy.upstream.server_addresses import NameResolver, ServerAddresses, is_name
from gateway.settings.values.configuration import Server, Upstream
from gateway.telemetry.metrics.servers import ServerState
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

_log = logging.getLogger(__name__)

MakePool = Callable[[Server, str], AddressPool]


class Member:
    """One address of a server, its pool, and what is known of its health.

    It learns of each request to *pool*; responses in *bad_statuses* are failures too. It takes
    the place of the upstream's counts in the pool, so that an upstream which is not watched does
    nothing for any request.
    """

    __slots__ = ("_bad", "_breaker", "_observe", "_on_failure", "health", "pool", "standing")

    def __init__(
        self,
        pool: AddressPool,
        bad_statuses: Container[int],
        breaker: CircuitBreaker | None,
        on_failure: "Callable[[Member], None]",
    ) -> None:
        self.pool = pool
        self.health = Health()
        self.standing = Standing()
        self._observe = pool.observe
        self._bad = bad_statuses
        self._breaker = breaker
        self._on_failure = on_failure

    @property
    def address(self) -> tuple[Server, str]:
        """Return the server, and which of its addresses this is."""
        return self.pool.server, self.pool.host

    @property
    def name(self) -> str:
        """Return the authority of the server, and the address if the server has a name."""
        server = self.pool.server
        if self.pool.host == server.host:
            return server.authority
        return f"{server.authority} ({self.pool.host})"

    @property
    def state(self) -> ServerState:
        """Return the state that is reported."""
        if not self.health.is_healthy:
            return ServerState.UNHEALTHY
        return ServerState.EJECTED if self.standing.is_ejected else ServerState.UP

    # --- called by the pool

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Count one response, and judge the server by it."""
        self._observe(method, status, seconds)
        if status in self._bad:
            self.pool.fail(monotonic() - seconds)
            return
        self.standing.in_a_row = 0
        if self._breaker is not None:
            self._breaker.responded(monotonic() - seconds)

    def failed(self, sent_at: float) -> None:
        """Note the failure of a request that was sent at *sent_at*."""
        if self._breaker is not None:
            self._breaker.failed(sent_at)
        self._on_failure(self)

    def refused(self) -> None:
        """Note that a connection could not be opened; another server may still get the request."""
        self._on_failure(self)

    def abandoned(self, sent_at: float) -> None:
        """Note that nobody waits any more for the response to a request."""
        if self._breaker is not None:
            self._breaker.abandoned(sent_at)


class Members:
    """All addresses, and *used*, the pools of those that requests are sent to.

    There are none before ``rebuild``. *on_change* is called when *used* changes. The pool of an
    address that is gone is kept until its last request has ended.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        upstream: Upstream,
        make_pool: MakePool,
        *,
        counts: UpstreamMetrics,
        resolver: NameResolver,
        breaker: CircuitBreaker | None,
        chance: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self._name = upstream.name
        self._balancing = upstream.balancing
        self._make_pool = make_pool
        self._counts = counts
        self._breaker = breaker
        self._on_change = on_change
        self._draining: list[AddressPool] = []
        self._lookups = {
            server: ServerAddresses(
                server,
                upstream_name=upstream.name,
                every_seconds=self._balancing.resolve_seconds,
                tally=counts.servers[server.authority],
                resolver=resolver,
                chance=chance,
                on_change=self.rebuild,
            )
            for server in upstream.servers
            if is_name(server.host)
        }
        self._servers = upstream.servers
        self.all: tuple[Member, ...] = ()
        self.used: tuple[AddressPool, ...] = ()
        self.is_panic = False
        self.is_retired = False

    # --- which there are

    def rebuild(self) -> None:
        """Make members of new addresses, and retire those of addresses that are gone."""
        former = self._by_address()
        self.all = tuple(
            former.get(address) or self._make(*address) for address in self._addresses()
        )
        for one in set(former.values()) - set(self.all):
            one.pool.is_used = False
            one.pool.retire()
            self._draining.append(one.pool)
        # A single member is never ejected, so only a circuit breaker needs to know its failures.
        is_watched = len(self.all) > 1 or self._breaker is not None
        for one in self.all:
            one.pool.observe = one.observe if is_watched else self._counts.times.observe
            one.pool.watcher = one if is_watched else None
        self.choose()

    def _by_address(self) -> dict[tuple[Server, str], Member]:
        return {one.address: one for one in self.all}

    def _addresses(self) -> Iterator[tuple[Server, str]]:
        for server in self._servers:
            lookup = self._lookups.get(server)
            for host in (server.host,) if lookup is None else lookup.addresses:
                yield server, host

    def _make(self, server: Server, host: str) -> Member:
        pool = self._make_pool(server, host)
        if self.is_retired:  # a request from before the reload waited for the address
            pool.retire()
        return Member(pool, self._balancing.failure_statuses, self._breaker, self._fail)

    def inherit(self, former: "Members") -> None:
        """Start with what *former*, of the configuration before, knows of the same addresses."""
        for server, lookup in self._lookups.items():
            known = former._lookups.get(server)
            if known is not None:
                lookup.inherit(known)
        self.rebuild()
        members = former._by_address()
        for one in self.all:
            same = members.get(one.address)
            if same is not None:
                one.pool.inherit(same.pool)
                one.standing = copy(same.standing)
                if self._balancing.health is not None:
                    one.health = postpone(same.health, 0.0)
        self.choose()

    async def wait(self, seconds: float) -> str:
        """Wait until a name has resolved, at most *seconds*; return why none has, or ""."""
        try:
            async with asyncio.timeout(seconds):
                for lookup in self._lookups.values():
                    await lookup.wait()
                    if self.all:
                        return ""
        except TimeoutError:
            return f"its name did not resolve within {seconds:g} s"
        return "; ".join(lookup.error for lookup in self._lookups.values())

    # --- which are used

    def choose(self) -> None:
        """Choose again which are used."""
        if len(self.all) == 1:  # it may have had company when it was ejected
            self.all[0].standing.take_back()
        health = self._balancing.health
        is_out = [one.standing.is_ejected or not one.health.is_healthy for one in self.all]
        panic_below = 0.0 if health is None else health.panic_below
        used, is_panic = choose_usable(self.all, is_out, panic_below)
        if is_panic and not self.is_panic:
            _log.warning("upstream %s: too few servers are healthy, all are used", self._name)
        self.is_panic = is_panic
        self.used = tuple(one.pool for one in used)
        used_pools = set(self.used)
        for one in self.all:
            one.pool.is_used = one.pool in used_pools
        self._on_change()

    def _fail(self, member: Member) -> None:
        """Note a failure of *member*, and eject it if that is one too many."""
        now = monotonic()
        others = [one.standing for one in self.all if one is not member]
        limits = self._balancing.ejection
        if not others or not fail(member.standing, others, limits, now):
            return
        self._counts.servers[member.pool.server.authority].ejections += 1
        _log.warning(
            "upstream %s: %s is ejected for %g s: %d requests failed in a row",
            self._name,
            member.name,
            member.standing.ejected_until - now,
            limits.after,
        )
        self.choose()

    def refused(self, pool: AddressPool) -> None:
        """Note that a connection to *pool* failed: its name may have other addresses by now."""
        lookup = self._lookups.get(pool.server)
        if lookup is not None:
            lookup.hurry()

    def sweep(self, now: float) -> None:
        """Readmit members whose ejection is over, and look up the names that are due."""
        for lookup in self._lookups.values():
            lookup.sweep(now)
        if len(self.all) == 1:
            return  # it is never ejected
        back = readmit((one.standing for one in self.all), now)
        for one in self.all:
            if one.standing in back:
                _log.warning("upstream %s: %s is used again", self._name, one.name)
        if back:
            self.choose()

    # --- all together

    def report(self) -> None:
        """Write the current state into the counts."""
        tallies = self._counts.servers
        for authority, tally in tallies.items():
            mine = [one for one in self.all if one.pool.server.authority == authority]
            tally.connections = sum(one.pool.connection_count for one in mine)
            tally.in_flight = sum(one.pool.in_flight for one in mine)
            tally.addresses = {one.pool.host: one.state for one in mine}
            tally.details = {one.pool.host: one.health.detail for one in mine if one.health.detail}

    def pools(self) -> Iterator[AddressPool]:
        """Yield all pools, also those that drain."""
        for one in self.all:
            yield one.pool
        if self._draining:
            self._draining = [
                pool for pool in self._draining if pool.connections or pool.connecting
            ]
            yield from self._draining

    def retire(self) -> None:
        """Let the requests in flight finish, also those that wait for a name."""
        self.is_retired = True
        for pool in self.pools():
            pool.retire()

    def close(self) -> None:
        """Close every connection, and stop looking names up."""
        for lookup in self._lookups.values():
            lookup.close()
        for pool in self.pools():
            pool.close()
