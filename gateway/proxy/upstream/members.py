"""The addresses of an upstream's servers, and which of them are used."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from copy import copy
from time import monotonic

from gateway.balancing.ejection import fail, readmit
from gateway.balancing.health import postpone
from gateway.balancing.usable import choose_usable
from gateway.proxy.upstream.circuit import Circuit
from gateway.proxy.upstream.member import Member
from gateway.proxy.upstream.resolved import Resolved, Resolves, is_name
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.configuration import Server, Upstream
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

_log = logging.getLogger(__name__)

MakePool = Callable[[Server, str], ServerPool]


class Members:
    """All addresses, and *used*, the pools of those that requests are sent to.

    There are none before ``rebuild``. *on_change* is called when there are others in *used*.
    Those that a name has no more are kept until the requests under way there have ended.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        upstream: Upstream,
        make_pool: MakePool,
        *,
        counts: UpstreamMetrics,
        resolver: Resolves,
        circuit: Circuit | None,
        chance: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self._name = upstream.name
        self._balancing = upstream.balancing
        self._make_pool = make_pool
        self._counts = counts
        self._circuit = circuit
        self._on_change = on_change
        self._leaving: list[ServerPool] = []
        self._resolved = {
            server: Resolved(
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
        self.used: tuple[ServerPool, ...] = ()
        self.is_panic = False
        self.is_retired = False

    # --- which there are

    def rebuild(self) -> None:
        """Make members of new addresses, and part from those that are none any more."""
        former = self._by_address()
        self.all = tuple(
            former.get(address) or self._make(*address) for address in self._addresses()
        )
        for one in set(former.values()) - set(self.all):
            one.pool.is_used = False
            one.pool.retire()
            self._leaving.append(one.pool)
        # Where there is one alone, nobody need know how it does but the breaker.
        is_watched = len(self.all) > 1 or self._circuit is not None
        for one in self.all:
            one.pool.counts = one if is_watched else self._counts
            one.pool.watch = one if is_watched else None
        self.choose()

    def _by_address(self) -> dict[tuple[Server, str], Member]:
        return {one.address: one for one in self.all}

    def _addresses(self) -> Iterator[tuple[Server, str]]:
        for server in self._servers:
            resolved = self._resolved.get(server)
            for host in (server.host,) if resolved is None else resolved.addresses:
                yield server, host

    def _make(self, server: Server, host: str) -> Member:
        pool = self._make_pool(server, host)
        if self.is_retired:  # a request waited for the address since before
            pool.retire()
        return Member(pool, self._balancing.failure_statuses, self._circuit, self._fail)

    def inherit(self, former: "Members") -> None:
        """Begin with what *former*, of the configuration before, knows of the same addresses."""
        for server, resolved in self._resolved.items():
            known = former._resolved.get(server)
            if known is not None:
                resolved.inherit(known)
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
        """Wait for names to resolve, so long; return why one does not, where none does."""
        try:
            async with asyncio.timeout(seconds):
                for resolved in self._resolved.values():
                    await resolved.wait()
                    if self.all:
                        return ""
        except TimeoutError:
            return f"no answer about its name in {seconds:g} s"
        return "; ".join(resolved.error for resolved in self._resolved.values())

    # --- which are used

    def choose(self) -> None:
        """Choose anew which are used."""
        if len(self.all) == 1:  # it may not have been alone when it was left out
            self.all[0].standing.take_back()
        health = self._balancing.health
        is_out = [one.standing.is_ejected or not one.health.is_well for one in self.all]
        panic_below = 0.0 if health is None else health.panic_below
        used, is_panic = choose_usable(self.all, is_out, panic_below)
        if is_panic and not self.is_panic:
            _log.warning("upstream %s: too few servers are well, all are used", self._name)
        self.is_panic = is_panic
        self.used = tuple(one.pool for one in used)
        used_pools = set(self.used)
        for one in self.all:
            one.pool.is_used = one.pool in used_pools
        self._on_change()

    def _fail(self, member: Member) -> None:
        """Leave out *member*, to which a request failed, if it is one too many."""
        now = monotonic()
        others = [one.standing for one in self.all if one is not member]
        limits = self._balancing.ejection
        if not others or not fail(member.standing, others, limits, now):
            return
        self._counts.servers[member.pool.server.authority].ejections += 1
        _log.warning(
            "upstream %s: %s is left out for %g s: %d requests to it failed in a row",
            self._name,
            member.name,
            member.standing.ejected_until - now,
            limits.after,
        )
        self.choose()

    def refused(self, pool: ServerPool) -> None:
        """Take that *pool* could not be connected to: its name may have moved."""
        resolved = self._resolved.get(pool.server)
        if resolved is not None:
            resolved.hurry()

    def sweep(self, now: float) -> None:
        """Take back those whose time is over, and look up the names whose time it is."""
        for resolved in self._resolved.values():
            resolved.sweep(now)
        if len(self.all) == 1:
            return  # which is never left out
        back = readmit((one.standing for one in self.all), now)
        for one in self.all:
            if one.standing in back:
                _log.warning("upstream %s: %s is used again", self._name, one.name)
        if back:
            self.choose()

    # --- all together

    def report(self) -> None:
        """Write how things are now where it is read."""
        tallies = self._counts.servers
        for authority, tally in tallies.items():
            mine = [one for one in self.all if one.pool.server.authority == authority]
            tally.connections = sum(len(one.pool.connections) for one in mine)
            tally.in_flight = sum(one.pool.in_flight for one in mine)
            tally.addresses = {one.pool.host: one.state for one in mine}
            tally.details = {one.pool.host: one.health.detail for one in mine if one.health.detail}

    def pools(self) -> Iterator[ServerPool]:
        """Yield all pools, of those that are leaving, too."""
        for one in self.all:
            yield one.pool
        if self._leaving:
            self._leaving = [pool for pool in self._leaving if pool.connections]
            yield from self._leaving

    def retire(self) -> None:
        """Let the requests under way finish, those that wait for a name too."""
        self.is_retired = True
        for pool in self.pools():
            pool.retire()

    def close(self) -> None:
        """Close every connection, and look up nothing any more."""
        for resolved in self._resolved.values():
            resolved.close()
        for pool in self.pools():
            pool.close()
