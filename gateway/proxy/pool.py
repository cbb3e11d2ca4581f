"""Connections to the servers of one upstream, kept for the next request."""

import asyncio
import ssl
from time import monotonic

from gateway.proxy.bugs import report_bug
from gateway.proxy.outbox import Outbox
from gateway.proxy.server import NEVER, Home, ServerConnection
from gateway.settings.values import Server, Timeouts, Upstream
from gateway.telemetry.upstream_metrics import UpstreamMetrics
from gateway.tls.no_connection import describe_no_connection


class Unreachable(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """No server of the upstream could be connected to; the text says why not to the last."""


class ServerPool:
    """The open connections of one server, the one used last on top.

    Last in, first out: the busy few stay warm and the rest grow old and are closed.
    """

    __slots__ = (
        "_home",
        "answer_seconds",
        "body_seconds",
        "connections",
        "counts",
        "idle",
        "idle_seconds",
        "outbox",
        "server",
        "server_name",
        "stall_seconds",
    )

    def __init__(
        self,
        server: Server,
        upstream: Upstream,
        timeouts: Timeouts,
        outbox: Outbox,
        counts: UpstreamMetrics,
    ) -> None:
        self.server = server
        # Whom its certificate must be for; asked for in the handshake where it is no address.
        self.server_name = None
        if server.tls and upstream.tls is not None:
            self.server_name = upstream.tls.server_name or server.host
        self.outbox = outbox
        self.answer_seconds = upstream.response_timeout_seconds
        self.idle_seconds = upstream.idle_timeout_seconds
        self.body_seconds = timeouts.body_seconds
        # Event streams are quiet for long: a pause in an answer may last as long as in a tunnel.
        self.stall_seconds = timeouts.tunnel_seconds
        self.counts = counts
        self.idle: list[ServerConnection] = []
        self.connections: set[ServerConnection] = set()
        self._home: Home = self

    def put(self, server: ServerConnection) -> None:
        """Keep a connection that can serve again."""
        server.deadline = monotonic() + self.idle_seconds
        self.idle.append(server)

    def take(self) -> ServerConnection | None:
        """Return an open connection nobody uses, if there is one."""
        idle = self.idle
        if idle:
            self.counts.reused += 1
            return idle.pop()
        return None

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self.connections.discard(server)
        if server in self.idle:
            self.idle.remove(server)

    async def connect(self, tls: ssl.SSLContext | None, timeout_seconds: float) -> ServerConnection:
        """Open a connection; raises OSError (TimeoutError and ssl errors included)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_seconds):
            _, server = await loop.create_connection(
                lambda: ServerConnection(self._home),
                self.server.host,
                self.server.port,
                ssl=tls if self.server.tls else None,
                server_hostname=self.server_name,
            )
        server.home = self._home  # which a reload may have changed meanwhile
        self.connections.add(server)
        self.counts.opened += 1
        return server

    def retire(self) -> None:
        """Close what nobody uses, and keep nothing any more."""
        self._home = home = _Retired(self)
        for server in tuple(self.connections):
            server.home = home
        for server in tuple(self.idle):
            server.close()


class _Retired:
    """The home of connections whose pool is no more: those who come home are closed."""

    __slots__ = ("_pool", "answer_seconds", "body_seconds", "counts", "outbox", "stall_seconds")

    def __init__(self, pool: ServerPool) -> None:
        self._pool = pool
        self.outbox = pool.outbox
        self.counts = pool.counts
        self.answer_seconds = pool.answer_seconds
        self.body_seconds = pool.body_seconds
        self.stall_seconds = pool.stall_seconds

    def put(self, server: ServerConnection) -> None:
        """Close a connection that could have served again."""
        server.close()

    def forget(self, server: ServerConnection) -> None:
        """Drop a connection that is gone."""
        self._pool.forget(server)


def _expire(server: ServerConnection) -> None:
    """Act on the deadline of *server*; a bug in that must not suspend those of the others."""
    try:
        server.expire()
    except Exception as bug:
        report_bug("a bug at the end of a server's time", bug)
        server.transport.abort()


class Pool:
    """The servers of one upstream, asked in turn; those with https are spoken to by *tls*."""

    def __init__(
        self,
        upstream: Upstream,
        timeouts: Timeouts,
        outbox: Outbox,
        counts: UpstreamMetrics,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = upstream.name
        self.counts = counts
        self._connect_seconds = upstream.connect_timeout_seconds
        self._servers = tuple(
            ServerPool(server, upstream, timeouts, outbox, counts) for server in upstream.servers
        )
        self._turn = 0
        if len(self._servers) == 1:
            self.take = self._servers[0].take  # type: ignore[method-assign]  # no turn to take
        self._tls = tls

    def take(self) -> ServerConnection | None:
        """Return an open connection to the server whose turn it is, if it has one."""
        servers = self._servers
        self._turn = turn = (self._turn + 1) % len(servers)
        return servers[turn].take()

    async def connect(self) -> ServerConnection:
        """Open a connection to the server whose turn it is, else to the next that answers.

        Trying the next is safe: nothing was sent. Raises Unreachable.
        """
        first, why = self._turn, ""
        for step in range(len(self._servers)):
            server = self._servers[(first + step) % len(self._servers)]
            try:
                return await server.connect(self._tls, self._connect_seconds)
            except OSError as error:  # TimeoutError and ssl.SSLError are among them
                why = describe_no_connection(error, self._connect_seconds)
        raise Unreachable(why)

    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""
        for pool in self._servers:
            for server in tuple(pool.connections):
                if server.deadline < now:
                    _expire(server)

    def retire(self) -> None:
        """Let the requests under way finish, each on a connection that ends with it."""
        for pool in self._servers:
            pool.retire()

    def close(self) -> None:
        """Close every connection."""
        for pool in self._servers:
            pool.idle.clear()
            for server in tuple(pool.connections):
                server.deadline = NEVER
                server.close()
