"""The servers of one upstream: which of them gets a request, and on which connection."""

import random
import ssl
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final

from gateway.balancing.choice import LeastRequests, RoundRobin
from gateway.balancing.retry_budget import RetryBudget
from gateway.decision.reason import Reason
from gateway.fetching.resolver import Resolver
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.address_pool import AddressPool
from gateway.proxy.upstream.capped_pool import CappedPool
from gateway.proxy.upstream.circuit_breaker import CircuitBreaker
from gateway.proxy.upstream.connection import ServerConnection
from gateway.proxy.upstream.health_checks import HealthChecks
from gateway.proxy.upstream.lease import Lease, LeaseOwner
from gateway.proxy.upstream.members import Members
from gateway.proxy.upstream.queue import IsWanted, NoServer, Queue
from gateway.proxy.upstream.server_addresses import NameResolver
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.proxy.upstream.stream_pool import StreamPool
from gateway.settings.values.balancing import Balance
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.upstreams import UpstreamMetrics
from gateway.tls.no_connection import describe_no_connection

# RFC 9110 §9.2.1: the safe methods that are forwarded.
_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))


class Pool:
    """Finds a connection for each request; *tls* is for servers with https.

    ``take`` is bound to the cheapest way that works at the time, so that each request pays only
    for what its upstream needs: a single server is asked directly, several are balanced, and with
    an open circuit breaker none is.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what connections need
        self,
        upstream: Upstream,
        timeouts: Timeouts,
        write_buffer: WriteBuffer,
        counts: UpstreamMetrics,
        tls: ssl.SSLContext | None = None,
        resolver: NameResolver | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        balancing = upstream.balancing
        self.name = upstream.name
        self.shares_connections = upstream.is_http2
        self.counts = counts
        counts.use([server.authority for server in upstream.servers])
        self._upstream, self._timeouts, self._write_buffer = upstream, timeouts, write_buffer
        self._tls = tls
        self._connect_seconds = upstream.connect_timeout_seconds
        self._max_connections = balancing.max_connections
        self._queue: Queue[Lease | AddressPool] = Queue(balancing.queue, counts)
        self._budget = RetryBudget(balancing.retries.budget, counts.requests, monotonic())
        is_least = balancing.balance is Balance.LEAST_REQUESTS
        self._balance = LeastRequests() if is_least else RoundRobin()
        self._breaker = None
        if balancing.breaker is not None:
            self._breaker = CircuitBreaker(balancing.breaker, counts, self._bind_take)
        self._members = members = Members(
            upstream,
            self._make_pool,
            counts=counts,
            resolver=resolver or Resolver(),
            breaker=self._breaker,
            chance=chance,
            on_change=self._bind_take,
        )
        self._checks = None
        if balancing.health is not None:
            self._checks = HealthChecks(upstream.name, balancing.health, members, chance)
        members.rebuild()

    def _make_pool(self, server: Server, host: str) -> AddressPool:
        upstream, counts, most = self._upstream, self.counts, self._max_connections
        tally = counts.servers[server.authority]
        parts = (
            server,
            host,
            upstream,
            self._timeouts,
            self._write_buffer,
            counts,
            tally,
            self._tls,
        )
        if upstream.is_http2:
            return StreamPool(most, self._queue, *parts)
        return ServerPool(*parts) if most is None else CappedPool(most, self._queue, *parts)

    def inherit(self, former: "Pool") -> None:
        """Start with what *former*, of the configuration before, knows of the same servers."""
        self._members.inherit(former._members)

    # --- a connection for a request

    def _bind_take(self) -> None:
        """Bind ``take`` to the cheapest way that works now."""
        used = self._members.used
        if not used or not (self._breaker is None or self._breaker.is_closed):
            self.take = self._take_nothing  # type: ignore[method-assign]
        elif len(used) == 1:
            self.take = used[0].take  # type: ignore[method-assign]
        else:
            self._used = used
            is_shared = self.shares_connections
            how = self._take_balanced_stream if is_shared else self._take_balanced
            self.take = how  # type: ignore[method-assign]

    def take(self) -> Lease | None:
        """Return an idle connection to the server whose turn it is, or None."""
        raise NotImplementedError  # replaced by `_bind_take`

    def _take_nothing(self) -> None:
        """Leave the request to ``connect``."""

    def _take_balanced(self) -> ServerConnection | None:
        server = self._balance.choose(self._used)
        idle: list[ServerConnection] = server.idle  # type: ignore[assignment] # of a ServerPool
        if not idle:
            return None  # and it stays that server's turn, for `connect`
        self._balance.took()
        server.tally.reused += 1
        return idle.pop()

    def _take_balanced_stream(self) -> Lease | None:
        lease = self._balance.choose(self._used).take()
        if lease is not None:
            self._balance.took()
        return lease

    @property
    def is_retired(self) -> bool:
        """Return whether its configuration was replaced."""
        return self._members.is_retired

    def may_use(self, server_pool: AddressPool) -> bool:
        """Return whether a client's own connection there may be used at once."""
        return server_pool.is_used and (self._breaker is None or self._breaker.is_closed)

    async def connect(
        self,
        avoid: LeaseOwner | None = None,
        is_wanted: IsWanted = lambda: True,
        is_new: bool = False,
    ) -> Lease:
        """Return a connection, preferably not to *avoid*; raises NoServer.

        If a connection fails, the next server is tried: nothing was sent. A request waits for a
        free connection as long as it *is_wanted*; if it is not wanted any more when it gets one,
        the caller gives that back. A connection that *is_new* has not carried a request yet.
        """
        breaker = self._breaker
        if breaker is None:
            return await self._find(avoid, is_wanted, is_new)
        began = monotonic()
        if not breaker.admit(began):
            raise NoServer(Reason.UPSTREAM_UNAVAILABLE, "the circuit breaker is open")
        try:
            server = await self._find(avoid, is_wanted, is_new)
        except BaseException as error:
            if isinstance(error, NoServer) and error.reason is Reason.UPSTREAM_UNREACHABLE:
                breaker.failed(began)
            else:
                breaker.abandoned(began)
            raise
        if not is_wanted():
            breaker.abandoned(began)
        return server

    async def _find(self, avoid: LeaseOwner | None, is_wanted: IsWanted, is_new: bool) -> Lease:
        members = self._members
        why = "" if members.all else await members.wait(self._connect_seconds)
        tried: list[LeaseOwner] = [] if avoid is None else [avoid]
        while True:
            left = self._left(tried)
            if not left and avoid is not None:
                tried.remove(avoid)  # better than none
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
            # One from the queue may have closed before this task ran.
            if server is not None and server.is_open:
                return server

    def _left(self, tried: Collection[LeaseOwner]) -> list[AddressPool]:
        """Return the servers that were not tried; those not in use only if no other is left."""
        members = self._members
        used = [pool for pool in members.used if pool not in tried]
        return used or [one.pool for one in members.all if one.pool not in tried]

    async def _from(
        self,
        left: list[AddressPool],
        tried: list[LeaseOwner],
        is_wanted: IsWanted,
        is_new: bool,
    ) -> Lease | None:
        """Return a connection to one of the servers *left*, once one has room.

        None says that it has no room any more. Raises OSError, and then that server is among
        those *tried*; or NoServer.
        """
        free = [pool for pool in left if pool.has_room()]
        if free:
            server = self._balance.choose(free)
            self._balance.took()
            kept = None if is_new else server.take()
            if kept is not None:
                return kept
        else:
            served = await self._queue.wait(is_wanted)
            if isinstance(served, AddressPool):
                served.redeem()
                server = served
            elif (
                is_new
                and isinstance(served, ServerConnection)
                and isinstance(served.owner, CappedPool)
            ):
                server = served.owner
                server.replace(served)
            else:
                return served
        try:
            return await server.connect(is_new)
        except OSError:
            tried.append(server)
            self._members.refused(server)
            raise

    # --- retries

    def repeats(self, method: str) -> bool:
        """Return whether a request is retried when its kept connection ends."""
        return method in _SAFE_METHODS and self._upstream.balancing.retries.kept_connections

    def may_repeat(self, method: str, is_unsent: bool, is_stale: bool) -> bool:
        """Return whether a failed request may be retried, and count the retry if so.

        *is_unsent* says that the server cannot have read a byte of it. Any other request may have
        been acted on, and is retried only if the configuration lists its method. *is_stale* says
        that a kept connection ended under a request that is safe or unsent. Such retries need no
        budget: the connection had carried a request before, so there are no more of them than
        requests that succeeded, and a server that never responds causes none.
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
        if not len(self._queue):
            return
        self._queue.expire(now)
        for pool in self._members.used:
            pool.serve()

    def report(self) -> None:
        """Write the current state into the counts."""
        self.counts.queued = len(self._queue)
        self.counts.panics = int(self._members.is_panic)
        self.counts.breakers_open = int(self._breaker is not None and not self._breaker.is_closed)
        self._members.report()

    def retire(self) -> None:
        """Let the requests in flight finish; each connection is closed after its response."""
        if self._checks is not None:
            self._checks.close()
        self._members.retire()

    def close(self) -> None:
        """Close every connection."""
        self.retire()
        self._members.close()
