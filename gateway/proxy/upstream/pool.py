"""The servers of one upstream: which of them gets a request, and by which connection."""

import random
import ssl
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final

from gateway.balancing.choice import LeastRequests, RoundRobin
from gateway.balancing.retry_budget import RetryBudget
from gateway.decision.reason import Reason
from gateway.fetching.resolver import Resolver
from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.capped_pool import CappedPool
from gateway.proxy.upstream.checks import Checks
from gateway.proxy.upstream.circuit import Circuit
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.members import Members
from gateway.proxy.upstream.queue import IsWanted, Line, NoServer
from gateway.proxy.upstream.resolved import Resolves
from gateway.proxy.upstream.roles import Home
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.balancing import Balance
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.upstreams import UpstreamMetrics
from gateway.tls.no_connection import describe_no_connection

# RFC 9110 §9.2.1, those that are forwarded: they ask for nothing but an answer.
_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


class Pool:
    """Finds a connection for each request; servers with https are spoken to by *tls*.

    What costs something is bound to ``take`` only where it is needed: one server alone is asked
    directly, and an open circuit breaker takes the place of all.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what connections need
        self,
        upstream: Upstream,
        timeouts: Timeouts,
        outbox: Outbox,
        counts: UpstreamMetrics,
        tls: ssl.SSLContext | None = None,
        resolver: Resolves | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        balancing = upstream.balancing
        self.name = upstream.name
        self.counts = counts
        counts.use([server.authority for server in upstream.servers])
        self._upstream, self._timeouts, self._outbox = upstream, timeouts, outbox
        self._tls = tls
        self._connect_seconds = upstream.connect_timeout_seconds
        self._max_connections = balancing.max_connections
        self._line: Line[ServerConnection | CappedPool] = Line(balancing.queue, counts)
        self._budget = RetryBudget(balancing.retries.budget, counts.requests, monotonic())
        is_least = balancing.balance is Balance.LEAST_REQUESTS
        self._balance = LeastRequests() if is_least else RoundRobin()
        self._circuit = None
        if balancing.breaker is not None:
            self._circuit = Circuit(balancing.breaker, counts, self._bind)
        self._members = members = Members(
            upstream,
            self._make_pool,
            counts=counts,
            resolver=resolver or Resolver(),
            circuit=self._circuit,
            chance=chance,
            on_change=self._bind,
        )
        self._checks = None
        if balancing.health is not None:
            self._checks = Checks(upstream.name, balancing.health, members, tls, chance)
        members.rebuild()

    def _make_pool(self, server: Server, host: str) -> ServerPool:
        counts = self.counts
        tally = counts.servers[server.authority]
        parts = (server, host, self._upstream, self._timeouts, self._outbox, counts, tally)
        if self._max_connections is None:
            return ServerPool(*parts)
        return CappedPool(self._max_connections, self._line, *parts)

    def inherit(self, former: "Pool") -> None:
        """Begin with what *former*, of the configuration before, knows of the same servers."""
        self._members.inherit(former._members)

    # --- a connection for a request

    def _bind(self) -> None:
        """Have ``take`` be what is cheapest for how things are."""
        used = self._members.used
        if not used or not (self._circuit is None or self._circuit.is_closed):
            self.take = self._take_nothing  # type: ignore[method-assign]
        elif len(used) == 1:
            self.take = used[0].take  # type: ignore[method-assign]
        else:
            self._used = used
            self.take = self._take_balanced  # type: ignore[method-assign]

    def take(self) -> ServerConnection | None:
        """Return an open connection to the server whose turn it is, if it has one."""
        raise NotImplementedError  # one of those below, as bound

    def _take_nothing(self) -> None:
        """Leave it to ``connect``."""

    def _take_balanced(self) -> ServerConnection | None:
        server = self._balance.choose(self._used)
        idle: list[ServerConnection] = server.idle
        if not idle:
            return None  # and it is still its turn
        self._balance.took()
        server.tally.reused += 1
        return idle.pop()

    @property
    def is_retired(self) -> bool:
        """Return whether the configuration that it is of was replaced."""
        return self._members.is_retired

    def may_use(self, server_pool: ServerPool) -> bool:
        """Return whether a client's own connection there may be used at once."""
        return server_pool.is_used and (self._circuit is None or self._circuit.is_closed)

    async def connect(
        self,
        avoid: Home | None = None,
        is_wanted: IsWanted = lambda: True,
        is_new: bool = False,
    ) -> ServerConnection:
        """Return a connection, by preference not to *avoid*; raises NoServer.

        Where one server cannot be connected to, the next is tried: nothing was sent. Who waits
        for a free one does so as long as it *is_wanted*; whoever does not want the connection
        any more gives it back. One that *is_new* has not served yet.
        """
        circuit = self._circuit
        if circuit is None:
            return await self._find(avoid, is_wanted, is_new)
        began = monotonic()
        if not circuit.admit(began):
            raise NoServer(Reason.UPSTREAM_UNAVAILABLE, "too many requests to it fail")
        try:
            server = await self._find(avoid, is_wanted, is_new)
        except BaseException as error:
            if isinstance(error, NoServer) and error.reason is Reason.UPSTREAM_UNREACHABLE:
                circuit.failed(began)
            else:
                circuit.abandoned(began)
            raise
        if not is_wanted():
            circuit.abandoned(began)
        return server

    async def _find(
        self, avoid: Home | None, is_wanted: IsWanted, is_new: bool
    ) -> ServerConnection:
        members = self._members
        why = "" if members.all else await members.wait(self._connect_seconds)
        tried: list[Home] = [] if avoid is None else [avoid]
        while True:
            left = self._left(tried)
            if not left and avoid is not None:
                tried.remove(avoid)  # better than nobody
                avoid = None
                continue
            if not left or len(tried) > 2 * len(members.all):
                raise NoServer(
                    Reason.UPSTREAM_UNREACHABLE, f"no server could be connected to: {why}"
                )
            try:
                server = await self._from(left, tried, is_wanted, is_new)
            except OSError as error:  # TimeoutError and ssl.SSLError are among them
                why = describe_no_connection(error, self._connect_seconds)
                continue
            if server.is_open:  # one from the line may be closed before it is our turn
                return server

    def _left(self, tried: Collection[Home]) -> list[ServerPool]:
        """Return the servers that were not tried; of those not used, only where no other is."""
        members = self._members
        used = [pool for pool in members.used if pool not in tried]
        return used or [one.pool for one in members.all if one.pool not in tried]

    async def _from(
        self, left: list[ServerPool], tried: list[Home], is_wanted: IsWanted, is_new: bool
    ) -> ServerConnection:
        """Return a connection to one of those that are *left*, once one has room.

        Raises OSError, and then the server is among those *tried*; or NoServer.
        """
        free = [pool for pool in left if pool.has_room()]
        if free:
            server = self._balance.choose(free)
            self._balance.took()
            kept = None if is_new else server.take()
            if kept is not None:
                return kept
        else:
            served = await self._line.wait(is_wanted)
            if isinstance(served, CappedPool):
                served.redeem()
                server = served
            elif is_new and isinstance(served.home, CappedPool):
                server = served.home
                server.replace(served)
            else:
                return served
        try:
            return await server.connect(self._tls, self._connect_seconds)
        except OSError:
            tried.append(server)
            self._members.refused(server)
            raise

    # --- once more

    def repeats(self, method: str) -> bool:
        """Return whether a request is sent again where a kept connection ended under it."""
        return method in _SAFE_METHODS and self._upstream.balancing.retries.kept_connections

    def may_repeat(self, method: str, is_unsent: bool, is_stale: bool) -> bool:
        """Return whether a request that failed may be sent again, and count it if so.

        *is_unsent* says that no byte of it can have been read. All others may have been acted
        on, and are sent again only where the configuration says that this does no harm.
        *is_stale* says that a kept connection ended under one that is safe or unsent. These need
        no budget: the connection had served a request before, so they are no more than those
        that were answered, and a service that answers nobody has none of them.
        """
        if is_stale:
            self.counts.retries += 1
            return True
        if not is_unsent and method not in self._upstream.balancing.retries.methods:
            return False
        if not self._budget.withdraw(self.counts.requests, monotonic()):
            self.counts.refused_retries += 1
            return False
        self.counts.retries += 1
        return True

    # --- time passes

    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""
        for pool in self._members.pools():
            pool.expire(now)
        if not self._members.is_retired:
            self._members.sweep(now)
            if self._checks is not None:
                self._checks.sweep(now)
        if not len(self._line):
            return
        self._line.expire(now)
        for pool in self._members.used:
            if isinstance(pool, CappedPool):
                pool.serve()

    def report(self) -> None:
        """Write how things are now where it is read."""
        self.counts.queued = len(self._line)
        self.counts.panics = int(self._members.is_panic)
        self.counts.breakers_open = int(self._circuit is not None and not self._circuit.is_closed)
        self._members.report()

    def retire(self) -> None:
        """Let the requests under way finish, each on a connection that ends with it."""
        if self._checks is not None:
            self._checks.close()
        self._members.retire()

    def close(self) -> None:
        """Close every connection."""
        self.retire()
        self._members.close()
